#include "mvcc/compaction.h"

#include <algorithm>
#include <utility>

namespace quorate::mvcc {

namespace {

constexpr size_t kHashesKept = 10;  // etcd's number
constexpr History::Position kAhead = 8;

}  // namespace

void Compaction::add(Revision from, Revision to) {
  const Job job{.from = from, .to = to, .note_hash = idle()};
  if (idle()) return begin(job);
  if (waiting_) {
    waiting_->to = to;
  } else {
    waiting_ = job;
  }
}

void Compaction::begin(const Job& job) {
  running_ = job;
  phase_ = Phase::kSweep;
  sweeping_ = false;
  if (!hashes_ || !job.note_hash) return;
  phase_ = Phase::kHash;
  hash_.emplace(space_, job.from, job.to, HashWalk::Purpose::kCompaction);
}

Progress Compaction::step(size_t budget) {
  while (running_) {
    if (budget == 0) return Progress::kMore;
    switch (phase_) {
      case Phase::kHash:
        if (!hash_->step(budget)) return Progress::kMore;
        note(hash_->result());
        hash_.reset();
        phase_ = Phase::kSweep;
        break;
      case Phase::kSweep:
        if (!pins_.revisions.empty() && *pins_.revisions.begin() < running_->to) return Progress::kWaiting;
        if (!sweep(budget)) return Progress::kMore;
        phase_ = Phase::kSqueeze;
        break;
      case Phase::kSqueeze:
        if (!squeeze_ && space_.history().sparse()) {
          if (pins_.in_history > 0) return Progress::kWaiting;
          squeeze_.emplace(space_.history());
        }
        if (squeeze_) {
          if (pins_.in_history > 0) return Progress::kWaiting;
          if (!squeeze_->step(budget)) return Progress::kMore;
          squeeze_.reset();
        }
        running_.reset();
        if (waiting_) begin(*std::exchange(waiting_, {}));
        break;
    }
  }
  return Progress::kDone;
}

void Compaction::note(const KeyHash& hash) {
  noted_.push_back(hash);
  if (noted_.size() > kHashesKept) noted_.pop_front();
}

// Every record that goes is older than a change since the last compaction, or is such a change itself: the walk over
// those finds them all, and meets each older one before what replaced it.
bool Compaction::sweep(size_t& budget) {
  History& history = space_.history();
  if (!sweeping_) {
    sweeping_ = true;
    sweep_next_ = history.dense();
    sweep_end_ = history.first(running_->to + 1);
    history.set_dense(history.first(running_->to));
  }
  while (sweep_next_ < sweep_end_) {
    if (budget == 0) return false;
    --budget;
    if (sweep_next_ + kAhead < sweep_end_) __builtin_prefetch(history.at(sweep_next_ + kAhead));
    if (sweep_next_ + kAhead / 2 < sweep_end_) {
      if (const Record* soon = history.at(sweep_next_ + kAhead / 2)) __builtin_prefetch(soon->older());
    }
    Record* record = history.at(sweep_next_);
    ++sweep_next_;
    if (!record) continue;  // replaced, in the part of it that is already walked
    budget -= std::min(budget, space_.drop_older(*record, running_->to));
    // A tombstone below a key that was created anew goes with the change that did so.
    const bool gone = record->tombstone() && record->mod_revision() < running_->to && record->key().newest == record;
    if (gone) space_.drop(record->key());
  }
  return true;
}

}  // namespace quorate::mvcc
