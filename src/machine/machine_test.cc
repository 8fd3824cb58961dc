#include "machine/machine.h"

#include <gtest/gtest.h>

#include "base/prng.h"
#include "pb/codec.h"

namespace quorate::machine {
namespace {

// Applies requests as entries of a log.
class Log {
 public:
  template <class Request>
  pb::Entry entry(pb::Payload payload, const Request& request) {
    return raw(pb::encode_internal(++id_, payload, pb::encode(request)));
  }
  pb::Entry raw(std::string data) {
    return {.type = pb::EntryType::kNormal, .term = 2, .index = ++index_, .data = Bytes::adopt(std::move(data))};
  }
  pb::Entry conf(const pb::ConfChange& change) {
    std::string data;
    pb::append(change, data);
    pb::Entry out = raw(std::move(data));
    out.type = pb::EntryType::kConfChange;
    return out;
  }
  RequestId id() const { return id_; }
  Index index() const { return index_; }

 private:
  RequestId id_ = 100;
  Index index_ = 0;
};

class MachineTest : public testing::Test {
 protected:
  template <class Request>
  Outcome apply(pb::Payload payload, const Request& request) {
    return machine.apply(log.entry(payload, request), MonoTime());
  }
  Outcome put(std::string_view key, LeaseId lease = 0) {
    return apply(pb::Payload::kPut, pb::PutRequest{.key = key, .value = "v", .lease = lease});
  }

  Log log;
  Machine machine{Options{}};
};

TEST_F(MachineTest, EveryEntryRaisesTheAppliedIndexAlsoTheLeadersEmptyOne) {
  const Outcome empty = machine.apply(log.raw(""), MonoTime());
  EXPECT_TRUE(empty.status.ok());
  EXPECT_EQ(empty.request, 0u);
  EXPECT_EQ(machine.applied_index(), 1u);
  EXPECT_EQ(machine.applied_term(), 2u);
  EXPECT_EQ(machine.store().revision(), 1);
}

TEST_F(MachineTest, AnswersARequestUnderItsId) {
  const Outcome outcome = put("k");
  EXPECT_EQ(outcome.request, log.id());
  EXPECT_EQ(std::get<pb::PutResponse>(outcome.response).header->revision, 2);
  const Outcome range = apply(pb::Payload::kRange, pb::RangeRequest{.key = "k"});
  EXPECT_EQ(std::get<pb::RangeResponse>(range.response).kvs.at(0).value, "v");
}

TEST_F(MachineTest, BytesThatAreNoRequestFailAndChangeNothing) {
  const Outcome outcome = machine.apply(log.raw("\x22\xff"), MonoTime());
  EXPECT_EQ(outcome.status.code(), Code::kInternal);
  EXPECT_EQ(machine.applied_index(), 1u);
  EXPECT_TRUE(put("k").status.ok());
}

TEST_F(MachineTest, APayloadOfAnotherVersionFailsAndChangesNothing) {
  const Outcome outcome =
      machine.apply(log.raw(pb::encode_internal(5, static_cast<pb::Payload>(20000), "")), MonoTime());
  EXPECT_EQ(outcome.status.code(), Code::kUnimplemented);
  EXPECT_EQ(outcome.request, 5u);
  EXPECT_EQ(machine.store().revision(), 1);
}

TEST_F(MachineTest, ALeaseTakesItsKeysAlongInOneRevision) {
  const Outcome granted = apply(pb::Payload::kLeaseGrant, pb::LeaseGrantRequest{.ttl_s = 1, .id = 7});
  EXPECT_EQ(std::get<pb::LeaseGrantResponse>(granted.response).ttl_s, 2);
  EXPECT_EQ(std::get<pb::LeaseGrantResponse>(granted.response).header->revision, 1);
  put("b", 7);
  put("a", 7);
  EXPECT_EQ(machine.lessor().info(7, MonoTime())->keys->size(), 2u);
  EXPECT_EQ(put("c", 8).status, errors::LeaseNotFound());
  const Outcome revoked = apply(pb::Payload::kLeaseRevoke, pb::LeaseRevokeRequest{.id = 7});
  EXPECT_EQ(std::get<pb::LeaseRevokeResponse>(revoked.response).header->revision, 4);
  EXPECT_EQ(machine.store().keys(), 0u);
  EXPECT_EQ(apply(pb::Payload::kLeaseRevoke, pb::LeaseRevokeRequest{.id = 7}).status, errors::LeaseNotFound());
}

TEST_F(MachineTest, AGrantWithoutAnIdOrWithAKnownOneFails) {
  EXPECT_EQ(apply(pb::Payload::kLeaseGrant, pb::LeaseGrantRequest{.ttl_s = 5}).status, errors::LeaseNotFound());
  apply(pb::Payload::kLeaseGrant, pb::LeaseGrantRequest{.ttl_s = 5, .id = 1});
  EXPECT_EQ(apply(pb::Payload::kLeaseGrant, pb::LeaseGrantRequest{.ttl_s = 5, .id = 1}).status, errors::LeaseExist());
}

TEST_F(MachineTest, ARewrittenKeyLeavesItsLease) {
  apply(pb::Payload::kLeaseGrant, pb::LeaseGrantRequest{.ttl_s = 5, .id = 1});
  put("k", 1);
  put("k");
  EXPECT_TRUE(machine.lessor().info(1, MonoTime())->keys->empty());
  put("k", 1);
  apply(pb::Payload::kDeleteRange, pb::DeleteRangeRequest{.key = "k"});
  EXPECT_TRUE(machine.lessor().info(1, MonoTime())->keys->empty());
}

TEST_F(MachineTest, CheckpointsAlarmsVersionAndAttributesAreKept) {
  apply(pb::Payload::kLeaseGrant, pb::LeaseGrantRequest{.ttl_s = 50, .id = 1});
  EXPECT_TRUE(
      apply(pb::Payload::kLeaseCheckpoint, pb::LeaseCheckpointRequest{.checkpoints = {{1, 30}, {2, 3}}}).status.ok());
  EXPECT_EQ(machine.lessor().info(1, MonoTime())->replicated_ttl_s, 30);
  pb::AlarmRequest alarm{.action = pb::AlarmAction::kActivate, .member_id = 3, .alarm = pb::AlarmType::kNoSpace};
  EXPECT_EQ(std::get<pb::AlarmResponse>(apply(pb::Payload::kAlarm, alarm).response).alarms.size(), 1u);
  EXPECT_EQ(machine.alarms().size(), 1u);
  alarm.action = static_cast<pb::AlarmAction>(9);
  EXPECT_EQ(apply(pb::Payload::kAlarm, alarm).status.code(), Code::kInvalidArgument);
  alarm.action = pb::AlarmAction::kDeactivate;
  apply(pb::Payload::kAlarm, alarm);
  EXPECT_TRUE(machine.alarms().empty());
  apply(pb::Payload::kClusterVersionSet, pb::ClusterVersionSetRequest{.version = "3.7.0"});
  EXPECT_EQ(machine.members().cluster_version(), "3.7.0");
}

TEST_F(MachineTest, WhatAnAlarmForbidsIsRefusedAndChangesNothing) {
  pb::AlarmRequest alarm{.action = pb::AlarmAction::kActivate, .member_id = 3, .alarm = pb::AlarmType::kNoSpace};
  apply(pb::Payload::kAlarm, alarm);
  EXPECT_EQ(apply(pb::Payload::kPut, pb::PutRequest{.key = "k"}).status, errors::NoSpace());
  EXPECT_EQ(machine.store().revision(), 1);
  EXPECT_EQ(apply(pb::Payload::kLeaseGrant, pb::LeaseGrantRequest{.ttl_s = 9, .id = 1}).status, errors::NoSpace());
  EXPECT_FALSE(machine.lessor().exists(1));
  alarm.action = pb::AlarmAction::kDeactivate;
  apply(pb::Payload::kAlarm, alarm);
  EXPECT_TRUE(apply(pb::Payload::kPut, pb::PutRequest{.key = "k"}).status.ok());
}

TEST_F(MachineTest, CompactionAnswersWithTheCurrentRevision) {
  put("a");
  put("a");
  const Outcome outcome = apply(pb::Payload::kCompaction, pb::CompactionRequest{.revision = 2});
  EXPECT_EQ(std::get<pb::CompactionResponse>(outcome.response).header->revision, 3);
  EXPECT_EQ(apply(pb::Payload::kCompaction, pb::CompactionRequest{.revision = 2}).status, errors::Compacted());
}

TEST_F(MachineTest, ARefusedConfChangeIsMadeOneOfNobody) {
  const Member member{.id = 5, .peer_urls = {"http://a:1"}, .learner = false, .name = "m", .client_urls = {}};
  const pb::ConfChange add{
      .id = 9, .type = pb::ConfChangeType::kAddNode, .node_id = 5, .context = Bytes::copy(member_json(member))};
  pb::ConfChange change;
  EXPECT_TRUE(machine.apply_conf_change(log.conf(add), change).ok());
  EXPECT_EQ(change, add);
  EXPECT_EQ(machine.apply_conf_change(log.conf(add), change), errors::MemberExist());
  EXPECT_EQ(change.node_id, 0u);
  EXPECT_EQ(change.id, 9u);
  EXPECT_EQ(machine.applied_index(), 2u);
  pb::Entry broken = log.raw("\xff");
  broken.type = pb::EntryType::kConfChange;
  EXPECT_EQ(machine.apply_conf_change(broken, change).code(), Code::kInternal);
  EXPECT_EQ(change.node_id, 0u);
  apply(pb::Payload::kClusterMemberAttrSet,
        pb::ClusterMemberAttrSetRequest{.member_id = 5, .name = "n", .client_urls = {"http://c:2"}});
  EXPECT_EQ(machine.members().find(5)->name, "n");
}

std::string told(const Outcome& outcome) {
  std::string out = std::to_string(outcome.request) + " " + outcome.status.text() + " ";
  std::visit(
      [&](const auto& response) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(response)>, std::monostate>) pb::append(response, out);
      },
      outcome.response);
  return out;
}

// Everything that entries decide, as text.
std::string state(const Machine& machine) {
  std::string out =
      std::to_string(machine.store().revision()) + " " + std::to_string(machine.store().compacted()) + "\n";
  const auto& store = machine.store();
  store.events(std::max<Revision>(store.compacted(), 0), store.revision() + 1,
               {std::string_view("\0", 1), std::string_view("\0", 1)}, true, 1'000'000,
               [&](const pb::Event& event) { pb::append(event, out); });
  std::vector<LeaseId> leases = machine.lessor().leases();
  std::sort(leases.begin(), leases.end());
  for (LeaseId id : leases) {
    const auto info = machine.lessor().info(id, MonoTime());
    out += "\n" + std::to_string(id) + " " + std::to_string(info->granted_ttl_s) + " " +
           std::to_string(info->replicated_ttl_s);
    for (const std::string& key : *info->keys) out += " " + key;
  }
  return out;
}

pb::Entry random_entry(Prng& prng, Log& log) {
  static constexpr std::string_view kKeys[] = {"a", "b", "c", "d"};
  const auto key = [&] { return kKeys[prng.below(4)]; };
  const LeaseId lease = static_cast<LeaseId>(1 + prng.below(4));
  switch (prng.below(11)) {
    case 0:
      return log.entry(pb::Payload::kDeleteRange,
                       pb::DeleteRangeRequest{.key = key(), .range_end = key(), .prev_kv = true});
    case 1:
      return log.entry(pb::Payload::kLeaseGrant,
                       pb::LeaseGrantRequest{.ttl_s = static_cast<int64_t>(prng.below(20)), .id = lease});
    case 2: return log.entry(pb::Payload::kLeaseRevoke, pb::LeaseRevokeRequest{.id = lease});
    case 3:
      return log.entry(pb::Payload::kLeaseCheckpoint,
                       pb::LeaseCheckpointRequest{.checkpoints = {{lease, static_cast<int64_t>(prng.below(20))}}});
    case 4:
      return log.entry(pb::Payload::kCompaction,
                       pb::CompactionRequest{.revision = static_cast<Revision>(prng.below(60))});
    case 5: {
      pb::TxnRequest txn;
      txn.success.emplace_back().request = pb::PutRequest{.key = key(), .value = "t", .lease = lease};
      txn.success.emplace_back().request = pb::RangeRequest{.key = key(), .range_end = std::string_view("\0", 1)};
      return log.entry(pb::Payload::kTxn, txn);
    }
    case 6: return log.raw(prng.bytes(prng.below(12)));
    case 7: {
      pb::TxnRequest txn;
      txn.success.emplace_back().request = pb::DeleteRangeRequest{.key = key(), .range_end = key()};
      txn.success.emplace_back().request = pb::RangeRequest{.key = key(), .range_end = std::string_view("\0", 1)};
      txn.success.emplace_back().request = pb::DeleteRangeRequest{.key = key(), .range_end = "e", .prev_kv = true};
      txn.success.emplace_back().request = pb::PutRequest{.key = "f", .value = "t", .lease = lease};
      return log.entry(pb::Payload::kTxn, txn);
    }
    default:
      return log.entry(
          pb::Payload::kPut,
          pb::PutRequest{.key = key(), .value = "p", .lease = prng.chance(1, 2) ? lease : 0, .prev_kv = true});
  }
}

// Applies in slices of random size; nothing that is replicated moves before the last.
Outcome apply_in_steps(Machine& machine, const pb::Entry& entry, Prng& prng, size_t& slices) {
  const Index applied = machine.applied_index();
  const Revision revision = machine.store().revision();
  std::optional<Outcome> outcome = machine.begin(entry, MonoTime());
  while (!outcome) {
    ++slices;
    EXPECT_TRUE(machine.applying());
    EXPECT_EQ(machine.applied_index(), applied);
    EXPECT_EQ(machine.store().revision(), revision);
    outcome = machine.step(prng.below(3));
  }
  EXPECT_FALSE(machine.applying());
  return std::move(*outcome);
}

TEST(Machine, WhatIsAppliedInStepsIsWhatIsAppliedAtOnce) {
  size_t slices = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Prng prng(seed);
    Log log;
    Machine whole{Options{}};
    Machine sliced{Options{.keys_at_once = 0}};
    for (int i = 0; i < 200; ++i) {
      const pb::Entry entry = random_entry(prng, log);
      ASSERT_EQ(told(whole.apply(entry, MonoTime())), told(apply_in_steps(sliced, entry, prng, slices)))
          << "entry " << i;
      ASSERT_EQ(sliced.applied_index(), log.index());
    }
    ASSERT_EQ(state(whole), state(sliced));
  }
  EXPECT_GT(slices, 1000u);
}

TEST(Machine, ALeaseThatIsRevokedInStepsIsThereUntilTheLast) {
  Log log;
  Machine machine{Options{.keys_at_once = 3}};
  machine.apply(log.entry(pb::Payload::kLeaseGrant, pb::LeaseGrantRequest{.ttl_s = 100, .id = 7}), MonoTime());
  for (const char* key : {"a", "b", "c", "d"}) {
    machine.apply(log.entry(pb::Payload::kPut, pb::PutRequest{.key = key, .value = "", .lease = 7}), MonoTime());
  }
  ASSERT_FALSE(machine.begin(log.entry(pb::Payload::kLeaseRevoke, pb::LeaseRevokeRequest{.id = 7}), MonoTime()));
  ASSERT_FALSE(machine.step(2));
  EXPECT_TRUE(machine.lessor().exists(7));
  EXPECT_EQ(machine.store().range({.key = "a", .range_end = "e"})->count, 4);
  while (!machine.step(2)) {}
  EXPECT_FALSE(machine.lessor().exists(7));
  EXPECT_EQ(machine.store().range({.key = "a", .range_end = "e"})->count, 0);
}

TEST(Machine, TwoThatAppliedTheSameEntriesAreEqualWhateverTheirClocksAndRoles) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Prng prng(seed);
    Log log;
    Machine leader{Options{.hash_seed = seed}};
    Machine follower{Options{}};
    leader.lessor().promote(MonoTime(), 1s);
    for (int i = 0; i < 200; ++i) {
      const pb::Entry entry = random_entry(prng, log);
      const MonoTime now = MonoTime() + std::chrono::seconds(prng.below(1000));
      ASSERT_EQ(told(leader.apply(entry, now)), told(follower.apply(entry, MonoTime())))
          << "seed " << seed << " entry " << i;
      ASSERT_EQ(leader.applied_index(), log.index());
    }
    ASSERT_EQ(state(leader), state(follower)) << "seed " << seed;
    EXPECT_EQ(leader.store().bytes(), follower.store().bytes());
  }
}

}  // namespace
}  // namespace quorate::machine
