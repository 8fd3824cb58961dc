// raft/test_cluster.h: several Cores, their disks and the network between them, driven event by event.
//
// For tests. A disk write is lost, or kept without a word of it, when its member crashes before persist();
// a message may be delivered late, twice, out of order or never. After every event the promises of Raft
// are checked, and failures are reported through GoogleTest:
//   election safety        one leader in a term, and one vote of a member in a term
//   leader completeness    a leader holds what was committed in earlier terms
//   log matching           two logs that agree on the term of an entry agree on all before it
//   state machine safety   one entry at each committed index, whoever delivers it, in order without gaps
//   linearizable reads     a read sees at least what was committed anywhere when it was asked
//   order of duties        nothing that promises durability leaves before it is durable
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/prng.h"
#include "raft/core.h"

namespace quorate::raft {

class TestCluster {
 public:
  struct Setup {
    uint64_t seed = 1;
    size_t members = 3;  // ids 1..members
    size_t voters = 3;   // the first of them; the others start empty
    bool pre_vote = true;
    size_t inflight_messages_max = 4;
    size_t message_bytes_max = 128;
  };
  explicit TestCluster(const Setup& setup);

  Core& core(MemberId id) { return *member(id).core; }
  bool is_up(MemberId id) const { return members_[id - 1].core.has_value(); }
  size_t size() const { return members_.size(); }

  // Events.
  void tick(MemberId id);
  void collect(MemberId id);  // ready()
  void persist(MemberId id, size_t readies);
  void apply(MemberId id, size_t entries);
  void deliver(size_t position, bool keep);  // position in the network's bag; keep = deliver it again later
  void drop(size_t position);
  void propose(MemberId id);
  void propose_change(MemberId id, ConfChangeType type, MemberId node);
  void read(MemberId id);
  void checkpoint(MemberId id, Index keep);  // image of what is applied; forgets all but `keep` entries before it
  void crash(MemberId id, size_t writes_kept);
  void restart(MemberId id);
  void isolate(MemberId id) { isolated_.insert(id); }
  void heal() { isolated_.clear(); }

  // One random event. How often each kind happens is drawn anew for every history, so that some are calm
  // and some are not.
  struct Weights {
    enum Kind : size_t {
      kTick,
      kDeliver,
      kDrop,
      kPersist,
      kApply,
      kPropose,
      kRead,
      kChange,
      kCheckpoint,
      kCrash,
      kRestart,
      kTransfer,
      kUnreachable,
      kIsolate,
      kHeal,
      kKinds
    };
    std::array<uint64_t, kKinds> of{};
    uint64_t collect_percent = 0;    // of members, after each event
    uint64_t reorder_percent = 0;    // of deliveries
    uint64_t duplicate_percent = 0;  // of deliveries
    static Weights drawn_from(Prng& prng);
  };
  void random_event(Prng& prng, const Weights& weights);
  // Every duty done and every message delivered, in order, `rounds` times, with a tick before each.
  void run(size_t rounds, bool ticking = true);

  // The leader of the highest term, or 0.
  MemberId leader() const;
  size_t in_flight() const { return network_.size(); }
  const Message& message(size_t position) const { return network_[position]; }
  const std::vector<Entry>& delivered(MemberId id) const { return members_[id - 1].delivered; }
  Index applied(MemberId id) const { return members_[id - 1].applied; }
  uint64_t digest(MemberId id) const { return members_[id - 1].digest; }
  size_t reads_resolved() const { return reads_resolved_; }
  size_t reads_failed() const { return reads_failed_; }
  Index committed() const { return history_.empty() ? 0 : history_.rbegin()->first; }
  // Folds all that happened: equal seeds give equal traces.
  uint64_t trace() const { return trace_; }

 private:
  struct Image {
    Index index = 0;
    Term term = 0;
    ConfState conf;
    uint64_t digest = 0;
  };
  struct Disk {
    HardState hard_state;
    Index offset = 0;
    Term offset_term = 0;
    std::vector<Entry> entries;
    Image image;
  };
  struct Member {
    MemberId id = 0;
    std::optional<Core> core;
    Disk disk;
    std::deque<Ready> writes;
    std::deque<Entry> to_apply;
    std::vector<Entry> delivered;  // since the start of this Core
    Index handed_out = 0;
    Index applied = 0;
    Term applied_term = 0;
    uint64_t digest = 0;
    Index checked_commit = 0;
    uint64_t starts = 0;
  };
  struct Committed {
    Term term = 0;
    Term commit_term = 0;
    Bytes data;
  };
  struct Asked {
    MemberId by = 0;
    Index floor = 0;
  };

  Member& member(MemberId id) { return members_[id - 1]; }
  static void write_to(Disk& disk, const Ready& ready);
  static Snapshot snapshot_of(const Image& image);
  void send(std::vector<Message> messages);
  void observe(Member& member);
  void observe_commit(Member& member);
  void observe_leader(const Member& member);
  void settle_reads(Member& member, const Ready& ready);
  void check_logs_match();
  void note(uint64_t value) { trace_ = (trace_ ^ value) * 0x9e3779b97f4a7c15u + (trace_ >> 31); }

  Setup setup_;
  std::vector<Member> members_;
  std::deque<Message> network_;
  std::set<MemberId> isolated_;
  std::map<Index, Committed> history_;
  std::map<Term, MemberId> leaders_;
  std::map<std::pair<Term, MemberId>, MemberId> votes_;
  std::map<ReadId, Asked> asked_;
  ReadId last_read_ = 0;
  uint64_t last_proposal_ = 0;
  size_t reads_resolved_ = 0;
  size_t reads_failed_ = 0;
  uint64_t trace_ = 0;
};

}  // namespace quorate::raft
