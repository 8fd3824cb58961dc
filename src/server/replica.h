// server/replica.h: one member at work: drives Raft, the log and the state machine.
//
// Loop:    core. Not safe for any other.
// Source:  peer protocol, sections 1.4, 3.4 and 3.5; v3 API, sections 0 and 12 for what callers are told.
// Invariants:
//   (1) A proposal is answered only after its entry is durable, committed and applied.
//   (2) A read is answered only when what was committed at its arrival is applied.
//   (3) Entries are applied in order, long ones over several turns; their outcomes are told before later entries are
//       applied, and nothing of an entry is shown before all of it is.
//   (4) After a failed log write nothing is acknowledged any more, and on_failed is called once.
//   (5) Every proposal, read, hash and wait is answered once: with its outcome, Timeout, Stopped or a refusal.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/limits.h"
#include "env/env.h"
#include "machine/machine.h"
#include "mvcc/cursors.h"
#include "pb/internal.h"
#include "raft/core.h"
#include "server/apply_meter.h"
#include "server/auto_compactor.h"
#include "server/checkpointer.h"
#include "server/lease_keeper.h"
#include "server/quota.h"
#include "server/restore.h"
#include "wal/wal.h"
#include "watch/hub.h"

namespace quorate::server {

struct ReplicaOptions {
  MemberId member = 0;
  ClusterId cluster = 0;
  std::string name = "default";
  std::vector<std::string> peer_urls;    // of a fresh cluster's only member
  std::vector<std::string> client_urls;  // as published
  Duration heartbeat = 100ms;            // one tick
  Duration election_timeout = 1s;
  size_t max_request_bytes = 1'572'864;
  size_t unapplied_bytes_max = limits::kUnappliedBytesMax;  // of proposals
  Duration watch_progress_interval = 10min;
  AutoCompaction auto_compaction;
  Duration slow_apply = 100ms;  // --warning-apply-duration
  QuotaOptions quota;
  uint64_t deleted_keys_at_once = limits::kDeletedKeysAtOnce;
  size_t deleted_keys_per_turn = limits::kDeletedKeysPerTurn;
  std::string image_directory;  // empty: no checkpoints are made
  CheckpointKnobs checkpoint;

  // How long a proposal or a read may wait before its caller is told (v3 API, section 0).
  Duration request_timeout() const { return 5s + 2 * election_timeout; }
};

// What decides in the state machine besides entries.
machine::Options machine_options(const env::Env& env, const ReplicaOptions& options);

// The outcome lives during the call only, and is the callee's to take apart.
using Proposed = std::move_only_function<void(machine::Outcome&)>;
using Hashed = std::move_only_function<void(const Result<mvcc::KeyHash>&)>;
using ReadReady = std::move_only_function<void(const Status&)>;

class Replica {
 public:
  // `log` was opened to skip what the image has, to give the rest of what is committed to a Replay of `restored`, and
  // fits it (check_log). Without a Replay that rest is applied at start(), and is in memory until then.
  Replica(const env::Env& env, const ReplicaOptions& options, wal::Opened log, Restored restored = {});
  ~Replica();

  // Applies what the log holds, starts ticking, and publishes this member once there is a leader.
  void start();
  // Fails what waits with Stopped, seals the log, then calls `done`, with why where the log is not sealed. No callback
  // comes after it.
  void stop(std::move_only_function<void(const Status&)> done);
  // Called once when the member can no longer go on (a failed log write).
  void on_failed(std::move_only_function<void(const Status&)> failed) { on_failed_ = std::move(failed); }
  // Called once when this member's name and URLs, and the cluster's version, are in the replicated state:
  // it serves from then on, so that no client ever sees a version that is not decided.
  void on_published(std::move_only_function<void()> published) { on_published_ = std::move(published); }

  // Proposes one request whose payload is already encoded. `call` is for the trace, 0 for our own.
  void propose(pb::Payload payload, std::string_view body, uint64_t call, Proposed done);
  // A linearizable read: `done` gets ok when the machine may be asked.
  void read(ReadReady done);
  // `done` gets ok as soon as no entry is being applied in steps: what such a one works on is not to be shown.
  void settled(ReadReady done);
  // HashKV of what this member has applied, over several turns. Errors: FutureRev, Compacted, RequestTooManyRequests.
  void hash(Revision revision, Hashed done);

  const machine::Machine& machine() const { return machine_; }
  watch::Hub& hub() { return *hub_; }
  const watch::Hub& hub() const { return *hub_; }
  LeaseKeeper& leases() { return *leases_; }
  ApplyMeter& meter() { return meter_; }
  Quota& quota() { return quota_; }
  const Quota& quota() const { return quota_; }
  RequestId next_request_id() { return request_ids_.next(); }
  // What request ids, and those of leases that no client chose, begin with: the wall clock as this was made.
  uint64_t made_unix_ms() const { return made_unix_ms_; }
  const ReplicaOptions& options() const { return options_; }

  MemberId leader() const { return raft_.leader(); }
  bool is_leader() const { return raft_.role() == raft::Role::kLeader; }
  Term term() const { return raft_.term(); }
  Index commit() const { return raft_.commit(); }
  // The first entry that is still in memory.
  Index oldest_kept_index() const { return raft_.first_index(); }
  // Everything of a response header; the revision is the store's now unless `header` has one.
  pb::ResponseHeader header(const std::optional<pb::ResponseHeader>& partial = {}) const;

  struct Counters {
    uint64_t leader_changes = 0, proposals_failed = 0, reads_failed = 0;
    size_t proposals_pending = 0;
  };
  Counters counters() const;
  const wal::Wal::Counters& log_counters() const { return wal_->counters(); }

 private:
  struct Waiter {
    Proposed done;
    uint64_t call = 0;
    pb::Payload payload{};
    MonoTime since{};
  };
  struct Read {
    MonoTime deadline{};
    ReadReady done;  // empty once answered
  };

  void tick();
  void flush();
  void note_role(const raft::SoftState& state);
  void persist(raft::Ready& ready);
  void on_persisted(uint64_t sequence, const Status& status);
  void commit(const std::vector<pb::Entry>& entries);
  void apply_committed();
  // False where the first of the committed entries is not applied yet.
  bool apply_first();
  void conclude(const pb::Entry& entry, machine::Outcome& outcome);
  void on_first_entry_of_own_term();
  void forget_old_entries();
  void resolve_reads();
  void answer_read(raft::ReadId id, const Status& status);
  void expire_proposals(MonoTime now);
  void expire_reads(MonoTime now);
  void publish();
  void decide_cluster_version();
  void serve_when_ready();
  void fail(const Status& status);
  void answer(machine::Outcome& outcome);
  // Whether there was room for what was just applied; the size follows.
  bool had_room(const pb::Entry& entry, const machine::Outcome& outcome);
  void propose_no_space(Quota::Done done);
  bool is_no_space_raised() const;
  void note_disk();
  void tell_of_full_disk();
  void take_another_turn();
  void step_compaction();
  void step_hashes();
  void step_checkpoint();
  void observe_log_write();
  void fail_everything(const Status& status);

  const env::Env& env_;
  const ReplicaOptions options_;
  const uint64_t made_unix_ms_;
  RequestIds request_ids_;
  std::unique_ptr<wal::Wal> wal_;
  wal::Recovered recovered_;  // until start()
  raft::Core raft_;
  const std::unique_ptr<machine::Machine> owned_machine_;
  machine::Machine& machine_;
  std::unique_ptr<watch::Hub> hub_;
  std::unique_ptr<LeaseKeeper> leases_;
  std::unique_ptr<AutoCompactor> compactor_;
  std::unique_ptr<Checkpointer> checkpointer_;  // null: none are made
  uint64_t recovered_log_bytes_ = 0;            // of the entries that the log held behind the image
  ApplyMeter meter_;
  Quota quota_;

  // Proposals that wait for their outcome, and the same in order of their deadlines.
  std::unordered_map<RequestId, Waiter> waiters_;
  std::deque<std::pair<MonoTime, RequestId>> waiter_deadlines_;

  // Reads, by ascending id from first_read_ on; an answered one goes when all before it are.
  std::deque<Read> reads_;
  raft::ReadId first_read_ = 1;
  // Those to which Raft gave an index, in the order in which it did, until that is applied.
  std::deque<raft::ReadState> indexed_reads_;

  // The log's duties: writes under way, and the newest Ready that needs no write of its own.
  size_t writes_in_flight_ = 0;
  uint64_t sequence_without_write_ = 0;
  std::optional<pb::HardState> unwritten_hard_state_;

  struct Hashing {
    std::unique_ptr<mvcc::KeyHasher> hasher;
    Hashed done;
  };
  std::deque<Hashing> hashings_;  // one after the other

  // Compactions that are answered when the store has done the last of them; each has a waiter, or had.
  std::vector<machine::Outcome> physical_compactions_;

  // Committed and not applied yet: more than during one call only while the first of them is long work. What proposals
  // are bounded by bounds it too.
  std::deque<pb::Entry> committed_;
  MonoTime apply_began_{};            // of the first
  std::vector<ReadReady> unsettled_;  // those that wait for the end of the long one

  size_t unapplied_bytes_ = 0;             // of what was proposed here and is not applied yet
  std::deque<size_t> recent_entry_bytes_;  // of the applied entries that Raft still keeps
  size_t recent_bytes_ = 0;

  env::TimerId tick_timer_ = 0;
  Term lessor_term_ = 0;       // the term in which this member became the leases' primary
  Index recovered_index_ = 0;  // the last entry of an earlier process: what it applied is not measured again
  bool started_ = false, stopping_ = false, published_ = false, publishing_ = false, deciding_ = false;
  bool serving_ = false, step_posted_ = false;
  bool size_settled_ = false;  // what an earlier process left to compact is gone
  Status failed_;
  MemberId known_leader_ = 0;
  Counters counters_;
  env::Histogram& fsync_seconds_;
  env::Histogram& log_write_seconds_;
  uint64_t log_writes_seen_ = 0;
  std::move_only_function<void(const Status&)> on_failed_;
  std::move_only_function<void()> on_published_;
};

}  // namespace quorate::server
