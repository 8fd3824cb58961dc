// env/pool.h: threads for work that may take long and shares nothing.
#pragma once

#include "env/loop.h"

namespace quorate::env {

class Pool {
 public:
  virtual ~Pool() = default;
  // Runs `work` off the loop, then `done` on the core loop. `work` may touch only what it owns.
  virtual void submit(Task work, Task done) = 0;
};

}  // namespace quorate::env
