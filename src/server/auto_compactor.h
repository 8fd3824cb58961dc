// server/auto_compactor.h: compacts history by itself, by age or by count of revisions.
//
// Loop:    core. Only a leader compacts.
// Source:  server, section 7 (auto compaction); the retention's texts are etcd's.
// Invariant: a revision is compacted only when `retention` has passed since it was current (periodic), or when
//            at least `retention` newer ones exist (revision).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <utility>

#include "base/ids.h"
#include "base/time.h"

namespace quorate::server {

struct AutoCompaction {
  enum class Mode : uint8_t { kOff, kPeriodic, kRevision };
  Mode mode = Mode::kOff;
  Duration period{};      // kPeriodic
  int64_t revisions = 0;  // kRevision
};

class AutoCompactor {
 public:
  // `compact` proposes the compaction; its failure is retried at the next interval.
  AutoCompactor(const AutoCompaction& policy, std::function<void(Revision)> compact)
      : policy_(policy), compact_(std::move(compact)) {}

  // To be called often; cheap when nothing is due. `leader`: whether this member may compact.
  void tick(MonoTime now, Revision current, bool leader);

 private:
  void tick_periodic(MonoTime now, Revision current, bool leader);
  void tick_revision(MonoTime now, Revision current, bool leader);

  const AutoCompaction policy_;
  std::function<void(Revision)> compact_;
  std::deque<std::pair<MonoTime, Revision>> samples_;  // the revision at each sampling, oldest first
  MonoTime next_{};
  MonoTime next_compaction_{};
  Revision last_compacted_ = 0;
};

}  // namespace quorate::server
