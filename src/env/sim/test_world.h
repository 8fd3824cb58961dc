// env/sim/test_world.h: worlds for the contract suites and the tests of this module; for tests only.
#pragma once

#include <memory>
#include <string>

#include "env/net_endpoint.h"
#include "env/sim/process.h"

namespace quorate::env::sim {

// A universe with a network, a drive and one process on it.
class TestWorld {
 public:
  explicit TestWorld(uint64_t seed, const ProcessOptions& options = {}) : universe(seed) { start(options); }

  // The process goes, another one comes.
  void start(const ProcessOptions& options = {}) {
    process.reset();
    process = std::make_unique<Process>(universe, network, drive, options, log, trace);
  }
  // Another one, on a drive of its own.
  std::unique_ptr<Process> another(const std::string& host) {
    return std::make_unique<Process>(universe, network, other_drive, ProcessOptions{.host = host}, log, trace);
  }

  Loop& loop() { return process->core(); }
  Net& net() { return process->env().net; }
  Disk& disk() { return process->disk(); }
  Clock& clock() { return process->clock(); }
  std::string folder() { return "/"; }
  Address free_address() { return {"10.0.0.1", 0, ""}; }
  Address dead_address() { return {"10.0.0.1", 9, ""}; }
  bool run_until(std::move_only_function<bool()> done) { return universe.run_until(std::move(done), 60s); }

  Universe universe;
  SimNetwork network{universe};
  SimDrive drive{universe, 1};
  SimDrive other_drive{universe, 2};
  NullLog log;
  Trace trace;
  std::unique_ptr<Process> process;
};

template <uint64_t kSeed>
class SeededWorld : public TestWorld {
 public:
  SeededWorld() : TestWorld(kSeed) {}
};

// The same with unix sockets.
template <uint64_t kSeed>
class SeededUnixWorld : public SeededWorld<kSeed> {
 public:
  Address free_address() { return {"", 0, "/socket"}; }
  Address dead_address() { return {"", 0, "/dead"}; }
};

}  // namespace quorate::env::sim
