// What every store does: the simple one and the real one.

#include <gtest/gtest.h>

#include <set>

#include "mvcc/simple_store.h"
#include "mvcc/store.h"
#include "pb/codec.h"

namespace quorate::mvcc {
namespace {

using namespace std::string_view_literals;

constexpr auto kToTheEnd = "\0"sv;

class Leases final : public LeaseBook {
 public:
  bool exists(LeaseId lease) const override { return lease == 7 || lease == 8; }
  void move_key(std::string_view key, LeaseId from, LeaseId to) override {
    moves.push_back(std::string(key) + " " + std::to_string(from) + "->" + std::to_string(to));
  }
  std::vector<std::string> moves;
};

template <class Store>
class StoreTest : public testing::Test {
 protected:
  Revision put(std::string_view key, std::string_view value, LeaseId lease = 0) {
    return store.put({.key = key, .value = value, .lease = lease}, leases).value().header->revision;
  }
  int64_t remove(std::string_view key, std::string_view end = {}) {
    return store.delete_range({.key = key, .range_end = end}, leases).value().deleted;
  }
  std::vector<std::string> keys(const pb::RangeRequest& request) {
    std::vector<std::string> out;
    const auto response = store.range(request).value();
    for (const auto& kv : response.kvs) out.emplace_back(kv.key);
    return out;
  }
  std::vector<std::string> events(Revision from, bool prev_kv = false) {
    std::vector<std::string> out;
    store.events(from, store.revision() + 1, {"\0"sv, kToTheEnd}, prev_kv, 1000, [&](const pb::Event& e) {
      std::string text(e.type == pb::EventType::kPut ? "put " : "delete ");
      text += std::string(e.kv.key) + "@" + std::to_string(e.kv.mod_revision);
      if (e.prev_kv) text += " was " + std::string(e.prev_kv->value);
      out.push_back(text);
    });
    return out;
  }

  // To its physical end.
  Status compact(Revision revision) {
    Status status = store.compact(revision);
    if constexpr (requires { store.step_compaction(1); }) {
      while (store.step_compaction(1) != Progress::kDone) continue;
    }
    return status;
  }

  Store store;
  Leases leases;
};
using Stores = testing::Types<SimpleStore, Store>;
TYPED_TEST_SUITE(StoreTest, Stores);

using Strings = std::vector<std::string>;

pb::RequestOp op(auto request) {
  pb::RequestOp out;
  out.request = std::move(request);
  return out;
}

pb::RequestOp nested(std::vector<pb::RequestOp> success) {
  auto txn = std::make_unique<pb::TxnRequest>();
  txn->success = std::move(success);
  return op(std::move(txn));
}

template <class... Ops>
std::vector<pb::RequestOp> list(Ops... ops) {
  std::vector<pb::RequestOp> out;
  (out.push_back(op(std::move(ops))), ...);
  return out;
}

TYPED_TEST(StoreTest, AFreshStoreIsAtRevisionOneAndWasNeverCompacted) {
  EXPECT_EQ(this->store.revision(), 1);
  EXPECT_EQ(this->store.compacted(), -1);
  EXPECT_EQ(this->store.bytes(), 0u);
}

TYPED_TEST(StoreTest, APutCountsVersionsUntilADeleteStartsANewGeneration) {
  EXPECT_EQ(this->put("k", "1"), 2);
  EXPECT_EQ(this->put("k", "2"), 3);
  EXPECT_EQ(this->remove("k"), 1);
  EXPECT_EQ(this->put("k", "3"), 5);
  const auto kv = this->store.range({.key = "k"}).value().kvs.at(0);
  EXPECT_EQ(std::tuple(kv.create_revision, kv.mod_revision, kv.version), std::tuple(5, 5, 1));
  const auto old = this->store.range({.key = "k", .revision = 3}).value().kvs.at(0);
  EXPECT_EQ(std::tuple(old.create_revision, old.mod_revision, old.version, old.value), std::tuple(2, 3, 2, "2"sv));
  EXPECT_TRUE(this->store.range({.key = "k", .revision = 4}).value().kvs.empty());
}

TYPED_TEST(StoreTest, ADeleteOfNothingKeepsTheRevision) {
  this->put("a", "1");
  const auto response = this->store.delete_range({.key = "b", .range_end = kToTheEnd}, this->leases).value();
  EXPECT_EQ(response.deleted, 0);
  EXPECT_EQ(response.header->revision, 2);
  EXPECT_EQ(this->store.revision(), 2);
}

TYPED_TEST(StoreTest, APutIsRefusedForItsLeaseBeforeItsKey) {
  const auto both = this->store.put({.key = "k", .lease = 99, .ignore_value = true}, this->leases);
  EXPECT_EQ(both.error(), errors::LeaseNotFound());
  const auto missing = this->store.put({.key = "k", .lease = 7, .ignore_value = true}, this->leases);
  EXPECT_EQ(missing.error(), errors::KeyNotFound());
  EXPECT_EQ(this->store.revision(), 1);
  EXPECT_EQ(this->store.bytes(), 0u);
}

TYPED_TEST(StoreTest, AKeyMovesBetweenLeasesOnlyWhereTheyDiffer) {
  this->put("k", "1", 7);
  this->put("k", "2", 7);
  this->put("k", "3", 8);
  this->store.put({.key = "k", .value = "4", .ignore_lease = true}, this->leases).value();
  this->put("k", "5");
  this->put("k", "6", 7);
  this->remove("k");
  this->put("k", "7");
  EXPECT_EQ(this->leases.moves, (Strings{"k 0->7", "k 7->8", "k 8->0", "k 0->7", "k 7->0"}));
}

TYPED_TEST(StoreTest, PreviousPairsAreReturnedWhereAskedForAndKnown) {
  EXPECT_FALSE(this->store.put({.key = "k", .value = "1", .prev_kv = true}, this->leases).value().prev_kv);
  EXPECT_EQ(this->store.put({.key = "k", .value = "2", .prev_kv = true}, this->leases).value().prev_kv->value, "1");
  EXPECT_EQ(this->store.delete_range({.key = "k", .prev_kv = true}, this->leases).value().prev_kvs.at(0).value, "2");
}

// The answers of etcd 3.7.1 to s1=c s2=b s3=a s4=b s1=c, requests as below.
template <class Store>
class Sorted : public StoreTest<Store> {
 protected:
  Sorted() {
    for (auto [key, value] : {std::pair("s1", "c"), {"s2", "b"}, {"s3", "a"}, {"s4", "b"}, {"s1", "c"}})
      this->put(key, value);
  }
  static pb::RangeRequest request() { return {.key = "s", .range_end = "t"}; }
};
TYPED_TEST_SUITE(Sorted, Stores);

TYPED_TEST(Sorted, AnExplicitOrderIsSortedBeforeTheLimitCuts) {
  auto r = this->request();
  r.limit = 2;
  r.sort_order = pb::SortOrder::kAscend;
  r.sort_target = pb::SortTarget::kValue;
  EXPECT_EQ(this->keys(r), (Strings{"s3", "s2"}));
  r.sort_order = pb::SortOrder::kDescend;
  EXPECT_EQ(this->keys(r), (Strings{"s1", "s2"}));
  r.sort_target = pb::SortTarget::kKey;
  EXPECT_EQ(this->keys(r), (Strings{"s4", "s3"}));
  r.sort_target = pb::SortTarget::kMod;
  EXPECT_EQ(this->keys(r), (Strings{"s1", "s4"}));
  r.sort_target = pb::SortTarget::kCreate;
  EXPECT_EQ(this->keys(r), (Strings{"s4", "s3"}));
}

TYPED_TEST(Sorted, NoOrderWithATargetIsCutToOneMoreThanTheLimitAndSortedThen) {
  auto r = this->request();
  r.limit = 2;
  r.sort_target = pb::SortTarget::kVersion;
  EXPECT_EQ(this->keys(r), (Strings{"s2", "s3"}));  // s4 was not looked at, s1 has version 2
  EXPECT_TRUE(this->store.range(r).value().more);
  r.limit = 1;
  r.sort_target = pb::SortTarget::kValue;
  EXPECT_EQ(this->keys(r), (Strings{"s2"}));  // of s1 and s2
}

TYPED_TEST(Sorted, CountIgnoresLimitAndFiltersWhileMoreIsOfWhatPassed) {
  auto r = this->request();
  r.limit = 1;
  r.min_mod_revision = 5;
  const auto response = this->store.range(r).value();
  EXPECT_EQ(response.kvs.at(0).key, "s1");
  EXPECT_EQ(response.count, 4);
  EXPECT_TRUE(response.more);
  r.min_mod_revision = 6;
  EXPECT_FALSE(this->store.range(r).value().more);
  r.count_only = true;
  EXPECT_EQ(this->store.range(r).value().count, 4);
  EXPECT_TRUE(this->store.range(r).value().kvs.empty());
}

TYPED_TEST(StoreTest, KeysOnlyLeavesOutTheLeaseUnlessValuesAreSortedBy) {
  this->put("k", "v", 7);
  pb::RangeRequest r{.key = "k", .keys_only = true};
  EXPECT_EQ(this->store.range(r).value().kvs.at(0).lease, 0);
  r.sort_target = pb::SortTarget::kValue;
  EXPECT_EQ(this->store.range(r).value().kvs.at(0).lease, 7);
  EXPECT_TRUE(this->store.range(r).value().kvs.at(0).value.empty());
}

TYPED_TEST(StoreTest, ARangeIsRefusedOutsideOfHistoryAndANegativeRevisionIsTheLatest) {
  for (int i = 0; i < 4; ++i) this->put("k", "v");
  ASSERT_TRUE(this->compact(3).ok());
  EXPECT_EQ(this->store.range({.key = "k", .revision = 6}).error(), errors::FutureRev());
  EXPECT_EQ(this->store.range({.key = "k", .revision = 2}).error(), errors::Compacted());
  EXPECT_EQ(this->store.range({.key = "k", .revision = 3}).value().kvs.at(0).mod_revision, 3);
  EXPECT_EQ(this->store.range({.key = "k", .revision = -9}).value().kvs.at(0).mod_revision, 5);
}

TYPED_TEST(StoreTest, ATransactionReadsItsOwnWritesAndNamesTheRevisionOfEachView) {
  this->put("q", "old");
  pb::TxnRequest request;
  request.success = list(pb::RangeRequest{.key = "a"}, pb::DeleteRangeRequest{.key = "x"},
                         pb::PutRequest{.key = "a", .value = "1"}, pb::RangeRequest{.key = "a"});
  request.success.push_back(nested(list(pb::RangeRequest{.key = "a", .range_end = "r"})));
  request.success.push_back(op(pb::DeleteRangeRequest{.key = "x"}));
  const auto response = this->store.txn(request, this->leases).value();
  EXPECT_EQ(response.header->revision, 3);
  const auto& r = response.responses;
  EXPECT_EQ(std::get<pb::RangeResponse>(r[0].response).header->revision, 2);
  EXPECT_EQ(std::get<pb::DeleteRangeResponse>(r[1].response).header->revision, 2);
  EXPECT_EQ(std::get<pb::PutResponse>(r[2].response).header->revision, 3);
  EXPECT_EQ(std::get<pb::RangeResponse>(r[3].response).header->revision, 3);
  EXPECT_EQ(std::get<pb::RangeResponse>(r[3].response).kvs.at(0).value, "1");
  const auto& inner = *std::get<std::unique_ptr<pb::TxnResponse>>(r[4].response);
  EXPECT_EQ(inner.header->revision, 0);
  EXPECT_EQ(std::get<pb::RangeResponse>(inner.responses.at(0).response).count, 2);
  EXPECT_EQ(std::get<pb::DeleteRangeResponse>(r[5].response).header->revision, 3);
}

TYPED_TEST(StoreTest, NestedBranchesAreDecidedOnTheStateBeforeAnyOperation) {
  auto inner = std::make_unique<pb::TxnRequest>();
  inner->compare.push_back({.target = pb::CompareTarget::kVersion, .key = "k", .union_field = 4, .number = 0});
  inner->success = list(pb::PutRequest{.key = "created"});
  pb::TxnRequest request;
  request.success = list(pb::PutRequest{.key = "k"});
  request.success.push_back(op(std::move(inner)));
  const auto response = this->store.txn(request, this->leases).value();
  EXPECT_TRUE(std::get<std::unique_ptr<pb::TxnResponse>>(response.responses[1].response)->succeeded);
}

TYPED_TEST(StoreTest, AFailingOperationOfTheBranchTakenFailsTheWholeTransaction) {
  this->put("k", "v");
  const auto refused = [&](auto last) {
    pb::TxnRequest request;
    request.success = list(pb::PutRequest{.key = "other", .lease = 7});
    request.success.push_back(nested(list(last)));
    auto result = this->store.txn(request, this->leases);
    return result ? Status() : result.error();
  };
  EXPECT_EQ(refused(pb::RangeRequest{.key = "k", .revision = 3}), errors::FutureRev());  // its own revision as well
  EXPECT_EQ(refused(pb::RangeRequest{.key = "k", .revision = -2}), errors::Compacted());
  EXPECT_EQ(refused(pb::PutRequest{.key = "k", .lease = 99}), errors::LeaseNotFound());
  EXPECT_EQ(refused(pb::PutRequest{.key = "other", .ignore_value = true}), errors::KeyNotFound());
  EXPECT_EQ(this->store.revision(), 2);
  EXPECT_TRUE(this->leases.moves.empty());
  EXPECT_TRUE(refused(pb::RangeRequest{.key = "k", .revision = -1}).ok());
}

TYPED_TEST(StoreTest, TheBranchNotTakenIsNotValidated) {
  pb::TxnRequest request;
  request.failure = list(pb::PutRequest{.key = "k", .lease = 99});
  EXPECT_TRUE(this->store.txn(request, this->leases).has_value());
}

TYPED_TEST(StoreTest, ACompareOfAMissingKeySeesZerosButNoValue) {
  const auto holds = [&](pb::Compare compare) {
    pb::TxnRequest request;
    request.compare.push_back(compare);
    return this->store.read_txn(request).value().succeeded;
  };
  EXPECT_TRUE(holds({.target = pb::CompareTarget::kVersion, .key = "z"}));
  EXPECT_TRUE(holds({.target = pb::CompareTarget::kLease, .key = "y", .range_end = "z"}));
  EXPECT_FALSE(holds({.target = pb::CompareTarget::kValue, .key = "z", .union_field = 7}));
  EXPECT_FALSE(holds({.result = pb::CompareResult::kNotEqual,
                      .target = pb::CompareTarget::kValue,
                      .key = "z",
                      .union_field = 7,
                      .value = "x"}));
  this->put("z", "");
  EXPECT_TRUE(holds({.target = pb::CompareTarget::kValue, .key = "z"}));
  // A number given for another target does not count.
  EXPECT_TRUE(holds({.result = pb::CompareResult::kGreater,
                     .target = pb::CompareTarget::kVersion,
                     .key = "z",
                     .union_field = 6,
                     .number = 5}));
  EXPECT_TRUE(holds({.result = static_cast<pb::CompareResult>(9), .key = "z", .union_field = 4, .number = 5}));
}

TYPED_TEST(StoreTest, ADeleteToTheEndAndAPutInOneTransactionKeepTheirOrder) {
  this->put("b", "old");
  pb::TxnRequest request;
  request.success =
      list(pb::DeleteRangeRequest{.key = "a", .range_end = kToTheEnd}, pb::PutRequest{.key = "b", .value = "new"});
  EXPECT_TRUE(this->store.txn(request, this->leases).has_value());
  const auto kv = this->store.range({.key = "b"}).value().kvs.at(0);
  EXPECT_EQ(std::tuple(kv.create_revision, kv.mod_revision, kv.version, kv.value), std::tuple(3, 3, 1, "new"sv));
  EXPECT_EQ(this->events(3, true), (Strings{"delete b@3 was old", "put b@3"}));
  ASSERT_TRUE(this->compact(3).ok());
  EXPECT_EQ(this->events(3, true), (Strings{"delete b@3", "put b@3"}));
  EXPECT_EQ(this->store.range({.key = "b"}).value().kvs.at(0).value, "new");
}

// etcd 3.7 panics here.
TYPED_TEST(StoreTest, APutThatKeepsTheValueOfAKeyDeletedBeforeItFailsTheTransaction) {
  this->put("b", "old");
  pb::TxnRequest request;
  request.success = list(pb::DeleteRangeRequest{.key = "a", .range_end = kToTheEnd},
                         pb::PutRequest{.key = "b", .ignore_value = true});
  EXPECT_EQ(this->store.txn(request, this->leases).error(), errors::KeyNotFound());
  EXPECT_EQ(this->store.revision(), 2);
  std::swap(request.success[0], request.success[1]);
  EXPECT_TRUE(this->store.txn(request, this->leases).has_value());
  EXPECT_EQ(this->store.keys(), 0u);
}

TYPED_TEST(StoreTest, CompactionIsRefusedAtOrBelowTheLastAndAboveTheCurrentRevision) {
  this->put("k", "v");
  EXPECT_EQ(this->compact(-1), errors::Compacted());
  EXPECT_TRUE(this->compact(0).ok());
  EXPECT_EQ(this->compact(0), errors::Compacted());
  EXPECT_EQ(this->compact(3), errors::FutureRev());
  EXPECT_TRUE(this->compact(2).ok());
}

TYPED_TEST(StoreTest, CompactionKeepsTheNewestOfEachKeyAndATombstoneOfItsOwnRevisionForWatchers) {
  this->put("a", "1");  // 2
  this->put("a", "2");  // 3
  this->put("b", "1");  // 4
  this->remove("a");    // 5
  this->remove("b");    // 6
  ASSERT_TRUE(this->compact(6).ok());
  EXPECT_EQ(this->events(6), (Strings{"delete b@6"}));
  this->put("c", "1");  // 7
  ASSERT_TRUE(this->compact(7).ok());
  EXPECT_EQ(this->events(7), (Strings{"put c@7"}));
  EXPECT_EQ(this->store.keys(), 1u);
}

TYPED_TEST(StoreTest, EventsCarryThePairBeforeUnlessCreatedOrCompactedAway) {
  this->put("k", "1");  // 2
  this->put("k", "2");  // 3
  this->put("k", "3");  // 4
  this->remove("k");    // 5
  this->put("k", "4");  // 6
  ASSERT_TRUE(this->compact(3).ok());
  EXPECT_EQ(this->events(3, true), (Strings{"put k@3", "put k@4 was 2", "delete k@5 was 3", "put k@6"}));
}

TYPED_TEST(StoreTest, EventsStopBetweenRevisionsAndSayWhereToGoOn) {
  for (const char* key : {"a", "b", "a", "b", "a"}) this->put(key, "v");
  std::vector<Revision> seen;
  const auto note = [&](const pb::Event& event) { seen.push_back(event.kv.mod_revision); };
  EXPECT_EQ(this->store.events(1, 100, {"a", {}}, false, 2, note), 6);
  EXPECT_EQ(seen, (std::vector<Revision>{2, 4}));
  EXPECT_EQ(this->store.events(6, 100, {"a", {}}, false, 2, note), 7);
  EXPECT_EQ(this->store.events(7, 100, {"a", {}}, false, 2, note), 7);
  EXPECT_EQ(seen, (std::vector<Revision>{2, 4, 6}));
}

TYPED_TEST(StoreTest, ARevokedLeasesKeysGoInOneRevisionAndNothingIsNone) {
  this->put("a", "1", 7);
  this->put("b", "1", 7);
  this->store.delete_keys({"a", "b", "missing"}, this->leases);
  EXPECT_EQ(this->store.revision(), 4);
  EXPECT_EQ(this->events(4), (Strings{"delete a@4", "delete b@4"}));
  this->store.delete_keys({"a"}, this->leases);
  EXPECT_EQ(this->store.revision(), 4);
}

TEST(KeyRange, FollowsTheRulesOfTheProtocol) {
  EXPECT_TRUE((KeyRange{"a", {}}.contains("a")));
  EXPECT_FALSE((KeyRange{"a", {}}.contains("aa")));
  EXPECT_TRUE((KeyRange{"b", kToTheEnd}.contains("\xff")));
  EXPECT_FALSE((KeyRange{"b", kToTheEnd}.contains("a")));
  EXPECT_TRUE((KeyRange{"\0"sv, kToTheEnd}.contains("\0"sv)));
  EXPECT_FALSE((KeyRange{"a", "c"}.contains("c")));
  EXPECT_TRUE((KeyRange{"c", "a"}.never()));
  EXPECT_TRUE((KeyRange{"c", "c"}.never()));
  EXPECT_FALSE((KeyRange{"c", kToTheEnd}.never()));
}

}  // namespace
}  // namespace quorate::mvcc
