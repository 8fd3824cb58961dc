#include "mvcc/long_write.h"

#include <gtest/gtest.h>

#include "mvcc/cursors.h"
#include "mvcc/store_program.h"

namespace quorate::mvcc {
namespace {

class LongWriteTest : public testing::Test {
 protected:
  void fill(int keys) {
    for (int i = 0; i < keys; ++i) {
      names_.push_back("k" + std::to_string(100'000 + i));
      ASSERT_TRUE(store_.put({.key = names_.back(), .value = "v"}, ledger_));
    }
  }
  int64_t count(Revision at = 0) {
    return store_.range({.key = "k", .range_end = "l", .revision = at, .count_only = true})->count;
  }
  std::vector<std::string> events(Revision revision, const KeyRange& range) {
    std::vector<std::string> out;
    store_.events(revision, revision + 1, range, true, 1, [&](const pb::Event& event) {
      out.push_back(std::string(event.kv.key) + (event.prev_kv ? "=" + std::string(event.prev_kv->value) : ""));
    });
    return out;
  }

  const std::set<LeaseId> leases_{7};
  Ledger ledger_{leases_};
  Store store_;
  std::vector<std::string> names_;
};

TEST_F(LongWriteTest, NothingOfADeletionIsSeenBeforeItsEnd) {
  fill(100);
  const Revision before = store_.revision();
  Deletion deletion(store_, {.key = "k", .range_end = "l", .prev_kv = true}, ledger_);
  for (int slice = 0; slice < 9; ++slice) {
    ASSERT_FALSE(deletion.step(10));
    EXPECT_EQ(store_.revision(), before);
    EXPECT_EQ(count(), 100);
    EXPECT_EQ(store_.keys(), 100u);
    EXPECT_EQ(store_.range({.key = "k", .range_end = "l", .revision = before + 1}).error(), errors::FutureRev());
    EXPECT_TRUE(events(before + 1, {"k", "l"}).empty());
    pb::TxnRequest txn;
    txn.compare.push_back({.key = names_[0], .union_field = 4, .number = 1});
    EXPECT_TRUE(store_.read_txn(txn)->succeeded);
  }
  while (!deletion.step(10)) {}
  EXPECT_EQ(count(), 100);
  EXPECT_EQ(deletion.finish().deleted, 100);
  EXPECT_EQ(store_.revision(), before + 1);
  EXPECT_EQ(count(), 0);
  EXPECT_EQ(count(before), 100);
}

TEST_F(LongWriteTest, TheHashOfTheRevisionBeforeDoesNotChangeWhileKeysGo) {
  fill(50);
  const auto hash = [this] {
    auto hasher = KeyHasher::open(store_, 0);
    while (!(*hasher)->step(7)) {}
    return (*hasher)->result().hash;
  };
  const uint32_t before = hash();
  Deletion deletion(store_, {.key = "k", .range_end = "l"}, ledger_);
  ASSERT_FALSE(deletion.step(20));
  EXPECT_EQ(hash(), before);
  while (!deletion.step(20)) {}
  deletion.finish();
  EXPECT_NE(hash(), before);
}

TEST_F(LongWriteTest, ATransactionSeesItsOwnDeletesAndOthersDoNot) {
  fill(40);
  pb::TxnRequest txn;
  txn.success.emplace_back().request = pb::DeleteRangeRequest{.key = "k", .range_end = "l"};
  txn.success.emplace_back().request = pb::PutRequest{.key = "l", .value = "after"};
  txn.success.emplace_back().request = pb::RangeRequest{.key = "k", .range_end = "m"};
  auto work = LongTxn::open(store_, txn, ledger_);
  ASSERT_TRUE(work);
  while (!(*work)->step(3)) EXPECT_EQ(count(), 40);
  EXPECT_EQ(count(), 40);
  EXPECT_FALSE(store_.range({.key = "l"})->count);
  const pb::TxnResponse response = (*work)->finish();
  EXPECT_EQ(std::get<pb::DeleteRangeResponse>(response.responses[0].response).deleted, 40);
  EXPECT_EQ(std::get<pb::RangeResponse>(response.responses[2].response).count, 1);
  EXPECT_EQ(response.header->revision, store_.revision());
  EXPECT_EQ(count(), 0);
  EXPECT_EQ(store_.range({.key = "l"})->count, 1);
}

TEST_F(LongWriteTest, ATransactionThatFailsBeginsNothing) {
  fill(5);
  pb::TxnRequest txn;
  txn.success.emplace_back().request = pb::DeleteRangeRequest{.key = "k", .range_end = "l"};
  txn.success.emplace_back().request = pb::PutRequest{.key = "x", .value = "", .lease = 9};
  EXPECT_EQ(LongTxn::open(store_, txn, ledger_).error(), errors::LeaseNotFound());
  EXPECT_TRUE(store_.put({.key = "x", .value = ""}, ledger_));
}

TEST_F(LongWriteTest, EventsOfALargeRevisionAreFoundByKeyAndByHistory) {
  fill(3000);
  ASSERT_TRUE(store_.put({.key = "z", .value = ""}, ledger_));
  Deletion deletion(store_, {.key = "k", .range_end = "l"}, ledger_);
  while (!deletion.step(64)) {}
  deletion.finish();
  const Revision revision = store_.revision();
  ASSERT_TRUE(store_.put({.key = names_[1], .value = "again"}, ledger_));
  EXPECT_EQ(events(revision, {names_[0], names_[3]}),
            (std::vector<std::string>{names_[0] + "=v", names_[1] + "=v", names_[2] + "=v"}));
  EXPECT_EQ(events(revision, {names_[7], ""}), (std::vector<std::string>{names_[7] + "=v"}));
  EXPECT_EQ(events(revision, {"k", "l"}).size(), 3000u);
  EXPECT_TRUE(events(revision, {"z", ""}).empty());
  EXPECT_TRUE(events(revision, {"a", "k"}).empty());
  // One revision after the other is told, whatever lies between.
  std::vector<Revision> told;
  store_.events(revision - 1, revision + 2, {std::string_view("\0", 1), std::string_view("\0", 1)}, false, 10,
                [&](const pb::Event& event) {
                  if (told.empty() || told.back() != event.kv.mod_revision) told.push_back(event.kv.mod_revision);
                });
  EXPECT_EQ(told, (std::vector<Revision>{revision - 1, revision, revision + 1}));
}

TEST_F(LongWriteTest, SaysHowManyKeysARequestWouldDelete) {
  fill(30);
  const pb::DeleteRangeRequest all{.key = "k", .range_end = "l"};
  EXPECT_EQ(store_.deleted_by(all), 30u);
  EXPECT_LE(store_.deleted_by(pb::DeleteRangeRequest{.key = "k"}), 1u);
  pb::TxnRequest txn;
  txn.failure.emplace_back().request = all;
  auto nested = std::make_unique<pb::TxnRequest>();
  nested->success.emplace_back().request = all;
  txn.success.emplace_back().request = std::move(nested);
  EXPECT_EQ(store_.deleted_by(txn), 60u);
}

}  // namespace
}  // namespace quorate::mvcc
