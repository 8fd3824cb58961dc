// env/sim/process.h: one process of a universe: everything that one member, or one client, uses.
//
// Order of life:
//   (1) made on a host, over a drive; what it is to run is made through env(), as over env::posix::World;
//   (2) loops take turns as the universe goes on, nothing has to be started;
//   (3) either its owner takes down what it made, then this; or kill() ends it, no callback runs any more, and
//       the owner then destroys what it made, whose last calls to the env are without effect, then this.
// kill() must not be called within a turn of its loops: use Universe::after(0ns, ...).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "env/env.h"
#include "env/mailbox.h"
#include "env/sim/clock.h"
#include "env/sim/disk.h"
#include "env/sim/drive.h"
#include "env/sim/loop.h"
#include "env/sim/net.h"
#include "env/sim/network.h"
#include "env/sim/pool.h"
#include "env/sim/universe.h"

namespace quorate::env::sim {

enum class Death : uint8_t {
  kKilled,     // its system goes on: caches are kept, peers see resets
  kPowerLoss,  // of the whole host: the drive crashes, peers see silence, then resets
};

struct ProcessOptions {
  std::string host = "10.0.0.1";
  size_t io_loops = 0;  // 0: the core loop serves the sockets as well
  Duration wall_offset = {};
  int64_t drift_ppm = 0;
};

class Process {
 public:
  // All must outlive it. Powers the host on.
  Process(Universe& universe, SimNetwork& network, SimDrive& drive, const ProcessOptions& options, Log& log,
          Trace& trace);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  Env env() { return {clock_, core_, core_net_, disk_, pool_, log_, metrics_, trace_, seed_}; }

  // As env::posix::World has them.
  size_t serving_loops() const { return io_.empty() ? 1 : io_.size(); }
  LoopEnv serving_loop(size_t i);
  // Runs `task` on serving loop i.
  void send(size_t i, Task task);

  void kill(Death death);
  bool dead() const { return dead_; }
  // All its loops get no time for `span`: a stopped process, a paused machine.
  void pause(Duration span);

  SimClock& clock() { return clock_; }
  SimLoop& core() { return core_; }
  SimDisk& disk() { return disk_; }
  SimPool& pool() { return pool_; }
  const std::string& host() const { return host_; }
  uint64_t id() const { return id_; }  // unique in its universe

 private:
  struct Io;

  Universe& universe_;
  SimNetwork& network_;
  Log& log_;
  Trace& trace_;
  const uint64_t id_;
  const std::string host_;
  const uint64_t seed_;
  bool dead_ = false;
  SimClock clock_;
  Metrics metrics_;
  SimLoop core_;
  SimPool pool_;
  SimDisk disk_;
  SimNet core_net_;
  Mailbox<Task> core_tasks_;
  std::vector<std::unique_ptr<Io>> io_;
};

}  // namespace quorate::env::sim
