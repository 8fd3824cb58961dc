// Random correct histories pass; and of random faults put into them, none that shows goes unseen.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "base/prng.h"
#include "sim/testing/tiny_cluster.h"
#include "sim/testing/verdict.h"

namespace quorate::sim {
namespace {

class RandomHistory {
 public:
  RandomHistory(uint64_t seed, size_t operations, bool damage = false) : random_(seed), damage_(damage) {
    while (cluster.history.operations.size() < operations) step();
    if (random_.chance(1, 2)) cluster.advance(120s);
    cluster.finish();
  }

  TinyCluster cluster;

 private:
  static constexpr size_t kClients = 8;

  std::string_view key() {
    static constexpr std::string_view kKeys[] = {"a", "aa", "ab", "b", "ba", "c", "d", "e"};
    return kKeys[random_.below(std::size(kKeys))];
  }
  std::string_view end() {
    static constexpr std::string_view kEnds[] = {"", "", "", "b", "d", "z", std::string_view("\0", 1)};
    return kEnds[random_.below(std::size(kEnds))];
  }
  Revision revision() { return static_cast<Revision>(random_.below(cluster.log.size() + 2)); }
  LeaseId lease() { return static_cast<LeaseId>(random_.between(1, 4)); }

  pb::PutRequest put() {
    value_ = random_.bytes(random_.below(6));
    return {.key = key(),
            .value = value_,
            .lease = random_.chance(1, 4) ? lease() : 0,
            .prev_kv = random_.chance(1, 2),
            .ignore_lease = false};
  }
  pb::RangeRequest range() {
    pb::RangeRequest out;
    out.key = key();
    out.range_end = end();
    if (random_.chance(1, 3)) out.revision = revision();
    if (random_.chance(1, 4)) out.limit = 2;
    out.serializable = random_.chance(1, 4);
    out.keys_only = random_.chance(1, 8);
    out.count_only = random_.chance(1, 8);
    return out;
  }
  pb::DeleteRangeRequest remove() { return {.key = key(), .range_end = end(), .prev_kv = random_.chance(1, 2)}; }
  std::string txn() {
    pb::TxnRequest out;
    if (random_.chance(1, 2)) {
      out.compare.push_back({.target = pb::CompareTarget::kVersion,
                             .key = key(),
                             .union_field = 4,
                             .number = static_cast<int64_t>(random_.below(3))});
    }
    const bool reads_only = random_.chance(1, 4);
    for (auto* branch : {&out.success, &out.failure}) {
      for (uint64_t i = random_.below(3); i > 0; --i) {
        pb::RequestOp& op = branch->emplace_back();
        const uint64_t kind = reads_only ? 0 : random_.below(3);
        if (kind == 0) op.request = range();
        if (kind == 1) op.request = pb::PutRequest{.key = key(), .value = "t", .prev_kv = true};
        if (kind == 2) op.request = remove();
      }
    }
    return pb::encode(out);
  }

  std::pair<Kind, std::string> request() {
    switch (random_.below(16)) {
      case 0:
      case 1:
      case 2:
      case 3: return {Kind::kPut, pb::encode(put())};
      case 4:
      case 5:
      case 6:
      case 7: return {Kind::kRange, pb::encode(range())};
      case 8:
      case 9: return {Kind::kTxn, txn()};
      case 10: return {Kind::kDeleteRange, pb::encode(remove())};
      case 11:
        return {Kind::kLeaseGrant, pb::encode(pb::LeaseGrantRequest{
                                       .ttl_s = static_cast<int64_t>(random_.between(1, 30)), .id = lease()})};
      case 12: return {Kind::kLeaseKeepAlive, pb::encode(pb::LeaseKeepAliveRequest{.id = lease()})};
      case 13:
        return {Kind::kLeaseTimeToLive,
                pb::encode(pb::LeaseTimeToLiveRequest{.id = lease(), .keys = random_.chance(1, 2)})};
      case 14:
        if (random_.chance(1, 3)) return {Kind::kLeaseRevoke, pb::encode(pb::LeaseRevokeRequest{.id = lease()})};
        return {Kind::kLeaseLeases, {}};
      default:
        if (random_.chance(2, 3)) return {Kind::kPut, pb::encode(put())};
        return {Kind::kCompact, pb::encode(pb::CompactionRequest{.revision = revision() / 2})};
    }
  }

  // The last revision that the watch was told whole.
  static std::optional<Revision> told(const Watch& watch) {
    std::optional<Revision> last;
    for (const Delivery& delivery : watch.deliveries) {
      pb::WatchResponse response;
      if (!pb::decode(delivery.response, response)) continue;
      if (response.canceled) return response.compact_revision > 0 ? std::optional(response.compact_revision - 1) : last;
      if (!response.events.empty()) {
        last = response.events.back().kv.mod_revision;
      } else if (!response.created) {
        last = std::max(last.value_or(0), response.header->revision);
      } else {
        last = watch.start_revision > 0 ? watch.start_revision - 1 : response.header->revision;
      }
    }
    return last;
  }

  void watch() {
    auto& watches = cluster.history.watches;
    Watch next;
    if (!watches.empty() && random_.chance(1, 2)) {
      const size_t before = random_.below(watches.size());
      const std::optional<Revision> last = told(watches[before]);
      if (!last) return;
      cluster.end_watch(before);
      next = watches[before];
      next.resumes = next.id;
      next.start_revision = *last + 1;
      next.deliveries.clear();
    } else {
      next.key = key();
      next.range_end = end();
      next.prev_kv = random_.chance(1, 2);
      next.puts = random_.chance(3, 4);
      if (next.range_end == "b" && next.key >= "b") next.range_end = "z";
      if (random_.chance(1, 3)) next.start_revision = revision();
    }
    open_.push_back(cluster.watch(next));
  }

  void step() {
    cluster.advance(std::chrono::microseconds(random_.below(random_.chance(1, 30) ? 3'000'000 : 3'000)));
    if (random_.chance(1, 40)) watch();
    if (!open_.empty() && random_.chance(1, 20)) {
      const size_t place = open_[random_.below(open_.size())];
      cluster.ask_progress(place);
    }
    if (random_.chance(1, 150)) {
      cluster.crash(std::chrono::milliseconds(random_.below(2'000)), damage_ ? random_.below(4) : 0);
      open_.clear();
    }
    const auto client = static_cast<uint32_t>(random_.below(kClients));
    const MonoTime free = free_[client];
    if (free > cluster.now()) return;
    const Duration before = std::min<Duration>(cluster.now() - free, std::chrono::microseconds(random_.below(20'000)));
    const Duration after = std::chrono::microseconds(random_.below(20'000));
    auto [kind, body] = request();
    if (random_.chance(1, 30)) {
      cluster.call_unanswered(kind, std::move(body), false, client);
      free_[client] = cluster.now();
      return;
    }
    const size_t place = cluster.call_at_once(kind, std::move(body), client, before, after);
    free_[client] = cluster.now() + after;
    Operation& operation = cluster.history.operations[place];
    if (random_.chance(1, 12)) {
      operation.answered = false;
      operation.response.clear();
      operation.status = {};
    }
  }

  Prng random_;
  const bool damage_;
  std::string value_;
  MonoTime free_[kClients] = {};
  std::vector<size_t> open_;
};

TEST(Property, RandomCorrectHistoriesAreFoundRight) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    const RandomHistory random(seed, 200);
    ASSERT_EQ(texts(random.cluster.check()), "") << "seed " << seed;
  }
}

TEST(Property, RandomHistoriesWithForgivenDamageAreFoundRight) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    const RandomHistory random(seed, 200, true);
    ASSERT_EQ(texts(random.cluster.check()), "") << "seed " << seed;
  }
}

// One fault, put somewhere at random; false where the history has no place for it.
struct Fault {
  const char* name;
  std::function<bool(TinyCluster&, Prng&)> put_in;
};

template <class Wanted>
Operation* pick(TinyCluster& cluster, Prng& random, Wanted wanted) {
  std::vector<Operation*> found;
  for (Operation& operation : cluster.history.operations) {
    if (operation.answered && wanted(operation)) found.push_back(&operation);
  }
  return found.empty() ? nullptr : found[random.below(found.size())];
}

bool logged_ok(const Operation& o) {
  return o.status.ok() && (o.kind == Kind::kPut || o.kind == Kind::kDeleteRange || o.kind == Kind::kLeaseGrant);
}
bool ranged_ok(const Operation& o) { return o.status.ok() && o.kind == Kind::kRange; }

// Removes the entry and moves those behind it up.
void cut(TinyCluster& cluster, size_t place) {
  cluster.log.erase(cluster.log.begin() + static_cast<std::ptrdiff_t>(place));
  std::map<std::pair<Term, Index>, MonoTime> moved;
  for (const auto& [key, when] : cluster.history.proposed_at) {
    if (key.second == place + 1) continue;
    moved[{key.first, key.second > place + 1 ? key.second - 1 : key.second}] = when;
  }
  cluster.history.proposed_at = std::move(moved);
  for (size_t i = place; i < cluster.log.size(); ++i) cluster.log[i].index = i + 1;
}

std::optional<size_t> entry_of(const TinyCluster& cluster, uint64_t id) {
  const std::string mark = with_operation_id({}, id);
  for (size_t i = 0; i < cluster.log.size(); ++i) {
    if (cluster.log[i].data.view().find(mark) != std::string_view::npos) return i;
  }
  return std::nullopt;
}

Watch* pick_watch(TinyCluster& cluster, Prng& random, size_t deliveries_min) {
  std::vector<Watch*> found;
  for (Watch& watch : cluster.history.watches) {
    if (watch.deliveries.size() >= deliveries_min) found.push_back(&watch);
  }
  return found.empty() ? nullptr : found[random.below(found.size())];
}

// Of this watch, one that has events and is not the last thing that it was told.
std::optional<size_t> pick_events(const Watch& watch, Prng& random) {
  std::vector<size_t> found;
  for (size_t i = 0; i + 1 < watch.deliveries.size(); ++i) {
    pb::WatchResponse response;
    if (pb::decode(watch.deliveries[i].response, response) && !response.events.empty()) found.push_back(i);
  }
  if (found.empty()) return std::nullopt;
  return found[random.below(found.size())];
}

const std::vector<Fault>& faults() {
  static const std::vector<Fault> kFaults = {
      {"an acknowledged entry is lost",
       [](TinyCluster& cluster, Prng& random) {
         const Operation* operation = pick(cluster, random, logged_ok);
         if (!operation) return false;
         cut(cluster, *entry_of(cluster, operation->id));
         return true;
       }},
      {"an entry is there twice",
       [](TinyCluster& cluster, Prng& random) {
         const Operation* operation = pick(cluster, random, logged_ok);
         if (!operation) return false;
         cluster.log.push_back(cluster.log[*entry_of(cluster, operation->id)]);
         cluster.log.back().index = cluster.log.size();
         cluster.log.back().term = cluster.log[cluster.log.size() - 2].term;
         return true;
       }},
      {"a write is told the revision after its own",
       [](TinyCluster& cluster, Prng& random) {
         Operation* operation =
             pick(cluster, random, [](const Operation& o) { return logged_ok(o) && o.kind == Kind::kPut; });
         if (!operation) return false;
         operation->response = changed<pb::PutResponse>(operation->response, [](auto& m) { ++m.header->revision; });
         return true;
       }},
      {"a write that succeeded is told an error",
       [](TinyCluster& cluster, Prng& random) {
         Operation* operation = pick(cluster, random, logged_ok);
         if (!operation) return false;
         operation->status = errors::LeaseNotFound();
         operation->response.clear();
         return true;
       }},
      {"a read counts a key too many",
       [](TinyCluster& cluster, Prng& random) {
         Operation* operation = pick(cluster, random, ranged_ok);
         if (!operation) return false;
         operation->response = changed<pb::RangeResponse>(operation->response, [](auto& m) { ++m.count; });
         return true;
       }},
      {"a read is told that its revision is compacted",
       [](TinyCluster& cluster, Prng& random) {
         // Legal where a compaction was under way, or where the revision is none in particular.
         Operation* operation = pick(cluster, random, [&](const Operation& o) {
           pb::RangeRequest request;
           return ranged_ok(o) && pb::decode(o.request, request) && request.revision == 0;
         });
         if (!operation) return false;
         operation->status = errors::Compacted();
         operation->response.clear();
         return true;
       }},
      {"the final contents lack the last key",
       [](TinyCluster& cluster, Prng&) {
         auto& response = cluster.history.final_contents[0].response;
         const std::string before = response;
         response = changed<pb::RangeResponse>(response, [](auto& m) {
           if (!m.kvs.empty()) m.kvs.pop_back();
         });
         return response != before;
       }},
      {"a watch misses an answer with events",
       [](TinyCluster& cluster, Prng& random) {
         Watch* watch = pick_watch(cluster, random, 3);
         if (!watch) return false;
         const auto place = pick_events(*watch, random);
         if (!place) return false;
         // Legal where only things without progress or events follow: a cancel by compaction.
         pb::WatchResponse last;
         if (!pb::decode(watch->deliveries[*place + 1].response, last) || last.canceled) return false;
         watch->deliveries.erase(watch->deliveries.begin() + static_cast<std::ptrdiff_t>(*place));
         return true;
       }},
      {"a watch is told the same twice",
       [](TinyCluster& cluster, Prng& random) {
         Watch* watch = pick_watch(cluster, random, 3);
         if (!watch) return false;
         const auto place = pick_events(*watch, random);
         if (!place) return false;
         const Delivery again = watch->deliveries[*place];
         watch->deliveries.insert(watch->deliveries.begin() + static_cast<std::ptrdiff_t>(*place), again);
         return true;
       }},
      {"a watch is told another value",
       [](TinyCluster& cluster, Prng& random) {
         Watch* watch = pick_watch(cluster, random, 3);
         if (!watch) return false;
         const auto place = pick_events(*watch, random);
         if (!place) return false;
         auto& response = watch->deliveries[*place].response;
         response = changed<pb::WatchResponse>(response, [](auto& m) { ++m.events.back().kv.version; });
         return true;
       }},
      {"a lease ends a second early",
       [](TinyCluster& cluster, Prng& random) {
         const Model model(cluster.log, {});
         std::vector<const LeaseLife*> found;
         for (const LeaseLife& life : model.leases()) {
           if (life.revoked != 0 && !life.revoked_by_client) found.push_back(&life);
         }
         if (found.empty()) return false;
         const LeaseLife& life = *found[random.below(found.size())];
         MonoTime& when = cluster.history.proposed_at.at({cluster.log[life.revoked - 1].term, life.revoked});
         // Scans come every half second; renewals that nobody was told of, and starts, put the end off legally.
         const MonoTime granted = cluster.history.proposed_at.at({cluster.log[life.granted - 1].term, life.granted});
         when = granted + std::chrono::seconds(life.ttl_s) - 1s;
         return true;
       }},
      {"a lease is renewed to a second more",
       [](TinyCluster& cluster, Prng& random) {
         Operation* operation = pick(cluster, random, [](const Operation& o) {
           pb::LeaseKeepAliveResponse response;
           return o.kind == Kind::kLeaseKeepAlive && pb::decode(o.response, response) && response.ttl_s > 0;
         });
         if (!operation) return false;
         operation->response = changed<pb::LeaseKeepAliveResponse>(operation->response, [](auto& m) { ++m.ttl_s; });
         return true;
       }},
  };
  return kFaults;
}

TEST(Property, NoFaultThatIsPutIntoACorrectHistoryGoesUnseen) {
  for (const Fault& fault : faults()) {
    size_t tried = 0;
    for (uint64_t seed = 1; seed <= 60; ++seed) {
      RandomHistory history(seed, 200);
      Prng random(seed + 1000);
      if (!fault.put_in(history.cluster, random)) continue;
      ++tried;
      EXPECT_NE(texts(history.cluster.check()), "") << fault.name << ", seed " << seed;
    }
    EXPECT_GT(tried, 10U) << fault.name;
  }
}

// A stale read is a fault only where the key changed since, and nobody else was still writing: made, not found.
TEST(Property, AReadThatRepeatsAnEarlierAnswerIsSeenWhereTheStateMovedOn) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    RandomHistory history(seed, 100);
    TinyCluster& cluster = history.cluster;
    std::vector<Operation*> reads;
    for (Operation& operation : cluster.history.operations) {
      pb::RangeRequest request;
      if (!operation.answered || !ranged_ok(operation) || !pb::decode(operation.request, request)) continue;
      if (!request.serializable && request.revision == 0) reads.push_back(&operation);
    }
    if (reads.size() < 2) continue;
    Operation& early = *reads.front();
    Operation& late = *reads.back();
    pb::RangeResponse told, now;
    ASSERT_TRUE(pb::decode(early.response, told) && pb::decode(late.response, now));
    const Revision old = told.header->revision;
    if (old + 50 > now.header->revision) continue;  // more than can be under way at once
    late.response = changed<pb::RangeResponse>(late.response, [&](auto& m) { m.header->revision = old; });
    EXPECT_NE(texts(cluster.check()).find("stale read"), std::string::npos) << "seed " << seed;
  }
}

}  // namespace
}  // namespace quorate::sim
