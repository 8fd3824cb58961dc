// The real store beside the simple one: the same requests, the same answers, cursors under way all the time.
//
// QUORATE_STORE_REQUESTS=1000000 makes the program that long.

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>

#include "mvcc/cursors.h"
#include "mvcc/long_write.h"
#include "mvcc/simple_store.h"
#include "mvcc/store.h"
#include "mvcc/store_program.h"

namespace quorate::mvcc {
namespace {

class Together {
 public:
  explicit Together(uint64_t seed) : draw_(seed, true), simple_ledger_(leases_), ledger_(leases_) {}

  void step() {
    if (draw_.chance(30)) store_.step_compaction(draw_.below(50));
    const Revision current = simple_.revision();
    const uint64_t kind = draw_.below(1000);
    if (kind < 550) {
      const auto request = draw_.put();
      EXPECT_EQ(told(store_.put(request, ledger_)), told(simple_.put(request, simple_ledger_)));
    } else if (kind < 551) {
      remove();
    } else if (kind < 554) {
      long_txn();
    } else if (kind < 556) {
      long_revoke();
    } else if (kind < 640) {
      const auto request = draw_.txn(current, 2);
      EXPECT_EQ(told(store_.txn(request, ledger_)), told(simple_.txn(request, simple_ledger_)));
    } else if (kind < 730) {
      const auto request = range(current);
      EXPECT_EQ(told(store_.range(request)), told(simple_.range(request)));
    } else if (kind < 800) {
      open_cursor(current);
    } else if (kind < 820) {
      EXPECT_EQ(events(store_), events(simple_));
    } else if (kind < 824) {
      revoke();
    } else if (kind < 830) {
      const Revision at = draw_.chance(50) ? current : draw_.near(current);
      EXPECT_EQ(store_.compact(at), simple_.compact(at));
    } else if (kind < 870) {
      const auto request = remove_one();
      EXPECT_EQ(told(store_.delete_range(request, ledger_)), told(simple_.delete_range(request, simple_ledger_)));
    } else {
      const pb::PutRequest request{.key = draw_.key(), .value = draw_.value()};
      EXPECT_EQ(told(store_.put(request, ledger_)), told(simple_.put(request, simple_ledger_)));
    }
    step_cursors();
    EXPECT_EQ(store_.revision(), simple_.revision());
    EXPECT_EQ(store_.compacted(), simple_.compacted());
    EXPECT_EQ(store_.keys(), simple_.keys());
    if (cursors_.empty()) draw_.forget();
  }

  void expect_same_leases() {
    for (LeaseId lease : leases_) EXPECT_EQ(ledger_.keys(lease), simple_ledger_.keys(lease));
  }

 private:
  struct Open {
    std::unique_ptr<RangeCursor> cursor;
    std::string expected;
    Revision at;
    bool pinned;
  };

  pb::RangeRequest range(Revision current) {
    pb::RangeRequest request = draw_.range(current);
    if (draw_.chance(50)) request.revision = 0;
    if (draw_.chance(30)) request.limit = static_cast<int64_t>(draw_.below(40));
    if (draw_.chance(10)) request.key = "/", request.range_end = "0";
    return request;
  }

  pb::DeleteRangeRequest remove_one() { return {.key = draw_.key(), .range_end = {}, .prev_kv = draw_.chance(30)}; }

  // Between its slices everything that is read is what it was before.
  void step_to_the_end(LongWrite& write) {
    const pb::RangeRequest everything{.key = "/", .range_end = "0"};
    const std::string before = told(simple_.range(everything));
    while (!write.step(draw_.below(20))) {
      EXPECT_EQ(told(store_.range(everything)), before);
      const pb::RangeRequest some = range(simple_.revision());
      EXPECT_EQ(told(store_.range(some)), told(simple_.range(some)));
      pb::TxnRequest txn;
      txn.compare.push_back(draw_.compare(simple_.revision()));
      txn.success.emplace_back().request = everything;
      EXPECT_EQ(told(store_.read_txn(txn)), told(simple_.read_txn(txn)));
      EXPECT_EQ(store_.keys(), simple_.keys());
      EXPECT_EQ(events(store_), events(simple_));
      store_.step_compaction(draw_.below(20));
      step_cursors();
    }
    EXPECT_EQ(store_.revision(), simple_.revision());
    EXPECT_EQ(store_.keys(), simple_.keys());
  }

  void remove() {
    const pb::DeleteRangeRequest request = draw_.remove();
    Deletion deletion(store_, request, ledger_);
    step_to_the_end(deletion);
    EXPECT_EQ(pb::encode(deletion.finish()), told(simple_.delete_range(request, simple_ledger_)));
    EXPECT_EQ(events(store_), events(simple_));
  }

  void long_txn() {
    const pb::TxnRequest request = draw_.txn(simple_.revision(), 2);
    auto txn = LongTxn::open(store_, request, ledger_);
    if (!txn) {
      EXPECT_EQ(txn.error().text(), told(simple_.txn(request, simple_ledger_)));
      return;
    }
    step_to_the_end(**txn);
    EXPECT_EQ(pb::encode((*txn)->finish()), told(simple_.txn(request, simple_ledger_)));
    EXPECT_EQ(events(store_), events(simple_));
  }

  void long_revoke() {
    const auto lease = static_cast<LeaseId>(7 + draw_.below(3));
    const std::set<std::string> keys = ledger_.keys(lease);
    auto next = keys.begin();
    KeysDeletion deletion(
        store_,
        [&](std::string& key) {
          if (next == keys.end()) return false;
          key = *next++;
          return true;
        },
        ledger_);
    step_to_the_end(deletion);
    deletion.finish();
    simple_.delete_keys({keys.begin(), keys.end()}, simple_ledger_);
    EXPECT_EQ(events(store_), events(simple_));
  }

  void revoke() {
    const auto lease = static_cast<LeaseId>(7 + draw_.below(3));
    const auto keys = ledger_.keys(lease);
    store_.delete_keys({keys.begin(), keys.end()}, ledger_);
    simple_.delete_keys({keys.begin(), keys.end()}, simple_ledger_);
  }

  void open_cursor(Revision current) {
    if (cursors_.size() > 8) return;
    const pb::RangeRequest request = range(current);
    const bool pinned = draw_.chance(50);
    auto cursor = RangeCursor::open(store_, request, pinned ? RangeCursor::Hold::kPin : RangeCursor::Hold::kNone);
    const auto expected = simple_.range(request);
    ASSERT_EQ(cursor.has_value(), expected.has_value());
    if (!cursor) {
      EXPECT_EQ(cursor.error(), expected.error());
      return;
    }
    const Revision at = request.revision > 0 ? request.revision : current;
    cursors_.push_back({std::move(*cursor), pb::encode(*expected), at, pinned});
  }

  void step_cursors() {
    std::erase_if(cursors_, [this](Open& open) {
      if (draw_.chance(50)) return false;
      const Result<bool> done = open.cursor->step(draw_.below(60));
      if (!done) {
        EXPECT_EQ(done.error(), errors::Compacted());
        EXPECT_FALSE(open.pinned);
        EXPECT_LT(open.at, store_.compacted());
        return true;
      }
      if (*done) {
        EXPECT_EQ(pb::encode(open.cursor->finish()), open.expected);
      }
      return *done;
    });
  }

  template <class Any>
  std::vector<std::string> events(const Any& store) {
    std::vector<std::string> out;
    const Revision from = std::max(store.compacted(), store.revision() - 50);
    for (const KeyRange& range :
         {KeyRange{"/registry/pods/1", "/registry/pods/3"}, KeyRange{"/", "0"}, KeyRange{"/registry/pods/20/7", ""}}) {
      const Revision next = store.events(from, store.revision() + 1, range, true, 60,
                                         [&](const pb::Event& event) { out.push_back(pb::encode(event)); });
      out.push_back(std::to_string(next));
    }
    return out;
  }

  Draw draw_;
  const std::set<LeaseId> leases_{7, 8, 9};
  SimpleStore simple_;
  Ledger simple_ledger_;
  Store store_;
  Ledger ledger_;
  std::vector<Open> cursors_;
};

TEST(Store, EqualsTheSimpleStoreInLongPrograms) {
  const char* asked = std::getenv("QUORATE_STORE_REQUESTS");
  const int requests = asked ? std::atoi(asked) : 100'000;
  const int each = std::min(requests, 25'000);
  for (int done = 0; done < requests; done += each) {
    const auto seed = static_cast<uint64_t>(1 + done / each);
    SCOPED_TRACE("seed " + std::to_string(seed));
    Together together(seed);
    for (int i = 0; i < each; ++i) {
      together.step();
      if (testing::Test::HasFailure()) FAIL() << "step " << i;
    }
    together.expect_same_leases();
  }
}

}  // namespace
}  // namespace quorate::mvcc
