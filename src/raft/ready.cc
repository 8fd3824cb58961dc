// Collecting duties, and learning that they are done.

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "raft/core.h"

namespace quorate::raft {

bool Core::has_ready() const {
  return log_.written() < log_.last() || log_.delivered() < log_.deliverable() || !messages_.empty() ||
         !after_persist_.empty() || !resolved_reads_.empty() || !failed_reads_.empty() || appends_due_ ||
         received_snapshot_ || can_flush_reads() || told_hard_state_ != hard_state() ||
         told_soft_state_ != soft_state();
}

Ready Core::ready() {
  if (can_flush_reads()) flush_reads();
  if (appends_due_) flush_appends();

  Ready out;
  out.sequence = ++sequence_;
  out.snapshot = std::exchange(received_snapshot_, std::nullopt);
  const HardState now = hard_state();
  const bool votes_anew = now.term != told_hard_state_.term || now.vote != told_hard_state_.vote;
  if (now != told_hard_state_) out.hard_state = told_hard_state_ = now;
  out.entries = log_.take_unwritten();
  out.must_sync = votes_anew || !out.entries.empty() || out.snapshot;
  out.messages = std::exchange(messages_, {});
  out.after_persist = std::exchange(after_persist_, {});
  out.committed = log_.take_deliverable(options_.ready_entries_bytes_max);
  out.reads = std::exchange(resolved_reads_, {});
  out.failed_reads = std::exchange(failed_reads_, {});
  if (const SoftState soft = soft_state(); soft != told_soft_state_) out.soft_state = told_soft_state_ = soft;
  if (out.needs_persist()) {
    writes_.push_back({.sequence = sequence_, .last = log_.written(), .term = now.term, .vote = now.vote});
  }
  return out;
}

void Core::persisted(uint64_t sequence) {
  CHECK(sequence <= sequence_);
  while (!writes_.empty() && writes_.front().sequence <= sequence) {
    const Write& write = writes_.front();
    log_.durable_to(write.last);
    durable_term_ = write.term;
    durable_vote_ = write.vote;
    writes_.pop_front();
  }
  const bool own_vote_counts = durable_term_ == term_ && durable_vote_ == options_.id;
  if (role_ == Role::kCandidate && own_ballot_ == Ballot::kNone && own_vote_counts) {
    own_ballot_ = Ballot::kGranted;
    count_ballots();
  }
  if (role_ == Role::kLeader) advance_commit();
}

void Core::forget_writes_above(Index index) {
  for (size_t i = 0; i < writes_.size(); ++i) writes_[i].last = std::min(writes_[i].last, index);
}

void Core::applied(Index index) { log_.applied_to(index); }

void Core::compact(Index index) { log_.compact(index); }

void Core::set_snapshot(Snapshot snapshot) { image_ = std::move(snapshot); }

}  // namespace quorate::raft
