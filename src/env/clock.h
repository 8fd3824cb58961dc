// env/clock.h: the only door to the time.
#pragma once

#include "base/time.h"

namespace quorate::env {

class Clock {
 public:
  virtual ~Clock() = default;
  // Never steps back. Any thread. A Loop may answer the time at which its current turn began.
  virtual MonoTime now() = 0;
  // The time of the outside; may jump either way. Any thread.
  virtual WallTime wall() = 0;
};

}  // namespace quorate::env
