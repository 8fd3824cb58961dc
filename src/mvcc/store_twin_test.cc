// Random programs on the store and on its twin.

#include <gtest/gtest.h>

#include "base/prng.h"
#include "mvcc/simple_store.h"
#include "mvcc/snapshot_twin.h"

namespace quorate::mvcc {
namespace {

// Which key hangs on which lease, as the store says it.
class Ledger final : public LeaseBook {
 public:
  explicit Ledger(const std::set<LeaseId>& leases) : leases_(leases) {}
  bool exists(LeaseId lease) const override { return leases_.contains(lease); }
  void move_key(std::string_view key, LeaseId from, LeaseId to) override {
    EXPECT_NE(from, to);
    EXPECT_TRUE(to == 0 || leases_.contains(to));
    if (from != 0) {
      EXPECT_EQ(keys_[from].erase(std::string(key)), 1u);
    }
    if (to != 0) {
      EXPECT_TRUE(keys_[to].insert(std::string(key)).second);
    }
  }
  const std::set<std::string>& keys(LeaseId lease) { return keys_[lease]; }

 private:
  const std::set<LeaseId>& leases_;
  std::map<LeaseId, std::set<std::string>> keys_;
};

// Draws requests over few keys, so that they meet.
class Draw {
 public:
  explicit Draw(uint64_t seed) : prng_(seed) {}

  bool chance(uint64_t percent) { return prng_.chance(percent, 100); }
  uint64_t below(uint64_t bound) { return prng_.below(bound); }
  std::string_view keep(std::string text) { return texts_.emplace_back(std::move(text)); }

  std::string_view key() {
    static constexpr std::string_view kKeys[] = {"a", "b", "ba", "bb", "c", "\xff", "d", "e"};
    if (chance(3)) return keep(std::string("a\0", 2));
    return kKeys[below(std::size(kKeys))];
  }
  std::string_view end() {
    if (chance(55)) return {};
    if (chance(20)) return keep(std::string(1, '\0'));
    return key();
  }
  std::string_view value() { return keep(prng_.bytes(below(4))); }
  LeaseId lease() { return chance(60) ? 0 : static_cast<LeaseId>(7 + below(4)); }  // 10 does not exist
  Revision near(Revision current) {
    return current + 1 - static_cast<Revision>(below(static_cast<uint64_t>(current) + 3));
  }

  pb::RangeRequest range(Revision current) {
    pb::RangeRequest r{.key = key(), .range_end = end()};
    if (chance(10)) r.key = keep(std::string(1, '\0')), r.range_end = r.key;
    if (chance(40)) r.limit = static_cast<int64_t>(below(6)) - 1;
    if (chance(40)) r.revision = near(current);
    if (chance(50)) r.sort_order = static_cast<pb::SortOrder>(below(3));
    if (chance(50)) r.sort_target = static_cast<pb::SortTarget>(below(5));
    r.keys_only = chance(20);
    r.count_only = chance(10);
    for (Revision* bound : {&r.min_mod_revision, &r.max_mod_revision, &r.min_create_revision, &r.max_create_revision}) {
      if (chance(10)) *bound = near(current);
    }
    return r;
  }
  pb::PutRequest put() {
    pb::PutRequest p{.key = key(), .value = value(), .lease = lease()};
    p.prev_kv = chance(30);
    if (chance(15)) p.ignore_value = true, p.value = {};
    if (chance(15)) p.ignore_lease = true, p.lease = 0;
    return p;
  }
  pb::DeleteRangeRequest remove() { return {.key = key(), .range_end = end(), .prev_kv = chance(40)}; }

  pb::Compare compare(Revision current) {
    pb::Compare c{.key = key()};
    c.result = static_cast<pb::CompareResult>(below(5));
    c.target = static_cast<pb::CompareTarget>(below(6));
    c.range_end = chance(70) ? std::string_view() : end();
    c.union_field = static_cast<uint32_t>(c.target) + 4;
    if (c.union_field == 7) c.value = value();
    if (c.union_field != 7) c.number = chance(50) ? static_cast<int64_t>(below(4)) : near(current);
    if (chance(10)) c.union_field = 0;
    if (chance(5)) c.union_field = 4 + static_cast<uint32_t>(below(5));
    return c;
  }
  pb::TxnRequest txn(Revision current, int depth) {
    pb::TxnRequest t;
    for (uint64_t n = below(3); n > 0; --n) t.compare.push_back(compare(current));
    for (auto* ops : {&t.success, &t.failure}) {
      for (uint64_t n = below(5); n > 0; --n) ops->push_back(op(current, depth));
    }
    return t;
  }

 private:
  pb::RequestOp op(Revision current, int depth) {
    pb::RequestOp out;
    const uint64_t kind = below(100);
    if (kind < 35) {
      out.request = range(current);
    } else if (kind < 65) {
      out.request = put();
    } else if (kind < 80 || depth == 0) {
      out.request = remove();
    } else if (kind < 98) {
      out.request = std::make_unique<pb::TxnRequest>(txn(current, depth - 1));
    }
    return out;
  }

  Prng prng_;
  std::deque<std::string> texts_;
};

template <class Response>
std::string told(const Result<Response>& result) {
  return result ? pb::encode(*result) : result.error().text();
}

class Pair {
 public:
  explicit Pair(uint64_t seed) : draw_(seed), ledger_(twin_.leases) {}

  void step() {
    const Revision current = store_.revision();
    const uint64_t kind = draw_.below(100);
    if (kind < 30) {
      const auto request = draw_.put();
      EXPECT_EQ(told(store_.put(request, ledger_)), twin_.put(request));
    } else if (kind < 40) {
      const auto request = draw_.remove();
      EXPECT_EQ(told(store_.delete_range(request, ledger_)), twin_.delete_range(request));
    } else if (kind < 60) {
      const auto request = draw_.txn(current, 2);
      EXPECT_EQ(told(store_.txn(request, ledger_)), twin_.txn(request));
    } else if (kind < 80) {
      const auto request = draw_.range(current);
      EXPECT_EQ(told(store_.range(request)), twin_.range(request));
    } else if (kind < 85) {
      read_transaction(current);
    } else if (kind < 95) {
      events(current);
    } else if (kind < 97) {
      const LeaseId lease = static_cast<LeaseId>(7 + draw_.below(3));
      const auto keys = twin_.keys_of(lease);
      store_.delete_keys({keys.begin(), keys.end()}, ledger_);
      twin_.delete_keys({keys.begin(), keys.end()});
    } else {
      const Revision at = draw_.near(current);
      EXPECT_EQ(store_.compact(at).text(), twin_.compact(at));
    }
    EXPECT_EQ(store_.revision(), twin_.revision());
    EXPECT_EQ(store_.compacted(), twin_.compacted());
    EXPECT_EQ(store_.keys(), twin_.state().size());
    for (LeaseId lease : twin_.leases) EXPECT_EQ(ledger_.keys(lease), twin_.keys_of(lease));
  }

  // What a store that was always empty would hold, once all is deleted and compacted.
  void expect_no_leak() {
    const pb::DeleteRangeRequest all{.key = "a", .range_end = std::string_view("\0", 1)};
    store_.delete_range(all, ledger_).value();
    store_.put({.key = "z", .value = "1"}, ledger_).value();
    ASSERT_TRUE(store_.compact(store_.revision()).ok());
    SimpleStore fresh;
    fresh.put({.key = "z", .value = "1"}, ledger_).value();
    EXPECT_EQ(store_.bytes(), fresh.bytes());
  }

 private:
  void read_transaction(Revision current) {
    pb::TxnRequest request;
    if (draw_.chance(50)) request.compare.push_back(draw_.compare(current));
    request.success.emplace_back().request = draw_.range(current);
    request.success.emplace_back().request = draw_.range(current);
    request.failure.emplace_back().request = draw_.range(current);
    EXPECT_EQ(told(store_.read_txn(request)), twin_.txn(request));
  }

  void events(Revision current) {
    const Revision from = std::max(draw_.near(current), store_.compacted());
    const Revision to = draw_.near(current) + 2;
    const KeyRange range{draw_.key(), draw_.end()};
    const bool prev_kv = draw_.chance(50);
    const size_t most = draw_.chance(50) ? 1 + draw_.below(3) : 1000;
    std::vector<std::string> seen;
    Revision next = from;
    // Piece by piece until the end, as a watcher catches up.
    for (int pieces = 0; pieces < 10'000; ++pieces) {
      std::set<Revision> revisions;
      const Revision stopped = store_.events(next, to, range, prev_kv, most, [&](const pb::Event& event) {
        revisions.insert(event.kv.mod_revision);
        seen.push_back(std::to_string(event.kv.mod_revision) + " " + pb::encode(event));
      });
      EXPECT_LE(revisions.size(), most);
      if (!revisions.empty()) {
        EXPECT_LT(*revisions.rbegin(), stopped);
      }
      if (stopped >= std::min(to, current + 1) || stopped == next) break;
      EXPECT_EQ(revisions.size(), most);
      next = stopped;
    }
    EXPECT_EQ(seen, twin_.events(from, to, range.key, range.end, prev_kv));
  }

  Draw draw_;
  SimpleStore store_;
  SnapshotTwin twin_;
  Ledger ledger_;
};

TEST(SimpleStore, EqualsItsTwinInRandomPrograms) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Pair pair(seed);
    for (int i = 0; i < 400; ++i) {
      pair.step();
      if (testing::Test::HasFailure()) FAIL() << "step " << i;
    }
    pair.expect_no_leak();
  }
}

}  // namespace
}  // namespace quorate::mvcc
