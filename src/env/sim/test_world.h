// env/sim/test_world.h: worlds for the contract suites and the tests of this module; for tests only.
#pragma once

#include <memory>
#include <string>

#include "env/sim/process.h"

namespace quorate::env::sim {

template <uint64_t kSeed>
class SimTestWorld {
 public:
  SimTestWorld() { process_ = std::make_unique<Process>(universe_, network_, drive_, ProcessOptions{}, log_, trace_); }

  Loop& loop() { return process_->core(); }
  Net& net() { return process_->env().net; }
  Disk& disk() { return process_->disk(); }
  Clock& clock() { return process_->clock(); }
  std::string folder() { return "/"; }
  Address free_address() { return {"10.0.0.1", 0, ""}; }
  Address dead_address() { return {"10.0.0.1", 9, ""}; }
  bool run_until(std::move_only_function<bool()> done) { return universe_.run_until(std::move(done), 60s); }

 private:
  Universe universe_{kSeed};
  SimNetwork network_{universe_};
  SimDrive drive_{universe_, 1};
  NullLog log_;
  Trace trace_;
  std::unique_ptr<Process> process_;
};

}  // namespace quorate::env::sim
