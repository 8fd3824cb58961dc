#include "env/posix/world.h"

#include <sys/random.h>

#include <limits>

#include "base/check.h"
#include "env/posix/process_metrics.h"

namespace quorate::env::posix {
namespace {

// Of a source's number in the trace; the higher ones tell io loops apart.
constexpr int kSourceBits = 48;

uint64_t drawn_seed() {
  uint64_t seed = 0;
  CHECK(::getrandom(&seed, sizeof seed, 0) == static_cast<ssize_t>(sizeof seed));
  return seed;
}

}  // namespace

struct World::Io {
  Io(Clock& clock, PosixPool& pool, Log& log, Trace& trace, size_t number)
      : loop(clock, log),
        net(loop, pool, log, trace, ((number + 1) << kSourceBits) + 1),
        tasks(loop, Priority::kCompletion, std::numeric_limits<size_t>::max(), [](Task&& task) { task(); }) {}

  PosixLoop loop;
  PosixNet net;
  Mailbox<Task> tasks;
  std::thread thread;
};

Result<std::unique_ptr<World>> World::create(const WorldOptions& options, Trace& trace) {
  auto clock = std::make_unique<PosixClock>();
  TRY(std::unique_ptr<PosixLog> log, PosixLog::open(options.log, *clock));
  return std::unique_ptr<World>(new World(options, std::move(clock), std::move(log), trace));
}

World::World(const WorldOptions& options, std::unique_ptr<PosixClock> clock, std::unique_ptr<PosixLog> log,
             Trace& trace)
    : owned_clock_(std::move(clock)),
      clock_(*owned_clock_),
      log_(std::move(log)),
      trace_(trace),
      seed_(options.seed != 0 ? options.seed : drawn_seed()),
      core_(clock_, *log_),
      pool_(core_, options.pool_threads),
      disk_(core_, pool_, trace_),
      core_net_(core_, pool_, *log_, trace_),
      core_tasks_(core_, Priority::kCompletion, std::numeric_limits<size_t>::max(), [](Task&& task) { task(); }) {
  add_process_metrics(metrics_);
  for (size_t i = 0; i < options.io_loops; ++i) io_.push_back(std::make_unique<Io>(clock_, pool_, *log_, trace_, i));
}

World::~World() {
  stop_io_loops();
  // Before the nets and the disk, to which its work reports.
  pool_.stop();
  core_.forget_work();
  for (const auto& io : io_) io->loop.forget_work();
}

LoopEnv World::serving_loop(size_t i) {
  if (io_.empty()) return env().core_loop();
  CHECK(i < io_.size());
  return {clock_, io_[i]->loop, io_[i]->net, *log_, trace_};
}

void World::send(size_t i, Task task) {
  if (io_.empty()) return core_tasks_.push(std::move(task));
  CHECK(i < io_.size());
  io_[i]->tasks.push(std::move(task));
}

void World::start_io_loops() {
  for (size_t i = 0; i < io_.size(); ++i) {
    CHECK(!io_[i]->thread.joinable());
    io_[i]->thread = start_thread("io-" + std::to_string(i), [loop = &io_[i]->loop] { loop->run(); });
  }
}

void World::stop_io_loops() {
  for (const auto& io : io_) {
    if (io->thread.joinable()) io->loop.stop();
  }
  for (const auto& io : io_) {
    if (io->thread.joinable()) io->thread.join();
  }
}

}  // namespace quorate::env::posix
