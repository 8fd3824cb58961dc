// What monitors and tests may see of a Core.

#include <vector>

#include "raft/core.h"

namespace quorate::raft {
namespace {

// Folds values into one number; the order matters.
class Fold {
 public:
  void add(uint64_t value) {
    state_ = (state_ ^ value) * 0x9e3779b97f4a7c15u;
    state_ ^= state_ >> 29;
  }
  void add(std::string_view text) {
    add(text.size());
    for (const char c : text) add(static_cast<uint64_t>(static_cast<uint8_t>(c)));
  }
  void add(const std::vector<uint64_t>& values) {
    add(values.size());
    for (const uint64_t value : values) add(value);
  }
  void add(const Entry& entry) {
    add(static_cast<uint64_t>(entry.type));
    add(entry.term);
    add(entry.index);
    add(entry.data.view());
  }
  void add(const ConfState& state) {
    add(state.voters);
    add(state.learners);
  }
  void add(const Snapshot& snapshot) {
    add(snapshot.metadata.index);
    add(snapshot.metadata.term);
    add(snapshot.metadata.conf_state);
    add(snapshot.data.view());
  }
  void add(const Message& message) {
    for (const uint64_t value :
         {static_cast<uint64_t>(message.type), message.to, message.from, message.term, message.log_term, message.index,
          message.commit, uint64_t{message.reject}, message.reject_hint}) {
      add(value);
    }
    add(message.entries.size());
    for (const Entry& entry : message.entries) add(entry);
    add(message.snapshot);
    add(message.context.view());
  }
  void add(const std::vector<Message>& messages) {
    add(messages.size());
    for (const Message& message : messages) add(message);
  }
  void add(const Progress& peer) {
    for (const uint64_t value :
         {peer.id, uint64_t{peer.learner}, static_cast<uint64_t>(peer.state), peer.match, peer.next,
          peer.pending_snapshot, peer.commit_sent, uint64_t{peer.probe_sent}, uint64_t{peer.recently_active},
          peer.read_token, static_cast<uint64_t>(peer.ballot), uint64_t{peer.inflight.size()}}) {
      add(value);
    }
    for (size_t i = 0; i < peer.inflight.size(); ++i) add(peer.inflight[i]);
  }
  uint64_t value() const { return state_; }

 private:
  uint64_t state_ = 0x6a09e667f3bcc908u;
};

void fold_log(const Log& log, Fold& fold) {
  for (const uint64_t value : {log.offset(), *log.term_of(log.offset()), log.commit(), log.delivered(), log.applied(),
                               log.durable(), log.written(), log.last()}) {
    fold.add(value);
  }
  for (Index i = log.first(); i <= log.last(); ++i) fold.add(log.at(i));
}

void fold_reads(const Reads& reads, Fold& fold) {
  fold.add(reads.fresh_own);
  fold.add(reads.fresh_foreign);
  fold.add(reads.last_token);
  for (size_t i = 0; i < reads.waiting.size(); ++i) {
    const ReadBatch& batch = reads.waiting[i];
    fold.add(batch.token);
    fold.add(batch.index);
    fold.add(uint64_t{batch.age_ticks});
    fold.add(batch.own);
    fold.add(batch.foreign);
  }
}

}  // namespace

MemberId Core::id() const { return options_.id; }
Role Core::role() const { return role_; }
MemberId Core::leader() const { return leader_; }
Term Core::term() const { return term_; }
Index Core::commit() const { return log_.commit(); }
Index Core::first_index() const { return log_.first(); }
Index Core::last_index() const { return log_.last(); }
Index Core::applied() const { return log_.applied(); }
const ConfState& Core::conf_state() const { return conf_; }

std::vector<Entry> Core::entries(Index from, Index to, size_t bytes_max) const {
  return log_.slice(from, to, bytes_max);
}

std::vector<Core::PeerProgress> Core::progress() const {
  std::vector<PeerProgress> out;
  for (const Progress& peer : peers_) {
    out.push_back(
        {.id = peer.id, .match = peer.match, .recently_active = peer.recently_active, .learner = peer.learner});
  }
  return out;
}

// Sequences count only by their distance: two members that owe the same are equal however they came there.
uint64_t Core::hash() const {
  Fold fold;
  for (const uint64_t value :
       {options_.id, term_, vote_, durable_term_, durable_vote_, leader_, static_cast<uint64_t>(role_),
        pending_conf_index_, uint64_t{election_elapsed_ticks_}, uint64_t{heartbeat_elapsed_ticks_},
        uint64_t{election_timeout_ticks_}, static_cast<uint64_t>(own_ballot_), transferee_, uint64_t{appends_due_},
        told_hard_state_.term, told_hard_state_.vote, told_hard_state_.commit, told_soft_state_.leader,
        static_cast<uint64_t>(told_soft_state_.role)}) {
    fold.add(value);
  }
  Prng ahead = prng_;
  for (int i = 0; i < 4; ++i) fold.add(ahead.next());
  fold_log(log_, fold);
  fold.add(conf_);
  fold.add(peers_.size());
  for (const Progress& peer : peers_) fold.add(peer);
  fold_reads(reads_, fold);
  fold.add(image_);
  fold.add(messages_);
  fold.add(after_persist_);
  fold.add(resolved_reads_.size());
  for (const ReadState& state : resolved_reads_) {
    fold.add(state.id);
    fold.add(state.index);
  }
  fold.add(failed_reads_);
  fold.add(uint64_t{received_snapshot_.has_value()});
  if (received_snapshot_) fold.add(*received_snapshot_);
  fold.add(writes_.size());
  for (size_t i = 0; i < writes_.size(); ++i) {
    fold.add(sequence_ - writes_[i].sequence);
    fold.add(writes_[i].last);
    fold.add(writes_[i].term);
    fold.add(writes_[i].vote);
  }
  return fold.value();
}

}  // namespace quorate::raft
