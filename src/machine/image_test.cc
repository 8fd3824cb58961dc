// A machine's image beside the machine: equal in all that is replicated, also after more entries.
#include "machine/image.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/prng.h"
#include "pb/codec.h"

namespace quorate::machine {
namespace {

// Random entries of a log, over few keys and leases.
class Program {
 public:
  explicit Program(uint64_t seed) : prng_(seed) {}

  pb::Entry entry() {
    const uint64_t kind = prng_.below(100);
    if (kind < 3) return conf_change();
    pb::Entry out{.type = pb::EntryType::kNormal, .term = term_, .index = ++index_, .data = {}};
    if (kind < 5) return ++term_, out;
    out.data = Bytes::adopt(request(kind));
    return out;
  }

 private:
  std::string key() { return "key" + std::to_string(prng_.below(12)); }
  LeaseId lease() { return static_cast<LeaseId>(1 + prng_.below(5)); }

  template <class Request>
  std::string encode(pb::Payload payload, const Request& request) {
    return pb::encode_internal(++id_, payload, pb::encode(request));
  }
  std::string request(uint64_t kind) {
    const std::string k = key(), other = key(), beyond = other + "x", value = prng_.bytes(prng_.below(40));
    if (kind < 45) {
      const LeaseId on = prng_.chance(1, 2) ? lease() : 0;
      return encode(pb::Payload::kPut, pb::PutRequest{.key = k, .value = value, .lease = on});
    }
    if (kind < 55) {
      return encode(pb::Payload::kDeleteRange, pb::DeleteRangeRequest{.key = k, .range_end = other});
    }
    if (kind < 65) {
      pb::TxnRequest txn;
      txn.success.resize(2);
      txn.success[0].request = pb::PutRequest{.key = k, .value = value};
      txn.success[1].request = pb::DeleteRangeRequest{.key = beyond, .range_end = "l"};
      if (k != other) txn.success[1].request = pb::PutRequest{.key = other, .value = value, .lease = 0};
      return encode(pb::Payload::kTxn, txn);
    }
    if (kind < 75) {
      const auto ttl_s = static_cast<int64_t>(prng_.below(1000));
      return encode(pb::Payload::kLeaseGrant, pb::LeaseGrantRequest{.ttl_s = ttl_s, .id = lease()});
    }
    if (kind < 80) return encode(pb::Payload::kLeaseRevoke, pb::LeaseRevokeRequest{.id = lease()});
    if (kind < 85) {
      pb::LeaseCheckpointRequest checkpoints;
      checkpoints.checkpoints.push_back({.id = lease(), .remaining_ttl_s = static_cast<int64_t>(prng_.below(500))});
      return encode(pb::Payload::kLeaseCheckpoint, checkpoints);
    }
    if (kind < 88) {
      return encode(pb::Payload::kAlarm, pb::AlarmRequest{.action = prng_.chance(1, 3) ? pb::AlarmAction::kActivate
                                                                                       : pb::AlarmAction::kDeactivate,
                                                          .member_id = 1 + prng_.below(3),
                                                          .alarm = static_cast<pb::AlarmType>(1 + prng_.below(2))});
    }
    if (kind < 90) return encode(pb::Payload::kClusterVersionSet, pb::ClusterVersionSetRequest{.version = "3.7.0"});
    if (kind < 92) {
      pb::ClusterMemberAttrSetRequest attributes{.member_id = 1 + prng_.below(4), .name = k, .client_urls = {}};
      attributes.client_urls.push_back("http://c");
      return encode(pb::Payload::kClusterMemberAttrSet, attributes);
    }
    return encode(pb::Payload::kCompaction,
                  pb::CompactionRequest{.revision = static_cast<Revision>(prng_.below(index_) / 2)});
  }
  pb::Entry conf_change() {
    Member member;
    member.id = 1 + prng_.below(4);
    member.peer_urls = {"http://p" + std::to_string(prng_.below(6))};
    member.learner = prng_.chance(1, 3);
    pb::ConfChange change{
        .type = pb::ConfChangeType::kAddNode, .node_id = member.id, .context = Bytes::adopt(member_json(member))};
    if (prng_.chance(1, 4)) change = {.type = pb::ConfChangeType::kRemoveNode, .node_id = member.id, .context = {}};
    if (member.learner) change.type = pb::ConfChangeType::kAddLearnerNode;
    std::string data;
    pb::append(change, data);
    return {
        .type = pb::EntryType::kConfChange, .term = term_, .index = ++index_, .data = Bytes::adopt(std::move(data))};
  }

  Prng prng_;
  Index index_ = 0;
  Term term_ = 1;
  RequestId id_ = 0;
};

void settle(Machine& machine) {
  while (machine.step_compaction(1000) == mvcc::Progress::kMore) {}
}

// What callers are told of the entry.
std::string apply(Machine& machine, const pb::Entry& entry) {
  std::string out;
  if (entry.type == pb::EntryType::kConfChange) {
    pb::ConfChange change;
    out = machine.apply_conf_change(entry, change).text();
  } else {
    const Outcome outcome = machine.apply(entry, MonoTime());
    out = outcome.status.text() + " " + std::to_string(outcome.response.index());
    if (const auto* txn = std::get_if<pb::TxnResponse>(&outcome.response)) out += pb::encode(*txn);
    if (const auto* put = std::get_if<pb::PutResponse>(&outcome.response)) out += pb::encode(*put);
    if (const auto* grant = std::get_if<pb::LeaseGrantResponse>(&outcome.response)) out += pb::encode(*grant);
  }
  settle(machine);
  return out;
}

// Everything that is replicated, as text.
std::string all_of(const Machine& machine) {
  std::string out = std::to_string(machine.applied_index()) + " " + std::to_string(machine.applied_term()) + "\n";
  for (const auto& [id, member] : machine.members().all()) out += member_json(member) + member.name + "\n";
  for (const MemberId id : machine.members().all_removed()) out += "removed " + std::to_string(id) + "\n";
  out += machine.members().cluster_version() + "\n";
  for (const auto& [type, member] : machine.alarms()) {
    out += "alarm " + std::to_string(static_cast<int>(type)) + " " + std::to_string(member) + "\n";
  }
  for (const LeaseId id : machine.lessor().leases()) {
    const auto info = machine.lessor().info(id, MonoTime());
    out += "lease " + std::to_string(id) + " " + std::to_string(info->granted_ttl_s) + " " +
           std::to_string(info->replicated_ttl_s);
    for (const std::string& key : *info->keys) out += " " + key;
    out += "\n";
  }
  const mvcc::Store& store = machine.store();
  out += std::to_string(store.revision()) + " " + std::to_string(store.compacted()) + " " +
         std::to_string(store.bytes()) + " " + std::to_string(store.keys()) + "\n";
  for (Revision revision = 0; revision <= store.revision(); ++revision) {
    auto hasher = mvcc::KeyHasher::open(store, revision);
    if (!hasher) continue;
    while (!(*hasher)->step(1000)) {}
    out += std::to_string((*hasher)->result().hash) + " " + std::to_string((*hasher)->result().compact_revision) + "\n";
  }
  return out;
}

struct Image {
  std::string state;
  std::vector<std::string> items;
  Index index = 0;
  Term term = 0;
};

// `between` is called between the steps.
Image take(const Machine& machine, const pb::ConfState& configuration, size_t budget_each, const auto& between) {
  ImageWalk walk(machine, configuration);
  Image out{.state = walk.take_state(), .items = {}, .index = walk.index(), .term = walk.term()};
  for (bool done = false; !done;) {
    size_t budget = budget_each;
    done = walk.step(budget, 1000, out.items.emplace_back());
    between();
  }
  return out;
}

std::unique_ptr<Machine> load(const Image& image, pb::ConfState* configuration = nullptr) {
  uint64_t bytes = image.state.size();
  for (const std::string& part : image.items) bytes += part.size();
  ImageLoader loader(Options{}, bytes);
  if (!loader.take_state(image.state, image.index, image.term)) return nullptr;
  for (const std::string& part : image.items) {
    if (!loader.take_items(part)) return nullptr;
  }
  if (!loader.finish()) return nullptr;
  if (configuration) *configuration = loader.configuration();
  return loader.take_machine();
}

const pb::ConfState kConfiguration{
    .voters = {1, 3}, .learners = {7}, .voters_outgoing = {1, 2}, .learners_next = {9}, .auto_leave = true};

TEST(MachineImage, IsTheMachineAtTheIndexThatItNames) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Program program(seed);
    auto machine = std::make_unique<Machine>(Options{});
    Machine twin{Options{}};
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < 60; ++i) {
        const pb::Entry entry = program.entry();
        ASSERT_EQ(apply(*machine, entry), apply(twin, entry));
      }
      std::vector<pb::Entry> meanwhile;
      const Image image = take(*machine, kConfiguration, 5, [&] {
        if (meanwhile.size() < 50) apply(*machine, meanwhile.emplace_back(program.entry()));
      });
      pb::ConfState configuration;
      std::unique_ptr<Machine> loaded = load(image, &configuration);
      ASSERT_TRUE(loaded);
      EXPECT_EQ(configuration, kConfiguration);
      ASSERT_EQ(all_of(*loaded), all_of(twin));
      for (const pb::Entry& entry : meanwhile) ASSERT_EQ(apply(*loaded, entry), apply(twin, entry));
      ASSERT_EQ(all_of(*loaded), all_of(twin));
      machine = std::move(loaded);
    }
  }
}

TEST(MachineImage, CutAnywhereIsRefused) {
  Program program(5);
  Machine machine{Options{}};
  for (int i = 0; i < 60; ++i) apply(machine, program.entry());
  Image image = take(machine, kConfiguration, 1'000'000, [] {});
  ASSERT_TRUE(load(image));
  const std::string state = image.state;
  for (size_t cut = 0; cut < state.size(); ++cut) {
    image.state = state.substr(0, cut);
    EXPECT_FALSE(load(image)) << cut;
  }
  image.state = state + '\0';
  EXPECT_FALSE(load(image));
}

}  // namespace
}  // namespace quorate::machine
