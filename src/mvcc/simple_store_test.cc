#include "mvcc/simple_store.h"

#include <gtest/gtest.h>

#include <set>

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

  SimpleStore store;
  Leases leases;
};

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

TEST_F(StoreTest, AFreshStoreIsAtRevisionOneAndWasNeverCompacted) {
  EXPECT_EQ(store.revision(), 1);
  EXPECT_EQ(store.compacted(), -1);
  EXPECT_EQ(store.bytes(), 0u);
}

TEST_F(StoreTest, APutCountsVersionsUntilADeleteStartsANewGeneration) {
  EXPECT_EQ(put("k", "1"), 2);
  EXPECT_EQ(put("k", "2"), 3);
  EXPECT_EQ(remove("k"), 1);
  EXPECT_EQ(put("k", "3"), 5);
  const auto kv = store.range({.key = "k"}).value().kvs.at(0);
  EXPECT_EQ(std::tuple(kv.create_revision, kv.mod_revision, kv.version), std::tuple(5, 5, 1));
  const auto old = store.range({.key = "k", .revision = 3}).value().kvs.at(0);
  EXPECT_EQ(std::tuple(old.create_revision, old.mod_revision, old.version, old.value), std::tuple(2, 3, 2, "2"sv));
  EXPECT_TRUE(store.range({.key = "k", .revision = 4}).value().kvs.empty());
}

TEST_F(StoreTest, ADeleteOfNothingKeepsTheRevision) {
  put("a", "1");
  const auto response = store.delete_range({.key = "b", .range_end = kToTheEnd}, leases).value();
  EXPECT_EQ(response.deleted, 0);
  EXPECT_EQ(response.header->revision, 2);
  EXPECT_EQ(store.revision(), 2);
}

TEST_F(StoreTest, APutIsRefusedForItsLeaseBeforeItsKey) {
  const auto both = store.put({.key = "k", .lease = 99, .ignore_value = true}, leases);
  EXPECT_EQ(both.error(), errors::LeaseNotFound());
  const auto missing = store.put({.key = "k", .lease = 7, .ignore_value = true}, leases);
  EXPECT_EQ(missing.error(), errors::KeyNotFound());
  EXPECT_EQ(store.revision(), 1);
  EXPECT_EQ(store.bytes(), 0u);
}

TEST_F(StoreTest, AKeyMovesBetweenLeasesOnlyWhereTheyDiffer) {
  put("k", "1", 7);
  put("k", "2", 7);
  put("k", "3", 8);
  store.put({.key = "k", .value = "4", .ignore_lease = true}, leases).value();
  put("k", "5");
  put("k", "6", 7);
  remove("k");
  put("k", "7");
  EXPECT_EQ(leases.moves, (Strings{"k 0->7", "k 7->8", "k 8->0", "k 0->7", "k 7->0"}));
}

TEST_F(StoreTest, PreviousPairsAreReturnedWhereAskedForAndKnown) {
  EXPECT_FALSE(store.put({.key = "k", .value = "1", .prev_kv = true}, leases).value().prev_kv);
  EXPECT_EQ(store.put({.key = "k", .value = "2", .prev_kv = true}, leases).value().prev_kv->value, "1");
  EXPECT_EQ(store.delete_range({.key = "k", .prev_kv = true}, leases).value().prev_kvs.at(0).value, "2");
}

// The answers of etcd 3.7.1 to s1=c s2=b s3=a s4=b s1=c, requests as below.
class Sorted : public StoreTest {
 protected:
  Sorted() {
    for (auto [key, value] : {std::pair("s1", "c"), {"s2", "b"}, {"s3", "a"}, {"s4", "b"}, {"s1", "c"}})
      put(key, value);
  }
  static pb::RangeRequest request() { return {.key = "s", .range_end = "t"}; }
};

TEST_F(Sorted, AnExplicitOrderIsSortedBeforeTheLimitCuts) {
  auto r = request();
  r.limit = 2;
  r.sort_order = pb::SortOrder::kAscend;
  r.sort_target = pb::SortTarget::kValue;
  EXPECT_EQ(keys(r), (Strings{"s3", "s2"}));
  r.sort_order = pb::SortOrder::kDescend;
  EXPECT_EQ(keys(r), (Strings{"s1", "s2"}));
  r.sort_target = pb::SortTarget::kKey;
  EXPECT_EQ(keys(r), (Strings{"s4", "s3"}));
  r.sort_target = pb::SortTarget::kMod;
  EXPECT_EQ(keys(r), (Strings{"s1", "s4"}));
  r.sort_target = pb::SortTarget::kCreate;
  EXPECT_EQ(keys(r), (Strings{"s4", "s3"}));
}

TEST_F(Sorted, NoOrderWithATargetIsCutToOneMoreThanTheLimitAndSortedThen) {
  auto r = request();
  r.limit = 2;
  r.sort_target = pb::SortTarget::kVersion;
  EXPECT_EQ(keys(r), (Strings{"s2", "s3"}));  // s4 was not looked at, s1 has version 2
  EXPECT_TRUE(store.range(r).value().more);
  r.limit = 1;
  r.sort_target = pb::SortTarget::kValue;
  EXPECT_EQ(keys(r), (Strings{"s2"}));  // of s1 and s2
}

TEST_F(Sorted, CountIgnoresLimitAndFiltersWhileMoreIsOfWhatPassed) {
  auto r = request();
  r.limit = 1;
  r.min_mod_revision = 5;
  const auto response = store.range(r).value();
  EXPECT_EQ(response.kvs.at(0).key, "s1");
  EXPECT_EQ(response.count, 4);
  EXPECT_TRUE(response.more);
  r.min_mod_revision = 6;
  EXPECT_FALSE(store.range(r).value().more);
  r.count_only = true;
  EXPECT_EQ(store.range(r).value().count, 4);
  EXPECT_TRUE(store.range(r).value().kvs.empty());
}

TEST_F(StoreTest, KeysOnlyLeavesOutTheLeaseUnlessValuesAreSortedBy) {
  put("k", "v", 7);
  pb::RangeRequest r{.key = "k", .keys_only = true};
  EXPECT_EQ(store.range(r).value().kvs.at(0).lease, 0);
  r.sort_target = pb::SortTarget::kValue;
  EXPECT_EQ(store.range(r).value().kvs.at(0).lease, 7);
  EXPECT_TRUE(store.range(r).value().kvs.at(0).value.empty());
}

TEST_F(StoreTest, ARangeIsRefusedOutsideOfHistoryAndANegativeRevisionIsTheLatest) {
  for (int i = 0; i < 4; ++i) put("k", "v");
  ASSERT_TRUE(store.compact(3).ok());
  EXPECT_EQ(store.range({.key = "k", .revision = 6}).error(), errors::FutureRev());
  EXPECT_EQ(store.range({.key = "k", .revision = 2}).error(), errors::Compacted());
  EXPECT_EQ(store.range({.key = "k", .revision = 3}).value().kvs.at(0).mod_revision, 3);
  EXPECT_EQ(store.range({.key = "k", .revision = -9}).value().kvs.at(0).mod_revision, 5);
}

TEST_F(StoreTest, ATransactionReadsItsOwnWritesAndNamesTheRevisionOfEachView) {
  put("q", "old");
  pb::TxnRequest request;
  request.success = list(pb::RangeRequest{.key = "a"}, pb::DeleteRangeRequest{.key = "x"},
                         pb::PutRequest{.key = "a", .value = "1"}, pb::RangeRequest{.key = "a"});
  request.success.push_back(nested(list(pb::RangeRequest{.key = "a", .range_end = "r"})));
  request.success.push_back(op(pb::DeleteRangeRequest{.key = "x"}));
  const auto response = store.txn(request, leases).value();
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

TEST_F(StoreTest, NestedBranchesAreDecidedOnTheStateBeforeAnyOperation) {
  auto inner = std::make_unique<pb::TxnRequest>();
  inner->compare.push_back({.target = pb::CompareTarget::kVersion, .key = "k", .union_field = 4, .number = 0});
  inner->success = list(pb::PutRequest{.key = "created"});
  pb::TxnRequest request;
  request.success = list(pb::PutRequest{.key = "k"});
  request.success.push_back(op(std::move(inner)));
  const auto response = store.txn(request, leases).value();
  EXPECT_TRUE(std::get<std::unique_ptr<pb::TxnResponse>>(response.responses[1].response)->succeeded);
}

TEST_F(StoreTest, AFailingOperationOfTheBranchTakenFailsTheWholeTransaction) {
  put("k", "v");
  const auto refused = [&](auto last) {
    pb::TxnRequest request;
    request.success = list(pb::PutRequest{.key = "other", .lease = 7});
    request.success.push_back(nested(list(last)));
    auto result = store.txn(request, leases);
    return result ? Status() : result.error();
  };
  EXPECT_EQ(refused(pb::RangeRequest{.key = "k", .revision = 3}), errors::FutureRev());  // its own revision as well
  EXPECT_EQ(refused(pb::RangeRequest{.key = "k", .revision = -2}), errors::Compacted());
  EXPECT_EQ(refused(pb::PutRequest{.key = "k", .lease = 99}), errors::LeaseNotFound());
  EXPECT_EQ(refused(pb::PutRequest{.key = "other", .ignore_value = true}), errors::KeyNotFound());
  EXPECT_EQ(store.revision(), 2);
  EXPECT_TRUE(leases.moves.empty());
  EXPECT_TRUE(refused(pb::RangeRequest{.key = "k", .revision = -1}).ok());
}

TEST_F(StoreTest, TheBranchNotTakenIsNotValidated) {
  pb::TxnRequest request;
  request.failure = list(pb::PutRequest{.key = "k", .lease = 99});
  EXPECT_TRUE(store.txn(request, leases).has_value());
}

TEST_F(StoreTest, ACompareOfAMissingKeySeesZerosButNoValue) {
  const auto holds = [&](pb::Compare compare) {
    pb::TxnRequest request;
    request.compare.push_back(compare);
    return store.read_txn(request).value().succeeded;
  };
  EXPECT_TRUE(holds({.target = pb::CompareTarget::kVersion, .key = "z"}));
  EXPECT_TRUE(holds({.target = pb::CompareTarget::kLease, .key = "y", .range_end = "z"}));
  EXPECT_FALSE(holds({.target = pb::CompareTarget::kValue, .key = "z", .union_field = 7}));
  EXPECT_FALSE(holds({.result = pb::CompareResult::kNotEqual,
                      .target = pb::CompareTarget::kValue,
                      .key = "z",
                      .union_field = 7,
                      .value = "x"}));
  put("z", "");
  EXPECT_TRUE(holds({.target = pb::CompareTarget::kValue, .key = "z"}));
  // A number given for another target does not count.
  EXPECT_TRUE(holds({.result = pb::CompareResult::kGreater,
                     .target = pb::CompareTarget::kVersion,
                     .key = "z",
                     .union_field = 6,
                     .number = 5}));
  EXPECT_TRUE(holds({.result = static_cast<pb::CompareResult>(9), .key = "z", .union_field = 4, .number = 5}));
}

TEST_F(StoreTest, ADeleteToTheEndAndAPutInOneTransactionKeepTheirOrder) {
  put("b", "old");
  pb::TxnRequest request;
  request.success =
      list(pb::DeleteRangeRequest{.key = "a", .range_end = kToTheEnd}, pb::PutRequest{.key = "b", .value = "new"});
  EXPECT_TRUE(store.txn(request, leases).has_value());
  const auto kv = store.range({.key = "b"}).value().kvs.at(0);
  EXPECT_EQ(std::tuple(kv.create_revision, kv.mod_revision, kv.version, kv.value), std::tuple(3, 3, 1, "new"sv));
  EXPECT_EQ(events(3, true), (Strings{"delete b@3 was old", "put b@3"}));
  ASSERT_TRUE(store.compact(3).ok());
  EXPECT_EQ(events(3, true), (Strings{"delete b@3", "put b@3"}));
  EXPECT_EQ(store.range({.key = "b"}).value().kvs.at(0).value, "new");
}

// etcd 3.7 panics here.
TEST_F(StoreTest, APutThatKeepsTheValueOfAKeyDeletedBeforeItFailsTheTransaction) {
  put("b", "old");
  pb::TxnRequest request;
  request.success = list(pb::DeleteRangeRequest{.key = "a", .range_end = kToTheEnd},
                         pb::PutRequest{.key = "b", .ignore_value = true});
  EXPECT_EQ(store.txn(request, leases).error(), errors::KeyNotFound());
  EXPECT_EQ(store.revision(), 2);
  std::swap(request.success[0], request.success[1]);
  EXPECT_TRUE(store.txn(request, leases).has_value());
  EXPECT_EQ(store.keys(), 0u);
}

TEST_F(StoreTest, CompactionIsRefusedAtOrBelowTheLastAndAboveTheCurrentRevision) {
  put("k", "v");
  EXPECT_EQ(store.compact(-1), errors::Compacted());
  EXPECT_TRUE(store.compact(0).ok());
  EXPECT_EQ(store.compact(0), errors::Compacted());
  EXPECT_EQ(store.compact(3), errors::FutureRev());
  EXPECT_TRUE(store.compact(2).ok());
}

TEST_F(StoreTest, CompactionKeepsTheNewestOfEachKeyAndATombstoneOfItsOwnRevisionForWatchers) {
  put("a", "1");  // 2
  put("a", "2");  // 3
  put("b", "1");  // 4
  remove("a");    // 5
  remove("b");    // 6
  ASSERT_TRUE(store.compact(6).ok());
  EXPECT_EQ(events(6), (Strings{"delete b@6"}));
  put("c", "1");  // 7
  ASSERT_TRUE(store.compact(7).ok());
  EXPECT_EQ(events(7), (Strings{"put c@7"}));
  EXPECT_EQ(store.keys(), 1u);
}

TEST_F(StoreTest, EventsCarryThePairBeforeUnlessCreatedOrCompactedAway) {
  put("k", "1");  // 2
  put("k", "2");  // 3
  put("k", "3");  // 4
  remove("k");    // 5
  put("k", "4");  // 6
  ASSERT_TRUE(store.compact(3).ok());
  EXPECT_EQ(events(3, true), (Strings{"put k@3", "put k@4 was 2", "delete k@5 was 3", "put k@6"}));
}

TEST_F(StoreTest, EventsStopBetweenRevisionsAndSayWhereToGoOn) {
  for (const char* key : {"a", "b", "a", "b", "a"}) put(key, "v");
  std::vector<Revision> seen;
  const auto note = [&](const pb::Event& event) { seen.push_back(event.kv.mod_revision); };
  EXPECT_EQ(store.events(1, 100, {"a", {}}, false, 2, note), 6);
  EXPECT_EQ(seen, (std::vector<Revision>{2, 4}));
  EXPECT_EQ(store.events(6, 100, {"a", {}}, false, 2, note), 7);
  EXPECT_EQ(store.events(7, 100, {"a", {}}, false, 2, note), 7);
  EXPECT_EQ(seen, (std::vector<Revision>{2, 4, 6}));
}

TEST_F(StoreTest, ARevokedLeasesKeysGoInOneRevisionAndNothingIsNone) {
  put("a", "1", 7);
  put("b", "1", 7);
  store.delete_keys({"a", "b", "missing"}, leases);
  EXPECT_EQ(store.revision(), 4);
  EXPECT_EQ(events(4), (Strings{"delete a@4", "delete b@4"}));
  store.delete_keys({"a"}, leases);
  EXPECT_EQ(store.revision(), 4);
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
