#include "server/quota.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "server/testing/bench.h"

namespace quorate::server {
namespace {

using testing::Bench;

constexpr int64_t kTestAlarmQuota = 13 * 4096;  // of etcd's own test

int64_t puts_until_no_space(Bench& bench, std::string_view key, const std::string& value) {
  for (int64_t puts = 0; puts < 100'000; ++puts) {
    const auto told = bench.put(key, value);
    bench.settle();
    if (told->status == errors::NoSpace()) return puts;
    EXPECT_TRUE(told->status.ok()) << told->status.text();
  }
  return -1;
}

pb::RequestOp put_op(std::string_view key, std::string_view value) {
  pb::RequestOp op;
  op.request = pb::PutRequest{.key = key, .value = value};
  return op;
}

TEST(Quota, CostsAreEtcds) {
  EXPECT_EQ(Quota::cost_of(pb::PutRequest{.key = "ab", .value = "cde"}), 261u);
  EXPECT_EQ(Quota::cost_of_grant(), 64u);
  pb::TxnRequest txn;
  EXPECT_EQ(Quota::cost_of(txn), 0u);
  txn.success.push_back(put_op("a", "b"));
  txn.failure.push_back(put_op("a", "b"));
  txn.failure.push_back(put_op("a", "bcd"));
  EXPECT_EQ(Quota::cost_of(txn), 256u + 2 + 256 + 4);
}

// What etcd 3.7.1 takes before it refuses: 73 of 50,000 bytes into 4 MiB, and 6 of a page into 13 pages.
TEST(Quota, TakesAboutAsManyPutsAsEtcdDoes) {
  struct Case {
    int64_t quota, low, high;
    size_t value_bytes;
  };
  for (const Case& c : {Case{4 << 20, 66, 84, 50'000}, Case{kTestAlarmQuota, 3, 8, 4096}}) {
    Bench bench;
    bench.options.quota.bytes = c.quota;
    bench.serve();
    const int64_t puts = puts_until_no_space(bench, "2nd_test", std::string(c.value_bytes, 'b'));
    EXPECT_GE(puts, c.low);
    EXPECT_LE(puts, c.high);
  }
}

TEST(Quota, CompactionAndDefragmentMakeRoomAndTheAlarmStaysUntilItIsDisarmed) {
  Bench bench;
  bench.options.quota.bytes = kTestAlarmQuota;
  bench.serve();
  puts_until_no_space(bench, "2nd_test", std::string(4096, 'b'));
  Replica& replica = bench.replica();
  ASSERT_EQ(replica.machine().alarms().size(), 1u);
  EXPECT_EQ(*replica.machine().alarms().begin(), (machine::Alarm{pb::AlarmType::kNoSpace, 0x11}));
  const int64_t full = replica.quota().db_bytes(), in_use = replica.quota().db_bytes_in_use();
  bench.propose(pb::Payload::kCompaction,
                pb::CompactionRequest{.revision = replica.machine().store().revision(), .physical = true});
  bench.settle();
  EXPECT_EQ(replica.quota().db_bytes(), full);
  EXPECT_LT(replica.quota().db_bytes_in_use(), in_use);
  replica.quota().defragment();
  EXPECT_LT(replica.quota().db_bytes(), full);
  const auto early = bench.put("k", "v");
  bench.settle();
  EXPECT_EQ(early->status, errors::NoSpace());
  bench.propose(
      pb::Payload::kAlarm,
      pb::AlarmRequest{.action = pb::AlarmAction::kDeactivate, .member_id = 0x11, .alarm = pb::AlarmType::kNoSpace});
  const auto later = bench.put("k", "v");
  bench.settle();
  EXPECT_TRUE(later->status.ok());
}

// As in etcd the write is done on every member; only who asked is told.
TEST(Quota, WhatFindsNoRoomAtApplyIsAppliedAllTheSame) {
  Bench bench;
  bench.options.quota.bytes = kTestAlarmQuota;
  bench.serve();
  const auto told = bench.put("large", std::string(100'000, 'v'));
  bench.settle();
  EXPECT_EQ(told->status, errors::NoSpace());
  EXPECT_EQ(told->times, 1);
  EXPECT_TRUE(bench.get("large"));
  EXPECT_EQ(bench.replica().machine().alarms().size(), 1u);
  bench.kill();
  bench.open();
  bench.settle();
  EXPECT_TRUE(bench.get("large"));
  EXPECT_EQ(bench.replica().machine().alarms().size(), 1u);
}

TEST(Quota, UnsetItTellsEtcdsAndHoldsMemorysShare) {
  Bench bench;
  bench.options.quota.memory_bytes = 8 << 20;
  bench.serve();
  EXPECT_EQ(bench.replica().quota().quota_bytes(), 2'147'483'648);
  std::shared_ptr<testing::Told> told;
  for (int i = 0; i < 1000; ++i) {
    told = bench.put("k" + std::to_string(i), std::string(20'000, 'v'));
    bench.settle();
    if (!told->status.ok()) break;
  }
  EXPECT_EQ(told->status, errors::NoSpace());
  EXPECT_LT(bench.replica().machine().store().bytes(), 9u << 20);
}

TEST(Quota, BelowZeroItIsNone) {
  Bench bench;
  bench.options.quota.bytes = -1;
  bench.serve();
  EXPECT_EQ(bench.replica().quota().quota_bytes(), -1);
  EXPECT_TRUE(bench.replica().quota().has_room(uint64_t{1} << 50));
}

TEST(Quota, DeletesAndCompactionsCostNothing) {
  Bench bench;
  bench.options.quota.bytes = 1;
  bench.serve();
  const auto removed = bench.propose(pb::Payload::kDeleteRange, pb::DeleteRangeRequest{.key = "k", .range_end = {}});
  bench.settle();
  EXPECT_TRUE(removed->status.ok());
  EXPECT_TRUE(bench.replica().machine().alarms().empty());
  const auto granted = bench.grant(7, 100);
  bench.settle();
  EXPECT_EQ(granted->status, errors::NoSpace());
}

}  // namespace
}  // namespace quorate::server
