#include "server/request_text.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace quorate::server {
namespace {

// The texts are those that a real etcd 3.7.1 logged.
TEST(RequestText, APutTellsItsKeyAndOfItsValueTheSize) {
  pb::PutRequest put;
  put.key = "a";
  put.value = "bcd";
  EXPECT_EQ(request_text(put), "key:\"a\" value_size:3 ");
  put.key = "d\x01\xff\n\xc3\xa9\t";
  put.lease = 2228897068392742667;
  put.prev_kv = true;
  EXPECT_EQ(request_text(put),
            "key:\"d\\001\\377\\n\\303\\251\\t\" value_size:3 lease:2228897068392742667 prev_kv:true ");
}

TEST(RequestText, ARangeLeavesDefaultsOut) {
  pb::RangeRequest range;
  range.key = "a";
  EXPECT_EQ(request_text(range), "key:\"a\"");
  range.range_end = "b";
  range.limit = 5;
  range.revision = 2;
  range.sort_order = pb::SortOrder::kDescend;
  range.sort_target = pb::SortTarget::kMod;
  range.serializable = true;
  EXPECT_EQ(request_text(range),
            "key:\"a\" range_end:\"b\" limit:5 revision:2 sort_order:DESCEND sort_target:MOD serializable:true");
}

TEST(RequestText, ATransactionTellsNoValue) {
  pb::InternalRequest request;
  request.id = 7;
  pb::TxnRequest txn;
  txn.compare.push_back({.result = pb::CompareResult::kEqual,
                         .target = pb::CompareTarget::kValue,
                         .key = "a",
                         .range_end = {},
                         .union_field = 7,
                         .number = 0,
                         .value = "x"});
  pb::PutRequest put;
  put.key = "a";
  put.value = "secret";
  txn.success.push_back({put});
  pb::RangeRequest range;
  range.key = "a";
  txn.failure.push_back({range});
  request.payload = pb::Payload::kTxn;
  request.body = std::move(txn);
  EXPECT_EQ(request_text(request),
            "header:<ID:7> txn:<compare:<target:VALUE key:\"a\" value_size:1 > success:<request_put:<key:\"a\" "
            "value_size:6 >> failure:<request_range:{key:\"a\"}>>");
}

TEST(RequestText, LeasesAreToldInHex) {
  pb::InternalRequest request;
  request.id = 7;
  request.body = pb::LeaseGrantRequest{.ttl_s = 100, .id = 0x1eeea21312757f0b};
  EXPECT_EQ(request_text(request), "header:<ID:7> lease_grant:<ttl:100-second id:1eeea21312757f0b>");
  request.body = pb::LeaseRevokeRequest{.id = 0x1e};
  EXPECT_EQ(request_text(request), "header:<ID:7> lease_revoke:<id:000000000000001e>");
}

TEST(RequestText, TheRestIsToldWhole) {
  pb::InternalRequest request;
  request.id = 7;
  request.body = pb::CompactionRequest{.revision = 3, .physical = false};
  EXPECT_EQ(request_text(request), "header:{ID:7} compaction:{revision:3}");
  request.body = pb::AlarmRequest{};
  EXPECT_EQ(request_text(request), "header:{ID:7} alarm:{}");
  request.body = pb::ClusterVersionSetRequest{.version = "3.7.0"};
  EXPECT_EQ(request_text(request), "header:{ID:7} cluster_version_set:{ver:\"3.7.0\"}");
}

TEST(RequestText, IsCutWhereItGrowsTooLong) {
  const std::string key(1024 * 1024, 'k');
  pb::PutRequest put;
  put.key = key;
  EXPECT_LE(request_text(put).size(), limits::kLoggedRequestBytes);
}

}  // namespace
}  // namespace quorate::server
