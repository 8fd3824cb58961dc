#include "server/auto_compactor.h"

#include <algorithm>

namespace quorate::server {
namespace {

constexpr Duration kRevisionInterval = 5min;
constexpr Duration kPeriodMax = 1h;
constexpr int kSamplesPerPeriod = 10;

}  // namespace

void AutoCompactor::tick(MonoTime now, Revision current, bool leader) {
  switch (policy_.mode) {
    case AutoCompaction::Mode::kOff: return;
    case AutoCompaction::Mode::kPeriodic: return tick_periodic(now, current, leader);
    case AutoCompaction::Mode::kRevision: return tick_revision(now, current, leader);
  }
}

void AutoCompactor::tick_periodic(MonoTime now, Revision current, bool leader) {
  if (now < next_) return;
  const Duration interval = std::min(policy_.period, kPeriodMax);
  if (samples_.empty()) next_compaction_ = now + policy_.period;
  next_ = now + interval / kSamplesPerPeriod;
  samples_.emplace_back(now, current);
  if (now < next_compaction_) return;
  // The youngest sample that is at least a period old.
  Revision target = 0;
  while (!samples_.empty() && now - samples_.front().first >= policy_.period) {
    target = samples_.front().second;
    samples_.pop_front();
  }
  next_compaction_ = now + interval;
  if (!leader || target <= last_compacted_ || target <= 1) return;
  last_compacted_ = target;
  compact_(target);
}

void AutoCompactor::tick_revision(MonoTime now, Revision current, bool leader) {
  if (next_ == MonoTime{}) next_ = now + kRevisionInterval;
  if (now < next_) return;
  next_ = now + kRevisionInterval;
  const Revision target = current - policy_.revisions;
  if (!leader || target <= last_compacted_ || target <= 0) return;
  last_compacted_ = target;
  compact_(target);
}

}  // namespace quorate::server
