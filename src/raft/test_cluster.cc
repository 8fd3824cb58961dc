#include "raft/test_cluster.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "raft/configuration.h"

namespace quorate::raft {
namespace {

bool promises_durability(MessageType type) {
  return type == MessageType::kVote || type == MessageType::kVoteResp || type == MessageType::kPreVoteResp ||
         type == MessageType::kAppResp;
}

uint64_t digest_after(uint64_t digest, const Entry& entry) {
  for (const uint64_t value : {entry.index, entry.term}) digest = (digest ^ value) * 0x100000001b3u + 1;
  for (const char c : entry.data.view()) digest = (digest ^ static_cast<uint8_t>(c)) * 0x100000001b3u + 1;
  return digest;
}

}  // namespace

TestCluster::TestCluster(const Setup& setup) : setup_(setup) {
  ConfState conf;
  for (MemberId id = 1; id <= setup.voters; ++id) conf.voters.push_back(id);
  members_.resize(setup.members);
  for (MemberId id = 1; id <= setup.members; ++id) {
    Member& member = members_[id - 1];
    member.id = id;
    if (id <= setup.voters) {
      member.disk.hard_state = {.term = 1, .vote = 0, .commit = 1};
      member.disk.offset = member.disk.offset_term = 1;
      member.disk.image = {.index = 1, .term = 1, .conf = conf};
    }
    restart(id);
  }
}

void TestCluster::restart(MemberId id) {
  Member& m = member(id);
  if (m.core) return;
  const Image& image = m.disk.image;
  Initial initial{.hard_state = m.disk.hard_state,
                  .conf_state = image.conf,
                  .snapshot_index = m.disk.offset,
                  .snapshot_term = m.disk.offset_term,
                  .applied = image.index,
                  .entries = m.disk.entries};
  const Options options{.id = id,
                        .pre_vote = setup_.pre_vote,
                        .inflight_messages_max = setup_.inflight_messages_max,
                        .message_bytes_max = setup_.message_bytes_max,
                        .ready_entries_bytes_max = 256,
                        .seed = setup_.seed * 1000 + m.starts++};
  m.core.emplace(options, std::move(initial));
  m.core->set_snapshot(snapshot_of(image));
  m.applied = m.handed_out = image.index;
  m.applied_term = image.term;
  m.digest = image.digest;
  m.checked_commit = m.disk.offset;
  m.delivered.clear();
  observe(m);
}

void TestCluster::crash(MemberId id, size_t writes_kept) {
  Member& m = member(id);
  if (!m.core) return;
  for (size_t i = 0; i < std::min(writes_kept, m.writes.size()); ++i) write_to(m.disk, m.writes[i]);
  m.core.reset();
  m.writes.clear();
  m.to_apply.clear();
  std::erase_if(asked_, [id](const auto& asked) { return asked.second.by == id; });
}

Snapshot TestCluster::snapshot_of(const Image& image) {
  Snapshot snapshot;
  snapshot.data = Bytes::copy(std::to_string(image.digest));
  snapshot.metadata = {.conf_state = image.conf, .index = image.index, .term = image.term};
  return snapshot;
}

void TestCluster::write_to(Disk& disk, const Ready& ready) {
  if (ready.snapshot) {
    const SnapshotMetadata& metadata = ready.snapshot->metadata;
    disk.image = {.index = metadata.index,
                  .term = metadata.term,
                  .conf = metadata.conf_state,
                  .digest = std::strtoull(std::string(ready.snapshot->data.view()).c_str(), nullptr, 10)};
    disk.offset = metadata.index;
    disk.offset_term = metadata.term;
    disk.entries.clear();
  }
  if (ready.hard_state) disk.hard_state = *ready.hard_state;
  for (const Entry& entry : ready.entries) {
    if (entry.index <= disk.offset) continue;
    ASSERT_LE(entry.index, disk.offset + disk.entries.size() + 1) << "a gap in the log on disk";
    disk.entries.resize(entry.index - disk.offset - 1);
    disk.entries.push_back(entry);
  }
}

void TestCluster::tick(MemberId id) {
  if (!is_up(id)) return;
  core(id).tick();
  observe(member(id));
}

void TestCluster::collect(MemberId id) {
  Member& m = member(id);
  if (!m.core || !m.core->has_ready()) return;
  Ready ready = m.core->ready();
  for (const Message& message : ready.messages) EXPECT_FALSE(promises_durability(message.type));
  EXPECT_TRUE(ready.entries.empty() || ready.must_sync);
  send(std::exchange(ready.messages, {}));
  settle_reads(m, ready);
  if (ready.snapshot) {
    m.to_apply.clear();
    m.handed_out = ready.snapshot->metadata.index;
  }
  for (const Entry& entry : ready.committed) {
    EXPECT_EQ(entry.index, ++m.handed_out) << "a gap in what is handed out";
    const auto committed = history_.find(entry.index);
    EXPECT_TRUE(committed != history_.end() && committed->second.term == entry.term &&
                committed->second.data == entry.data)
        << "member " << id << " delivers another entry at " << entry.index;
    EXPECT_LE(entry.index, m.disk.offset + m.disk.entries.size()) << "delivered before it is durable";
    m.to_apply.push_back(entry);
    m.delivered.push_back(entry);
  }
  m.writes.push_back(std::move(ready));
  observe(m);
}

void TestCluster::settle_reads(Member& m, const Ready& ready) {
  for (const ReadState& state : ready.reads) {
    const auto asked = asked_.find(state.id);
    ASSERT_TRUE(asked != asked_.end()) << "a read resolved that nobody waits for";
    EXPECT_EQ(asked->second.by, m.id);
    EXPECT_GE(state.index, asked->second.floor) << "a stale read by member " << m.id;
    asked_.erase(asked);
    ++reads_resolved_;
  }
  for (const ReadId id : ready.failed_reads) {
    EXPECT_EQ(asked_.erase(id), 1u);
    ++reads_failed_;
  }
}

void TestCluster::persist(MemberId id, size_t readies) {
  Member& m = member(id);
  for (; m.core && readies > 0 && !m.writes.empty(); --readies) {
    const Ready ready = std::move(m.writes.front());
    m.writes.pop_front();
    write_to(m.disk, ready);
    if (ready.snapshot) {
      m.applied = m.disk.image.index;
      m.applied_term = m.disk.image.term;
      m.digest = m.disk.image.digest;
      m.core->set_snapshot(*ready.snapshot);
    }
    m.core->persisted(ready.sequence);
    if (ready.snapshot) m.core->applied(m.applied);
    for (const Message& message : ready.after_persist) {
      if (message.type != MessageType::kVoteResp || message.reject) continue;
      const MemberId granted = votes_.try_emplace({message.term, id}, message.to).first->second;
      EXPECT_EQ(granted, message.to) << "member " << id << " votes twice in term " << message.term;
    }
    send(ready.after_persist);
    observe(m);
  }
}

void TestCluster::apply(MemberId id, size_t entries) {
  Member& m = member(id);
  for (; m.core && entries > 0 && !m.to_apply.empty(); --entries) {
    const Entry entry = std::move(m.to_apply.front());
    m.to_apply.pop_front();
    EXPECT_EQ(entry.index, m.applied + 1);
    if (entry.type == EntryType::kConfChange) {
      ConfChange change;
      ASSERT_TRUE(pb::decode(entry.data, change));
      m.core->apply_conf_change(change);
    }
    m.applied = entry.index;
    m.applied_term = entry.term;
    m.digest = digest_after(m.digest, entry);
    m.core->applied(entry.index);
    observe(m);
  }
}

void TestCluster::send(std::vector<Message> messages) {
  for (Message& message : messages) {
    ASSERT_TRUE(message.to >= 1 && message.to <= size()) << "a message to nobody";
    const ConfState& members = message.snapshot.metadata.conf_state;
    EXPECT_TRUE(message.type != MessageType::kSnap || is_voter(members, message.to) || is_learner(members, message.to))
        << "an image that member " << message.to << " must refuse";
    if (isolated_.contains(message.from) || isolated_.contains(message.to)) {
      if (message.type == MessageType::kSnap) core(message.from).report_snapshot(message.to, false);
      continue;
    }
    network_.push_back(std::move(message));
  }
}

void TestCluster::drop(size_t position) {
  const Message message = std::move(network_[position]);
  network_.erase(network_.begin() + static_cast<std::ptrdiff_t>(position));
  if (message.type == MessageType::kSnap && is_up(message.from)) core(message.from).report_snapshot(message.to, false);
}

void TestCluster::deliver(size_t position, bool keep) {
  if (!is_up(network_[position].to)) return drop(position);
  const Message message = network_[position];
  if (!keep) network_.erase(network_.begin() + static_cast<std::ptrdiff_t>(position));
  core(message.to).step(message);
  if (message.type == MessageType::kSnap && is_up(message.from)) {
    core(message.from).report_snapshot(message.to, true);
    observe(member(message.from));
  }
  observe(member(message.to));
}

void TestCluster::propose(MemberId id) {
  if (!is_up(id)) return;
  (void)core(id).propose(Bytes::copy("value " + std::to_string(++last_proposal_)));
  observe(member(id));
}

void TestCluster::propose_change(MemberId id, ConfChangeType type, MemberId node) {
  if (!is_up(id)) return;
  // Of two voters neither can be taken out safely: what the other must know to go on alone may be lost with
  // the first's unsynced commit index.
  const bool takes_a_vote = type == ConfChangeType::kRemoveNode || type == ConfChangeType::kAddLearnerNode;
  if (takes_a_vote && (core(id).role() != Role::kLeader || core(id).conf_state().voters.size() < 3)) return;
  ConfChange change;
  change.type = type;
  change.node_id = node;
  (void)core(id).propose_conf_change(change);
  observe(member(id));
}

void TestCluster::read(MemberId id) {
  if (!is_up(id)) return;
  asked_[++last_read_] = {.by = id, .floor = committed()};
  core(id).read(last_read_);
  observe(member(id));
}

void TestCluster::checkpoint(MemberId id, Index keep) {
  Member& m = member(id);
  const bool installs_snapshot =
      std::any_of(m.writes.begin(), m.writes.end(), [](const Ready& ready) { return ready.snapshot.has_value(); });
  if (!m.core || installs_snapshot || m.applied <= m.disk.image.index || m.applied < m.core->first_index()) return;
  m.disk.image = {.index = m.applied, .term = m.applied_term, .conf = m.core->conf_state(), .digest = m.digest};
  m.core->set_snapshot(snapshot_of(m.disk.image));
  const Index up_to = m.applied > keep ? m.applied - keep : 0;
  if (up_to <= m.disk.offset) return;
  m.core->compact(up_to);
  const auto end = m.disk.entries.begin() + static_cast<std::ptrdiff_t>(up_to - m.disk.offset);
  m.disk.offset_term = (end - 1)->term;
  m.disk.offset = up_to;
  m.disk.entries.erase(m.disk.entries.begin(), end);
  observe(m);
}

void TestCluster::observe(Member& m) {
  note(m.id);
  note(m.core->term());
  note(m.core->last_index());
  note(m.core->commit());
  observe_commit(m);
  if (m.core->role() == Role::kLeader) observe_leader(m);
}

void TestCluster::observe_commit(Member& m) {
  const Core& core = *m.core;
  m.checked_commit = std::max(m.checked_commit, core.first_index() - 1);
  for (const Entry& entry : core.entries(m.checked_commit + 1, core.commit() + 1, SIZE_MAX)) {
    const auto [at, is_new] = history_.try_emplace(
        entry.index, Committed{.term = entry.term, .commit_term = core.term(), .data = entry.data});
    EXPECT_TRUE(is_new || (at->second.term == entry.term && at->second.data == entry.data))
        << "member " << m.id << " commits another entry at " << entry.index;
  }
  m.checked_commit = std::max(m.checked_commit, core.commit());
}

void TestCluster::observe_leader(const Member& m) {
  const Core& core = *m.core;
  const auto [at, is_new] = leaders_.try_emplace(core.term(), m.id);
  EXPECT_EQ(at->second, m.id) << "two leaders in term " << core.term();
  if (!is_new) return;
  for (const auto& [index, committed] : history_) {
    if (index < core.first_index() || committed.commit_term >= core.term()) continue;
    const std::vector<Entry> own = core.entries(index, index + 1, 1);
    EXPECT_TRUE(own.size() == 1 && own[0].term == committed.term)
        << "leader " << m.id << " of term " << core.term() << " lacks committed " << index;
  }
  check_logs_match();
}

void TestCluster::check_logs_match() {
  for (const Member& a : members_) {
    for (const Member& b : members_) {
      if (a.id >= b.id || !a.core || !b.core) continue;
      const Index first = std::max(a.core->first_index(), b.core->first_index());
      const Index last = std::min(a.core->last_index(), b.core->last_index());
      const std::vector<Entry> of_a = a.core->entries(first, last + 1, SIZE_MAX);
      const std::vector<Entry> of_b = b.core->entries(first, last + 1, SIZE_MAX);
      bool must_match = false;
      for (size_t i = of_a.size(); i-- > 0;) {
        must_match = must_match || of_a[i].term == of_b[i].term;
        EXPECT_TRUE(!must_match || of_a[i] == of_b[i]) << a.id << " and " << b.id << " differ at " << of_a[i].index;
      }
    }
  }
}

TestCluster::Weights TestCluster::Weights::drawn_from(Prng& prng) {
  Weights out;
  out.of[kTick] = prng.between(5, 120);
  out.of[kDeliver] = prng.between(200, 800);
  out.of[kDrop] = prng.chance(1, 2) ? 0 : prng.between(1, 60);
  out.of[kPersist] = prng.between(30, 300);
  out.of[kApply] = prng.between(20, 200);
  out.of[kPropose] = prng.between(5, 100);
  out.of[kRead] = prng.between(5, 60);
  out.of[kChange] = prng.chance(1, 2) ? 0 : prng.between(1, 20);
  out.of[kCheckpoint] = prng.between(0, 20);
  out.of[kCrash] = prng.chance(1, 3) ? 0 : prng.between(1, 10);
  out.of[kRestart] = prng.between(5, 40);
  out.of[kTransfer] = prng.chance(1, 2) ? 0 : prng.between(1, 5);
  out.of[kUnreachable] = prng.between(0, 3);
  out.of[kIsolate] = prng.chance(1, 2) ? 0 : prng.between(1, 4);
  out.of[kHeal] = prng.between(2, 8);
  out.collect_percent = prng.between(20, 100);
  out.reorder_percent = prng.between(0, 40);
  out.duplicate_percent = prng.between(0, 10);
  return out;
}

void TestCluster::random_event(Prng& prng, const Weights& weights) {
  uint64_t sum = 0;
  for (const uint64_t weight : weights.of) sum += weight;
  uint64_t dice = prng.below(sum);
  size_t kind = 0;
  while (dice >= weights.of[kind]) dice -= weights.of[kind++];
  const MemberId id = prng.between(1, size());
  const MemberId other = prng.between(1, size());
  const uint64_t amount = prng.below(8);
  const size_t reach =
      prng.chance(weights.reorder_percent, 100) ? network_.size() : std::min<size_t>(network_.size(), 2);
  const size_t position = reach == 0 ? 0 : prng.below(reach);
  constexpr ConfChangeType kTypes[] = {ConfChangeType::kAddNode, ConfChangeType::kAddNode, ConfChangeType::kRemoveNode,
                                       ConfChangeType::kAddLearnerNode};
  switch (kind) {
    case Weights::kTick: tick(id); break;
    case Weights::kDeliver:
      if (reach > 0) deliver(position, prng.chance(weights.duplicate_percent, 100) && network_.size() < 300);
      break;
    case Weights::kDrop:
      if (reach > 0) drop(position);
      break;
    case Weights::kPersist: persist(id, amount); break;
    case Weights::kApply: apply(id, amount); break;
    case Weights::kPropose: propose(id); break;
    case Weights::kRead: read(id); break;
    case Weights::kChange:
      if (size() > 1) propose_change(id, kTypes[amount % 4], other);
      break;
    case Weights::kCheckpoint: checkpoint(id, amount); break;
    case Weights::kCrash: crash(id, amount / 2); break;
    case Weights::kRestart: restart(id); break;
    case Weights::kTransfer:
      if (is_up(id)) core(id).transfer_leadership(other);
      break;
    case Weights::kUnreachable:
      if (is_up(id)) core(id).report_unreachable(other);
      break;
    case Weights::kIsolate: isolate(id); break;
    default: heal(); break;
  }
  for (MemberId each = 1; each <= size(); ++each) {
    if (prng.chance(weights.collect_percent, 100)) collect(each);
  }
}

void TestCluster::run(size_t rounds, bool ticking) {
  for (; rounds > 0; --rounds) {
    for (MemberId id = 1; id <= size(); ++id) {
      if (ticking) tick(id);
    }
    for (int turn = 0; turn < 4; ++turn) {
      for (MemberId id = 1; id <= size(); ++id) {
        collect(id);
        persist(id, SIZE_MAX);
        apply(id, SIZE_MAX);
      }
      for (size_t count = network_.size(); count > 0; --count) deliver(0, false);
    }
  }
}

MemberId TestCluster::leader() const {
  MemberId best = 0;
  Term term = 0;
  for (const Member& m : members_) {
    if (!m.core || m.core->role() != Role::kLeader || m.core->term() <= term) continue;
    best = m.id;
    term = m.core->term();
  }
  return best;
}

}  // namespace quorate::raft
