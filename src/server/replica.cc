#include "server/replica.h"

#include <algorithm>

#include "base/check.h"
#include "base/limits.h"
#include "base/mutant.h"
#include "machine/members.h"
#include "pb/codec.h"

namespace quorate::server {
namespace {

constexpr std::string_view kClusterVersion = "3.7.0";  // the version this program speaks, as a cluster version
constexpr size_t kCatchUpRevisionsPerTurn = 4096;
constexpr size_t kCompactionRecordsPerTurn = 2048;  // about 300 us
constexpr size_t kHashRecordsPerTurn = 2048;

uint32_t ticks(Duration period, Duration tick) { return static_cast<uint32_t>(std::max<int64_t>(1, period / tick)); }

raft::Options raft_options(const env::Env& env, const ReplicaOptions& options) {
  raft::Options out;
  out.id = options.member;
  out.election_ticks = ticks(options.election_timeout, options.heartbeat);
  out.heartbeat_ticks = 1;
  out.seed = env.seed;
  return out;
}

// The first entry of a new cluster adds its only member (peer protocol 1.4, bootstrap).
wal::Recovered bootstrap(const ReplicaOptions& options) {
  machine::Member member;
  member.id = options.member;
  member.peer_urls = options.peer_urls;
  std::sort(member.peer_urls.begin(), member.peer_urls.end());
  member.name = options.name;
  const pb::ConfChange change{.type = pb::ConfChangeType::kAddNode,
                              .node_id = options.member,
                              .context = Bytes::adopt(machine::member_json(member))};
  std::string data;
  pb::append(change, data);
  wal::Recovered out;
  out.last_index = 1;
  out.hard_state = {.term = 1, .vote = 0, .commit = 1};
  out.entries.push_back(
      {.type = pb::EntryType::kConfChange, .term = 1, .index = 1, .data = Bytes::adopt(std::move(data))});
  return out;
}

raft::Initial initial_of(const wal::Recovered& recovered, const Restored& restored) {
  const Index applied = restored.machine ? restored.machine->applied_index() : 0;
  const Term term = restored.machine ? restored.machine->applied_term() : 0;
  return {.hard_state = recovered.hard_state,
          .conf_state = restored.configuration,
          .snapshot_index = applied,
          .snapshot_term = term,
          .applied = applied,
          .entries = recovered.entries};
}

// Mutant::kApplyTwice: where a leader's term began, the entry before it stands once more.
void repeat_entries(std::vector<pb::Entry>& entries) {
  for (size_t i = 1; i < entries.size(); ++i) {
    const pb::Entry& before = entries[i - 1];
    if (entries[i].data.empty() && before.type == pb::EntryType::kNormal) entries[i].data = before.data;
  }
}

bool is_fresh(const wal::Recovered& recovered, const Restored& restored) {
  return recovered.last_index == 0 && restored.image_index == 0;
}

wal::Recovered recovered_or_bootstrap(wal::Recovered recovered, const Restored& restored,
                                      const ReplicaOptions& options) {
  if (mutated(Mutant::kApplyTwice)) repeat_entries(recovered.entries);
  return is_fresh(recovered, restored) ? bootstrap(options) : std::move(recovered);
}

int64_t min_lease_ttl_s(Duration election_timeout) {
  const int64_t half_ms = std::chrono::duration_cast<std::chrono::milliseconds>(election_timeout).count() * 3;
  return (half_ms + 1999) / 2000;  // ceil(1.5 x timeout) in seconds
}

// What an entry that Raft keeps costs in memory.
size_t cost_of(const pb::Entry& entry) { return entry.data.size() + limits::kEntryOverheadBytes; }

env::Histogram& log_histogram(const env::Env& env, std::string_view name, std::string_view help) {
  return env.metrics.histogram(name, help, env::exponential_bounds(0.001, 2, 14));
}

}  // namespace

machine::Options machine_options(const env::Env& env, const ReplicaOptions& options) {
  return {.min_lease_ttl_s = min_lease_ttl_s(options.election_timeout),
          .hash_seed = env.seed,
          .keys_at_once = options.deleted_keys_at_once};
}

Replica::Replica(const env::Env& env, const ReplicaOptions& options, wal::Opened log, Restored restored)
    : env_(env),
      options_(options),
      made_unix_ms_(static_cast<uint64_t>(
          std::chrono::duration_cast<std::chrono::milliseconds>(env.clock.wall().time_since_epoch()).count())),
      request_ids_(options.member, made_unix_ms_),
      wal_(std::move(log.wal)),
      recovered_(recovered_or_bootstrap(log.recovered, restored, options)),
      raft_(raft_options(env, options), initial_of(recovered_, restored)),
      owned_machine_(restored.machine ? std::move(restored.machine)
                                      : std::make_unique<machine::Machine>(machine_options(env, options))),
      machine_(*owned_machine_),
      meter_(env, options.slow_apply),
      quota_(env.log, options.quota, machine_.store(), [this](Quota::Done done) { propose_no_space(std::move(done)); }),
      fsync_seconds_(
          log_histogram(env, "etcd_disk_wal_fsync_duration_seconds", "How long the log's writes take to be durable.")),
      log_write_seconds_(
          log_histogram(env, "etcd_disk_wal_write_duration_seconds", "How long the log's writes take.")) {
  watch::Options watch_options;
  watch_options.cluster = options.cluster;
  watch_options.member = options.member;
  watch_options.fragment_bytes = options.max_request_bytes + limits::kGrpcOverheadBytes;
  watch_options.progress_interval = options.watch_progress_interval;
  hub_ = std::make_unique<watch::Hub>(machine_.store(), [this] { return raft_.term(); }, watch_options);
  leases_ = std::make_unique<LeaseKeeper>(env, *this, machine_.lessor());
  compactor_ = std::make_unique<AutoCompactor>(options.auto_compaction, [this](Revision revision) {
    env_.log.info("starting auto compaction", {{"revision", revision}});
    propose(pb::Payload::kCompaction, pb::encode(pb::CompactionRequest{.revision = revision}), 0,
            [](machine::Outcome&) {});
  });
  if (!options.image_directory.empty()) {
    checkpointer_ = std::make_unique<Checkpointer>(env, machine_,
                                                   Checkpointer::Options{.directory = options.image_directory,
                                                                         .cluster = options.cluster,
                                                                         .member = options.member,
                                                                         .knobs = options.checkpoint,
                                                                         .saved = restored.saved,
                                                                         .damaged = restored.damaged},
                                                   [this](Index up_to) { wal_->release(up_to, env_.pool); });
  }
  recovered_log_bytes_ = restored.replayed_bytes;
  for (const pb::Entry& entry : recovered_.entries) recovered_log_bytes_ += cost_of(entry);
  if (machine_.applied_index() == 0 && log.recovered.last_index == 0) {
    ++writes_in_flight_;
    wal_->append(recovered_.hard_state, recovered_.entries, [this](const Status& status) { on_persisted(0, status); });
  }
  recovered_index_ = std::max(recovered_.last_index, log.recovered.last_index);
  recovered_ = {};
}

Replica::~Replica() {
  if (tick_timer_ != 0) env_.core.cancel(tick_timer_);
}

void Replica::start() {
  CHECK(!started_);
  started_ = true;
  env_.core.add_turn_hook([this] {
    env_.core.note_activity("replica");
    flush();
  });
  flush();  // applies what was committed before; a single member needs no one's answer for that
  if (raft_.conf_state().voters.size() == 1) raft_.campaign();
  tick_timer_ = env_.core.after(options_.heartbeat, [this] { tick(); });
}

void Replica::stop(std::move_only_function<void(const Status&)> done) {
  flush();  // what was proposed in this turn is owed to the log before its seal
  stopping_ = true;
  if (tick_timer_ != 0) env_.core.cancel(tick_timer_);
  tick_timer_ = 0;
  if (checkpointer_) checkpointer_->stop();
  fail_everything(errors::Stopped());
  if (!failed_.ok()) return done(failed_);
  if (unwritten_hard_state_) {
    wal_->append(std::exchange(unwritten_hard_state_, {}), {}, [](const Status&) {});
  }
  wal_->seal(std::move(done));
}

void Replica::tick() {
  tick_timer_ = env_.core.after(options_.heartbeat, [this] { tick(); });
  const MonoTime now = env_.clock.now();
  raft_.tick();
  expire_proposals(now);
  expire_reads(now);
  leases_->tick(now);
  hub_->tick(now);
  tell_of_full_disk();
  compactor_->tick(now, machine_.store().revision(), is_leader());
  if (is_leader() && lessor_term_ == term()) {
    publish();
    decide_cluster_version();
  }
}

void Replica::propose(pb::Payload payload, std::string_view body, uint64_t call, Proposed done) {
  auto refuse = [&](Status status) {
    ++counters_.proposals_failed;
    machine::Outcome outcome;
    outcome.status = std::move(status);
    done(outcome);
  };
  if (stopping_ || !failed_.ok()) return refuse(errors::Stopped());
  if (raft_.commit() > machine_.applied_index() + limits::kCommitApplyGapEntriesMax ||
      unapplied_bytes_ > options_.unapplied_bytes_max) {
    return refuse(errors::RequestTooManyRequests());
  }
  const RequestId id = request_ids_.next();
  std::string encoded = pb::encode_internal(id, payload, body);
  const size_t bytes = encoded.size();
  if (bytes > options_.max_request_bytes) return refuse(errors::RequestTooLarge());
  Result<raft::Proposed> proposed = raft_.propose(Bytes::adopt(std::move(encoded)));
  if (!proposed) return refuse(proposed.error());
  unapplied_bytes_ += bytes + limits::kEntryOverheadBytes;
  env_.trace.mark(env::Stage::kPropose, call, proposed->index);
  const MonoTime now = env_.core.now();
  waiters_.emplace(id, Waiter{std::move(done), call, payload, now});
  waiter_deadlines_.emplace_back(now + options_.request_timeout(), id);
}

void Replica::read(ReadReady done) {
  if (stopping_ || !failed_.ok()) return done(errors::Stopped());
  if (reads_.size() >= limits::kReadsWaitingMax) return done(errors::RequestTooManyRequests());
  reads_.push_back({env_.core.now() + options_.request_timeout(), std::move(done)});
  raft_.read(first_read_ + reads_.size() - 1);
}

void Replica::settled(ReadReady done) {
  if (stopping_ || !failed_.ok()) return done(errors::Stopped());
  if (!machine_.applying()) return done(Status());
  if (unsettled_.size() >= limits::kReadsWaitingMax) return done(errors::RequestTooManyRequests());
  unsettled_.push_back(std::move(done));
}

void Replica::hash(Revision revision, Hashed done) {
  if (stopping_ || !failed_.ok()) return done(quorate::fail(errors::Stopped()));
  if (hashings_.size() >= limits::kHashesWaitingMax) return done(quorate::fail(errors::RequestTooManyRequests()));
  auto hasher = mvcc::KeyHasher::open(machine_.store(), revision);
  if (!hasher) return done(quorate::fail(hasher.error()));
  hashings_.push_back({std::move(*hasher), std::move(done)});  // this turn's hook begins
}

void Replica::step_hashes() {
  if (hashings_.empty()) return;
  if (hashings_.front().hasher->step(kHashRecordsPerTurn)) {
    Hashing hashing = std::move(hashings_.front());
    hashings_.pop_front();
    hashing.done(hashing.hasher->result());
  }
  if (!hashings_.empty()) take_another_turn();
}

// Discharges what Raft owes, until it owes nothing: order within a Ready is the type's.
void Replica::flush() {
  if (stopping_ || !failed_.ok()) return;
  apply_committed();
  resolve_reads();
  while (raft_.has_ready() && failed_.ok()) {
    raft::Ready ready = raft_.ready();
    CHECK(!ready.snapshot && ready.messages.empty() && ready.after_persist.empty());  // there are no peers yet
    if (ready.soft_state) note_role(*ready.soft_state);
    if (ready.needs_persist()) persist(ready);
    if (!ready.committed.empty()) commit(ready.committed);
    indexed_reads_.insert(indexed_reads_.end(), ready.reads.begin(), ready.reads.end());
    for (const raft::ReadId id : ready.failed_reads) answer_read(id, errors::LeaderChanged());
    resolve_reads();
  }
  if (hub_->step(kCatchUpRevisionsPerTurn)) take_another_turn();
  step_hashes();
  step_compaction();
  step_checkpoint();
  note_disk();
}

// At the end of the turn, when what was handed out is applied; a compaction's last step may make way for it.
void Replica::step_checkpoint() {
  if (!checkpointer_ || !failed_.ok()) return;
  const uint64_t log_bytes = recovered_log_bytes_ + wal_->counters().bytes;
  if (checkpointer_->step(log_bytes, raft_.conf_state())) take_another_turn();
}

void Replica::take_another_turn() {
  if (std::exchange(step_posted_, true)) return;
  env_.core.post([this] { step_posted_ = false; });  // the hook of that turn goes on
}

// While it waits for a read that spans turns, that read's turns bring it back here.
void Replica::step_compaction() {
  const mvcc::Progress progress = machine_.step_compaction(kCompactionRecordsPerTurn);
  if (progress == mvcc::Progress::kMore) take_another_turn();
  if (progress != mvcc::Progress::kDone) return;
  for (machine::Outcome& outcome : std::exchange(physical_compactions_, {})) answer(outcome);
}

void Replica::note_role(const raft::SoftState& state) {
  if (state.role != raft::Role::kLeader) {
    machine_.lessor().demote();
    unapplied_bytes_ = 0;  // another leader may replace what was proposed
  }
  if (state.leader == known_leader_) return;
  known_leader_ = state.leader;
  if (known_leader_ != 0) ++counters_.leader_changes;
  env_.log.info("raft leader changed",
                {{"member-id", hex(options_.member)}, {"leader", hex(known_leader_)}, {"term", raft_.term()}});
}

void Replica::persist(raft::Ready& ready) {
  if (ready.hard_state) unwritten_hard_state_ = ready.hard_state;
  if (!ready.must_sync && ready.entries.empty()) {
    // A commit index alone needs no sync: it rides on the next write (peer protocol 1.4, durability).
    if (writes_in_flight_ == 0) {
      raft_.persisted(ready.sequence);
    } else {
      sequence_without_write_ = ready.sequence;
    }
    return;
  }
  ++writes_in_flight_;
  wal_->append(std::exchange(unwritten_hard_state_, {}), ready.entries,
               [this, sequence = ready.sequence](const Status& status) { on_persisted(sequence, status); });
}

void Replica::on_persisted(uint64_t sequence, const Status& status) {
  --writes_in_flight_;
  observe_log_write();
  if (!status.ok()) return fail(status);
  if (writes_in_flight_ == 0) sequence = std::max(sequence, std::exchange(sequence_without_write_, 0));
  if (sequence != 0) raft_.persisted(sequence);
}

// Several appends share one write: it is counted when the first of them is told.
void Replica::observe_log_write() {
  const wal::Wal::Counters& counters = wal_->counters();
  if (std::exchange(log_writes_seen_, counters.writes) == counters.writes) return;
  const double seconds = std::chrono::duration<double>(counters.last_write).count();
  fsync_seconds_.observe(seconds);
  log_write_seconds_.observe(seconds);
}

void Replica::commit(const std::vector<pb::Entry>& entries) {
  env_.trace.mark(env::Stage::kCommit, 0, entries.back().index);
  // One by one: an insertion into an empty deque counts as one at its front, and allocates each time.
  for (const pb::Entry& entry : entries) committed_.push_back(entry);
  if (!machine_.applying()) apply_committed();  // else this turn has done its slice
}

void Replica::apply_committed() {
  if (committed_.empty()) return;
  while (!committed_.empty() && apply_first()) {
    const pb::Entry entry = std::move(committed_.front());
    committed_.pop_front();
    hub_->advance();  // after each: a compaction must not overtake events that nobody was told of yet
    recent_entry_bytes_.push_back(cost_of(entry));
    recent_bytes_ += cost_of(entry);
  }
  raft_.applied(machine_.applied_index());
  forget_old_entries();
  serve_when_ready();
  if (machine_.applying()) return take_another_turn();
  for (ReadReady& done : std::exchange(unsettled_, {})) done(Status());
}

bool Replica::apply_first() {
  const pb::Entry& entry = committed_.front();
  if (entry.type == pb::EntryType::kConfChange) {
    pb::ConfChange change;
    const Status status = machine_.apply_conf_change(entry, change);
    if (!status.ok()) env_.log.warn("refused a membership change", {{"error", status.text()}, {"index", entry.index}});
    raft_.apply_conf_change(change);
    return true;
  }
  std::optional<machine::Outcome> outcome;
  if (machine_.applying()) {
    outcome = machine_.step(options_.deleted_keys_per_turn);
  } else {
    apply_began_ = env_.clock.now();
    const bool whole = entry.index <= recovered_index_;  // nobody waits for its turns
    outcome = whole ? machine_.apply(entry, apply_began_) : machine_.begin(entry, apply_began_);
  }
  if (!outcome) return false;
  conclude(entry, *outcome);
  return true;
}

void Replica::conclude(const pb::Entry& entry, machine::Outcome& outcome) {
  if (entry.data.empty()) {
    if (entry.term == raft_.term() && is_leader()) on_first_entry_of_own_term();
    return;
  }
  if (entry.index > recovered_index_) meter_.applied(entry, outcome, env_.clock.now() - apply_began_);
  unapplied_bytes_ -= std::min(unapplied_bytes_, cost_of(entry));
  if (!had_room(entry, outcome)) {
    outcome.status = errors::NoSpace();
    if (!is_no_space_raised()) return quota_.raise([this, late = std::move(outcome)]() mutable { answer(late); });
  }
  if (outcome.physical && machine_.store().compacting()) {
    physical_compactions_.push_back(std::move(outcome));
  } else {
    answer(outcome);
  }
}

// A log that is applied again is, as a file that is written anew, without free pages.
bool Replica::had_room(const pb::Entry& entry, const machine::Outcome& outcome) {
  size_settled_ = size_settled_ || (entry.index > recovered_index_ && !machine_.store().compacting());
  if (!size_settled_) {
    quota_.defragment();
    return true;
  }
  const bool grant = outcome.payload == pb::Payload::kLeaseGrant;
  const bool room =
      !outcome.status.ok() || quota_.has_room(grant ? Quota::cost_of_grant() : Quota::cost_of(outcome.tally));
  quota_.note_size();
  return room;
}

bool Replica::is_no_space_raised() const {
  return std::ranges::any_of(machine_.alarms(), [](auto& alarm) { return alarm.first == pb::AlarmType::kNoSpace; });
}

void Replica::note_disk() {
  Status why = wal_->spare_failure();
  if (why.ok() && checkpointer_) why = checkpointer_->failure();
  quota_.note_disk(why.code() == Code::kResourceExhausted ? why : Status());
}

// While there is still a segment to log the alarm in; one that is disarmed too early comes again.
void Replica::tell_of_full_disk() {
  if (quota_.disk_full() && is_leader() && !is_no_space_raised() && !quota_.raising()) quota_.raise([] {});
}

// Once is enough: on a full disk every further entry counts.
void Replica::propose_no_space(Quota::Done done) {
  if (quota_.disk_full() && is_no_space_raised()) return done();
  const pb::AlarmRequest request{
      .action = pb::AlarmAction::kActivate, .member_id = options_.member, .alarm = pb::AlarmType::kNoSpace};
  propose(pb::Payload::kAlarm, pb::encode(request), 0, [done = std::move(done)](machine::Outcome&) mutable { done(); });
}

void Replica::answer(machine::Outcome& outcome) {
  const auto found = waiters_.find(outcome.request);
  if (found == waiters_.end()) {
    if (outcome.status.code() == Code::kInternal) {
      env_.log.error("an entry could not be applied", {{"error", outcome.status.text()}});
    }
    return;
  }
  Waiter waiter = std::move(found->second);
  waiters_.erase(found);
  // Answers come in the order of the proposals, so that the list of deadlines stays short.
  if (waiter_deadlines_.front().second == outcome.request) waiter_deadlines_.pop_front();
  env_.trace.mark(env::Stage::kApply, waiter.call, machine_.applied_index());
  meter_.answered(waiter.payload, true, env_.core.now() - waiter.since);
  waiter.done(outcome);
}

void Replica::on_first_entry_of_own_term() {
  lessor_term_ = raft_.term();
  machine_.lessor().promote(env_.clock.now(), options_.election_timeout);
  publish();
  decide_cluster_version();
}

void Replica::forget_old_entries() {
  if (recent_bytes_ <= limits::kRecentEntriesBytes) return;
  Index forget = machine_.applied_index() - recent_entry_bytes_.size();
  while (recent_bytes_ > limits::kRecentEntriesBytes / 2) {
    recent_bytes_ -= recent_entry_bytes_.front();
    recent_entry_bytes_.pop_front();
    ++forget;
  }
  raft_.compact(forget);
}

void Replica::resolve_reads() {
  while (!indexed_reads_.empty() && indexed_reads_.front().index <= machine_.applied_index()) {
    const raft::ReadId id = indexed_reads_.front().id;
    indexed_reads_.pop_front();
    answer_read(id, Status());
  }
}

// A read that timed out may still be resolved or failed by Raft: nobody waits for that.
void Replica::answer_read(raft::ReadId id, const Status& status) {
  if (id < first_read_) return;
  ReadReady done = std::exchange(reads_[id - first_read_].done, {});
  while (!reads_.empty() && !reads_.front().done) {
    reads_.pop_front();
    ++first_read_;
  }
  if (!done) return;
  if (!status.ok()) ++counters_.reads_failed;
  done(status);
}

void Replica::expire_proposals(MonoTime now) {
  while (!waiter_deadlines_.empty()) {
    const auto found = waiters_.find(waiter_deadlines_.front().second);
    if (found != waiters_.end() && waiter_deadlines_.front().first > now) return;
    waiter_deadlines_.pop_front();
    if (found == waiters_.end()) continue;
    machine::Outcome outcome;
    outcome.status = errors::Timeout();
    Waiter waiter = std::move(found->second);
    waiters_.erase(found);
    ++counters_.proposals_failed;
    meter_.answered(waiter.payload, false, now - waiter.since);
    waiter.done(outcome);
  }
}

void Replica::expire_reads(MonoTime now) {
  while (!reads_.empty() && reads_.front().deadline <= now) answer_read(first_read_, errors::Timeout());
}

// Our name and client URLs go into the replicated state at every start: clients that sync find us there.
void Replica::publish() {
  if (published_ || publishing_) return;
  publishing_ = true;
  std::string body;
  pb::ClusterMemberAttrSetRequest attributes{.member_id = options_.member, .name = options_.name, .client_urls = {}};
  attributes.client_urls.assign(options_.client_urls.begin(), options_.client_urls.end());
  std::sort(attributes.client_urls.begin(), attributes.client_urls.end());
  pb::append(attributes, body);
  propose(pb::Payload::kClusterMemberAttrSet, body, 0, [this](machine::Outcome& outcome) {
    publishing_ = false;
    if (!outcome.status.ok()) {
      env_.log.warn("failed to publish local member to cluster through raft", {{"error", outcome.status.text()}});
      return;
    }
    published_ = true;
    env_.log.info("published local member to cluster through raft",
                  {{"local-member-id", hex(options_.member)},
                   {"local-member-attributes", "{Name:" + options_.name + "}"},
                   {"cluster-id", hex(options_.cluster)},
                   {"publish-timeout", options_.request_timeout()}});
  });
}

void Replica::decide_cluster_version() {
  if (deciding_ || machine_.members().cluster_version() == kClusterVersion) return;
  deciding_ = true;
  propose(pb::Payload::kClusterVersionSet, pb::encode(pb::ClusterVersionSetRequest{.version = kClusterVersion}), 0,
          [this](machine::Outcome& outcome) {
            deciding_ = false;
            if (outcome.status.ok()) env_.log.info("updated cluster version", {{"to", kClusterVersion}});
          });
}

void Replica::serve_when_ready() {
  if (serving_ || !published_ || machine_.members().cluster_version().empty()) return;
  serving_ = true;
  if (on_published_) on_published_();
}

void Replica::fail(const Status& status) {
  if (!failed_.ok()) return;
  failed_ = status;
  env_.log.error("the log can no longer be written; this member stops", {{"error", status.text()}});
  fail_everything(errors::Stopped());
  if (on_failed_) on_failed_(status);
}

// Whoever is told asks for nothing more: stopping_ or failed_ is set, and refuses it.
void Replica::fail_everything(const Status& status) {
  const auto proposals = std::exchange(waiter_deadlines_, {});
  for (const auto& [deadline, id] : proposals) {
    const auto found = waiters_.find(id);
    if (found == waiters_.end()) continue;
    Waiter waiter = std::move(found->second);
    waiters_.erase(found);
    ++counters_.proposals_failed;
    machine::Outcome outcome;
    outcome.status = status;
    waiter.done(outcome);
  }
  physical_compactions_.clear();
  for (Hashing& hashing : std::exchange(hashings_, {})) hashing.done(quorate::fail(status));
  for (ReadReady& done : std::exchange(unsettled_, {})) done(status);
  indexed_reads_.clear();
  while (!reads_.empty()) answer_read(first_read_, status);
}

pb::ResponseHeader Replica::header(const std::optional<pb::ResponseHeader>& partial) const {
  pb::ResponseHeader out = partial.value_or(pb::ResponseHeader{});
  if (out.revision == 0) out.revision = machine_.store().revision();
  out.cluster_id = options_.cluster;
  out.member_id = options_.member;
  out.raft_term = raft_.term();
  return out;
}

Replica::Counters Replica::counters() const {
  Counters out = counters_;
  out.proposals_pending = waiters_.size();
  return out;
}

}  // namespace quorate::server
