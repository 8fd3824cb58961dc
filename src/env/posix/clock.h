// env/posix/clock.h: the system's clocks.
#pragma once

#include "env/clock.h"

namespace quorate::env::posix {

class PosixClock final : public Clock {
 public:
  MonoTime now() override;
  WallTime wall() override;
};

}  // namespace quorate::env::posix
