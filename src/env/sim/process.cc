#include "env/sim/process.h"

#include <limits>
#include <utility>

#include "base/check.h"

namespace quorate::env::sim {
namespace {

constexpr size_t kUnbounded = std::numeric_limits<size_t>::max();

}  // namespace

struct Process::Io {
  Io(Process& process, size_t number)
      : loop(process.universe_, process.clock_, process.log_, process.universe_.next_id()),
        net(process.universe_, process.network_, loop, process.trace_, {process.host_, process.id_}),
        tasks(loop, Priority::kCompletion, kUnbounded, [](Task&& task) { task(); }) {
    process.universe_.note("io loop", loop.id(), number);
  }

  SimLoop loop;
  SimNet net;
  Mailbox<Task> tasks;
};

Process::Process(Universe& universe, SimNetwork& network, SimDrive& drive, const ProcessOptions& options, Log& log,
                 Trace& trace)
    : universe_(universe),
      network_(network),
      log_(log),
      trace_(trace),
      id_(universe.next_id()),
      host_(options.host),
      seed_(universe.prng().next() | 1),  // never 0, which would ask for another
      clock_(universe, options.wall_offset),
      core_(universe, clock_, log, universe.next_id()),
      pool_(universe, core_, id_),
      disk_(universe, drive, core_, trace),
      core_net_(universe, network, core_, trace, {host_, id_}),
      core_tasks_(core_, Priority::kCompletion, kUnbounded, [](Task&& task) { task(); }) {
  clock_.set_drift_ppm(options.drift_ppm);
  network_.power_on(host_);
  universe_.note("process", id_, core_.id(), host_);
  for (size_t i = 0; i < options.io_loops; ++i) io_.push_back(std::make_unique<Io>(*this, i));
}

Process::~Process() {
  // Before the nets and the disk, to which its work reports.
  pool_.die();
  core_.forget_work();
  for (const auto& io : io_) io->loop.forget_work();
  kill(Death::kKilled);
}

LoopEnv Process::serving_loop(size_t i) {
  if (io_.empty()) return env().core_loop();
  CHECK(i < io_.size());
  return {clock_, io_[i]->loop, io_[i]->net, log_, trace_};
}

void Process::send(size_t i, Task task) {
  if (dead_) return;
  if (io_.empty()) return core_tasks_.push(std::move(task));
  CHECK(i < io_.size());
  io_[i]->tasks.push(std::move(task));
}

void Process::kill(Death death) {
  if (std::exchange(dead_, true)) return;
  const bool power_fails = death == Death::kPowerLoss;
  universe_.note(power_fails ? "power loss" : "killed", id_, 0, host_);
  core_.die();
  for (const auto& io : io_) io->loop.die();
  core_net_.die();
  for (const auto& io : io_) io->net.die();
  if (power_fails) network_.power_off(host_);
  network_.drop_process(id_, power_fails);
  disk_.die(power_fails);
  pool_.die();
  if (power_fails) disk_.drive().crash(universe_.prng());
}

void Process::pause(Duration span) {
  universe_.note("pause", id_, static_cast<uint64_t>(span.count()), host_);
  core_.pause(span);
  for (const auto& io : io_) io->loop.pause(span);
}

}  // namespace quorate::env::sim
