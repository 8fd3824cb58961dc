// env/posix/world.h: everything of the system that one member uses, made and ended in order.
//
// Threads: made, run and destroyed by one thread, the core loop's.
// Order of life, which callers may rely on:
//   (1) create(); then whatever belongs to a loop is made, while no loop runs;
//   (2) start_io_loops(), run(); from then on each loop's things are touched on its own thread only;
//   (3) stop() makes run() return; stop_io_loops() ends the io loops; then everything may be taken down on
//       the thread that ran the core loop, and the World last.
#pragma once

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "base/result.h"
#include "env/env.h"
#include "env/mailbox.h"
#include "env/posix/clock.h"
#include "env/posix/disk.h"
#include "env/posix/log.h"
#include "env/posix/loop.h"
#include "env/posix/net.h"
#include "env/posix/pool.h"

namespace quorate::env::posix {

struct WorldOptions {
  size_t io_loops = 0;  // 0: the core loop serves the sockets as well
  size_t pool_threads = 2;
  LogOptions log;
  uint64_t seed = 0;  // 0: drawn from the system
};

class World {
 public:
  // `trace` must outlive the World and is called from all its loops.
  static Result<std::unique_ptr<World>> create(const WorldOptions& options, Trace& trace);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Env env() { return {clock_, core_, core_net_, disk_, pool_, *log_, metrics_, trace_, seed_}; }

  // The loops that serve clients: the io loops, or the core loop where there are none. At least one.
  size_t serving_loops() const { return io_.empty() ? 1 : io_.size(); }
  LoopEnv serving_loop(size_t i);
  // Runs `task` on serving loop i. Any thread, while the loop runs or before.
  void send(size_t i, Task task);

  void start_io_loops();
  // Stops the io loops and waits for their threads. Does nothing when none was started.
  void stop_io_loops();
  // The core loop, on this thread, until stop().
  void run() { core_.run(); }
  // Any thread.
  void stop() { core_.stop(); }

  PosixLoop& core() { return core_; }
  PosixLog& log() { return *log_; }

 private:
  struct Io;

  World(const WorldOptions& options, std::unique_ptr<PosixClock> clock, std::unique_ptr<PosixLog> log, Trace& trace);

  const std::unique_ptr<PosixClock> owned_clock_;
  PosixClock& clock_;
  const std::unique_ptr<PosixLog> log_;
  Trace& trace_;
  Metrics metrics_;
  uint64_t seed_;
  PosixLoop core_;
  PosixPool pool_;
  PosixDisk disk_;
  PosixNet core_net_;
  Mailbox<Task> core_tasks_;
  std::vector<std::unique_ptr<Io>> io_;
};

}  // namespace quorate::env::posix
