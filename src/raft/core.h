// raft/core.h: one member's Raft, as a function from events to duties.
//
// Core has no clock, disk, thread, lock, log or random source of its own: ticks and messages are put in, and
// ready() says what is now owed. It is copyable, and hash() makes two equal states recognisable, so that a
// test can explore every interleaving of a small cluster.
//
// Loop:    core. Not safe for any other.
// Source:  Ongaro, "Consensus: Bridging Theory and Practice" (sections cited at the line that obeys them);
//          peer protocol, section 1.4, for what must match etcd.
// Invariants:
//   (1) Messages in Ready::messages may leave at once. Those in Ready::after_persist may leave only when
//       persisted(Ready::sequence) has been called for their Ready; Core never puts a vote, or an
//       acknowledgement of an append, into the first.
//   (2) A leader counts its own log only up to what is persisted.
//   (3) Committed entries are handed out once, in order, without gaps.
//   (4) Every index handed out in a Ready stays available from entries() until compact() passes it.
//   (5) A committed entry is handed out only when it is durable here: an image of the state machine never
//       runs ahead of the log that it replaces.
//   (6) A Ready without needs_persist() counts as durable as soon as all before it are.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/ids.h"
#include "base/prng.h"
#include "base/result.h"
#include "pb/raft.h"
#include "raft/log.h"
#include "raft/progress.h"
#include "raft/quorum.h"
#include "raft/reads.h"
#include "raft/ring.h"

namespace quorate::raft {

using pb::ConfChange;
using pb::ConfChangeType;
using pb::ConfState;
using pb::Entry;
using pb::EntryType;
using pb::HardState;
using pb::Message;
using pb::MessageType;
using pb::Snapshot;
using pb::SnapshotMetadata;

struct Options {
  MemberId id = 0;
  uint32_t election_ticks = 10;
  uint32_t heartbeat_ticks = 1;
  bool pre_vote = true;
  bool check_quorum = true;
  size_t inflight_messages_max = 512;                // of one follower, in replicate state
  size_t message_bytes_max = 1024 * 1024;            // of entries in one append; at least one entry goes
  size_t ready_entries_bytes_max = 8 * 1024 * 1024;  // of committed entries in one Ready
  uint64_t seed = 0;                                 // another at every start of a member: it also makes the ids of
                                                     // forwarded reads unique
};

// What a member knows when it starts.
struct Initial {
  HardState hard_state;
  ConfState conf_state;      // as of `applied`: changes up to there are not handed out again
  Index snapshot_index = 0;  // the entry before the first one in `entries`
  Term snapshot_term = 0;
  Index applied = 0;           // >= snapshot_index: entries up to it are not handed out again
  std::vector<Entry> entries;  // snapshot_index+1 .. last; all durable
};

enum class Role : uint8_t { kFollower, kPreCandidate, kCandidate, kLeader };

struct SoftState {
  MemberId leader = 0;  // 0 = none known
  Role role = Role::kFollower;
  friend bool operator==(const SoftState&, const SoftState&) = default;
};

struct ReadState {
  ReadId id = 0;
  Index index = 0;  // the read is linearizable once this is applied
};

// What the member owes now. Order: snapshot, then hard_state and entries become durable together;
// then persisted(sequence). Everything else needs no order beyond invariant (1).
struct Ready {
  uint64_t sequence = 0;                // rises by one; pass to persisted()
  std::optional<Snapshot> snapshot;     // to be made durable and applied before anything else
  std::optional<HardState> hard_state;  // set when it changed
  std::vector<Entry> entries;           // to append; an index at or below the last one replaces what follows it
  bool must_sync = false;               // entries, or another term or vote: not only the commit index moved

  std::vector<Message> messages;
  std::vector<Message> after_persist;

  std::vector<Entry> committed;         // to apply, in order
  std::vector<ReadState> reads;         // resolved
  std::vector<ReadId> failed_reads;     // lost with a leadership or dropped: leader changed
  std::optional<SoftState> soft_state;  // set when it changed

  bool needs_persist() const { return snapshot || hard_state || !entries.empty(); }
};

struct Proposed {
  Term term = 0;  // 0: forwarded to the leader, index unknown
  Index index = 0;
};

class Core {
 public:
  Core(const Options& options, Initial initial);
  Core(const Core&) = default;
  Core& operator=(const Core&) = default;

  // Events. Each may add duties; ready() collects them.

  void tick();
  // `message` comes from a peer; one that must not come from the network is ignored.
  void step(Message message);
  // kUnavailable errors::NoLeader() when there is none to take it.
  Result<Proposed> propose(Bytes data);
  // One at a time: while another is unapplied, an empty entry takes its place.
  Result<Proposed> propose_conf_change(const ConfChange& change);
  // Asks for a read index. Resolved in Ready::reads or failed in Ready::failed_reads.
  void read(ReadId id);
  void campaign();
  void transfer_leadership(MemberId to);
  void report_unreachable(MemberId peer);
  void report_snapshot(MemberId peer, bool sent);

  // The batch of Ready `sequence`, and of all before it, is durable.
  void persisted(uint64_t sequence);
  // The state machine is at `index`.
  void applied(Index index);
  // A committed conf change was applied; node_id 0 = it was refused. Returns the configuration now in force.
  ConfState apply_conf_change(const ConfChange& change);
  // Entries up to `index` (<= applied) may be forgotten: they are in an image, or can be read from the log.
  void compact(Index index);
  // The image to send to followers that need entries older than what is kept.
  void set_snapshot(Snapshot snapshot);

  bool has_ready() const;
  Ready ready();

  // State, for monitors and tests.

  MemberId id() const;
  Role role() const;
  MemberId leader() const;
  Term term() const;
  Index commit() const;
  Index first_index() const;  // of what is kept
  Index last_index() const;
  Index applied() const;
  const ConfState& conf_state() const;
  // Entries [from, to), as far as kept; at most `bytes_max`, at least one.
  std::vector<Entry> entries(Index from, Index to, size_t bytes_max) const;
  // What a leader knows of each other member: its match index and whether it was heard of within an
  // election timeout.
  struct PeerProgress {
    MemberId id = 0;
    Index match = 0;
    bool recently_active = false;
    bool learner = false;
  };
  std::vector<PeerProgress> progress() const;
  uint64_t hash() const;

 private:
  // A Ready that is being made durable, and what will be durable with it.
  struct Write {
    uint64_t sequence = 0;
    Index last = 0;  // of the log; lowered when what was written is cut off again
    Term term = 0;
    MemberId vote = 0;
  };
  enum class Campaign : uint8_t { kPreElection, kElection, kTransfer };

  // core.cc
  bool is_acceptable(const Message& message) const;
  bool survives_higher_term(const Message& message);
  void answer_lower_term(const Message& message);
  void step_as_leader(Message& message);
  void step_as_candidate(Message& message);
  void step_as_follower(Message& message);
  void follow(const Message& message);
  void on_proposal(Message& message);
  Result<Proposed> propose_entry(Entry entry);
  bool accepts_proposals() const;
  Index append_as_leader(Entry entry);
  static Message message_to(MemberId to, MessageType type);
  void send(Message message);
  void send_after_persist(Message message);
  HardState hard_state() const { return {term_, vote_, log_.commit()}; }
  SoftState soft_state() const { return {leader_, role_}; }

  // election.cc
  void reset(Term term);
  void become_follower(Term term, MemberId leader);
  void become_leader();
  bool is_promotable() const;
  void try_to_campaign(Campaign campaign);
  void start(Campaign campaign);
  void count_ballots();
  void on_vote_request(const Message& message);
  void on_vote_response(const Message& message);
  void check_quorum();
  void tick_as_leader();
  void tick_as_follower();

  // replication.cc
  Progress* progress_of(MemberId id);
  const Progress* progress_of(MemberId id) const;
  Index match_of(MemberId voter) const;
  void flush_appends();
  bool send_append(Progress& peer);
  void send_empty_append(Progress& peer);
  void send_snapshot(Progress& peer);
  void broadcast_heartbeat();
  void advance_commit();
  void on_append(Message& message);
  void on_heartbeat(const Message& message);
  void on_snapshot(Message& message);
  void on_append_response(const Message& message);
  void on_heartbeat_response(const Message& message);
  void hand_over(MemberId to);
  void acknowledge(MemberId leader, Index index);
  void forget_writes_above(Index index);

  // reads.cc
  bool has_own_term_committed() const { return log_.term_of(log_.commit()) == term_; }
  bool can_flush_reads() const;
  void flush_reads();
  void resolve_reads();
  void fail_reads();
  void age_reads();
  void on_read_request(Message& message);
  void on_read_response(const Message& message);

  // membership.cc
  void configure(ConfState state);

  Options options_;
  Prng prng_;

  Term term_ = 0;
  MemberId vote_ = 0;
  Term durable_term_ = 0;
  MemberId durable_vote_ = 0;
  MemberId leader_ = 0;
  Role role_ = Role::kFollower;
  Log log_;

  ConfState conf_;
  std::vector<Progress> peers_;   // every other voter and learner, by ascending id
  Index pending_conf_index_ = 0;  // of a leader: no other change is proposed until it is applied

  uint32_t election_elapsed_ticks_ = 0;
  uint32_t heartbeat_elapsed_ticks_ = 0;
  uint32_t election_timeout_ticks_ = 0;
  Ballot own_ballot_ = Ballot::kNone;
  MemberId transferee_ = 0;

  Reads reads_;
  Snapshot image_;  // to send; index 0 = none

  // Duties not collected yet.
  std::vector<Message> messages_;
  std::vector<Message> after_persist_;
  std::vector<ReadState> resolved_reads_;
  std::vector<ReadId> failed_reads_;
  std::optional<Snapshot> received_snapshot_;
  bool appends_due_ = false;  // a peer may have become sendable

  uint64_t sequence_ = 0;
  Ring<Write> writes_;  // handed out, not durable, by ascending sequence
  HardState told_hard_state_;
  SoftState told_soft_state_;
};

}  // namespace quorate::raft
