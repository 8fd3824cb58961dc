#include "env/sim/pool.h"

#include <limits>
#include <utility>

#include "base/check.h"

namespace quorate::env::sim {

SimPool::SimPool(Universe& universe, Loop& core, uint64_t process)
    : universe_(universe),
      process_(process),
      prng_(universe.prng().fork()),
      finished_(core, Priority::kCompletion, std::numeric_limits<size_t>::max(), [](Task&& done) { done(); }) {}

SimPool::~SimPool() { die(); }

void SimPool::set_delay(Duration low, Duration high) {
  CHECK(low <= high);
  delay_min_ = low;
  delay_max_ = high;
}

void SimPool::submit(Task work, Task done) {
  if (dead_) return;
  const uint64_t id = next_job_++;
  const auto spread = static_cast<uint64_t>((delay_max_ - delay_min_).count());
  const Duration delay = delay_min_ + Duration(static_cast<int64_t>(prng_.below(spread + 1)));
  const EventId event = universe_.after(delay, [this, id] { run(id); });
  jobs_.emplace(id, Job{event, std::move(work), std::move(done)});
}

void SimPool::run(uint64_t id) {
  const auto found = jobs_.find(id);
  Job job = std::move(found->second);
  jobs_.erase(found);
  universe_.note("pool work", process_, id);
  job.work();
  // What the work owned dies before its end is told.
  job.work = nullptr;
  finished_.push(std::move(job.done));
}

void SimPool::die() {
  dead_ = true;
  for (const auto& [id, job] : jobs_) universe_.cancel(job.event);
  // What dies may hand in again.
  while (!jobs_.empty()) const std::map<uint64_t, Job> forgotten = std::exchange(jobs_, {});
}

}  // namespace quorate::env::sim
