// Random programs on the store and on its twin.

#include <gtest/gtest.h>

#include "mvcc/simple_store.h"
#include "mvcc/snapshot_twin.h"
#include "mvcc/store.h"
#include "mvcc/store_program.h"

namespace quorate::mvcc {
namespace {

template <class Store>
class Pair {
 public:
  static constexpr bool kSteps = requires(Store& store) { store.step_compaction(1); };

  explicit Pair(uint64_t seed) : draw_(seed), ledger_(twin_.leases) {}

  void step() {
    if constexpr (kSteps) {
      if (draw_.chance(30)) store_.step_compaction(draw_.below(5));
    }
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
    finish_compaction();
    Store fresh;
    fresh.put({.key = "z", .value = "1"}, ledger_).value();
    EXPECT_EQ(store_.bytes(), fresh.bytes());
  }

 private:
  void finish_compaction() {
    if constexpr (kSteps) {
      while (store_.step_compaction(100) != Progress::kDone) continue;
      EXPECT_FALSE(store_.compacting());
    }
  }
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
  Store store_;
  SnapshotTwin twin_;
  Ledger ledger_;
};

template <class Store>
class StoreTwin : public testing::Test {};
using Stores = testing::Types<SimpleStore, Store>;
TYPED_TEST_SUITE(StoreTwin, Stores);

TYPED_TEST(StoreTwin, EqualsTheStoreInRandomPrograms) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Pair<TypeParam> pair(seed);
    for (int i = 0; i < 400; ++i) {
      pair.step();
      if (testing::Test::HasFailure()) FAIL() << "step " << i;
    }
    pair.expect_no_leak();
  }
}

}  // namespace
}  // namespace quorate::mvcc
