// Keys, ranges, puts, deletes, compaction and transactions against generated protobuf.
#include "pb/oracle.h"

namespace quorate::pb {

using oracle::expect_agreement;
using oracle::same_enum;
using oracle::same_header;
using oracle::same_list;
using oracle::same_optional;

bool same(const RangeRequest& h, const etcdserverpb::RangeRequest& g) {
  return h.key == g.key() && h.range_end == g.range_end() && h.limit == g.limit() && h.revision == g.revision() &&
         same_enum(h.sort_order, g.sort_order()) && same_enum(h.sort_target, g.sort_target()) &&
         h.serializable == g.serializable() && h.keys_only == g.keys_only() && h.count_only == g.count_only() &&
         h.min_mod_revision == g.min_mod_revision() && h.max_mod_revision == g.max_mod_revision() &&
         h.min_create_revision == g.min_create_revision() && h.max_create_revision == g.max_create_revision();
}

bool same(const RangeResponse& h, const etcdserverpb::RangeResponse& g) {
  return same_header(h, g) && same_list(h.kvs, g.kvs()) && h.more == g.more() && h.count == g.count();
}

bool same(const PutRequest& h, const etcdserverpb::PutRequest& g) {
  return h.key == g.key() && h.value == g.value() && h.lease == g.lease() && h.prev_kv == g.prev_kv() &&
         h.ignore_value == g.ignore_value() && h.ignore_lease == g.ignore_lease();
}

bool same(const PutResponse& h, const etcdserverpb::PutResponse& g) {
  return same_header(h, g) && same_optional(h.prev_kv, g.has_prev_kv(), g.prev_kv());
}

bool same(const DeleteRangeRequest& h, const etcdserverpb::DeleteRangeRequest& g) {
  return h.key == g.key() && h.range_end == g.range_end() && h.prev_kv == g.prev_kv();
}

bool same(const DeleteRangeResponse& h, const etcdserverpb::DeleteRangeResponse& g) {
  return same_header(h, g) && h.deleted == g.deleted() && same_list(h.prev_kvs, g.prev_kvs());
}

bool same(const CompactionRequest& h, const etcdserverpb::CompactionRequest& g) {
  return h.revision == g.revision() && h.physical == g.physical();
}

bool same(const CompactionResponse& h, const etcdserverpb::CompactionResponse& g) { return same_header(h, g); }

bool same(const Compare& h, const etcdserverpb::Compare& g) {
  if (h.union_field != static_cast<uint32_t>(g.target_union_case())) return false;
  const int64_t number = g.has_version()           ? g.version()
                         : g.has_create_revision() ? g.create_revision()
                         : g.has_mod_revision()    ? g.mod_revision()
                                                   : g.lease();
  return same_enum(h.result, g.result()) && same_enum(h.target, g.target()) && h.key == g.key() &&
         h.range_end == g.range_end() && h.number == number && h.value == g.value();
}

bool same(const TxnRequest& h, const etcdserverpb::TxnRequest& g);
bool same(const TxnResponse& h, const etcdserverpb::TxnResponse& g);

bool same(const RequestOp& h, const etcdserverpb::RequestOp& g) {
  if (h.request.index() != static_cast<size_t>(g.request_case())) return false;
  switch (h.request.index()) {
    case 1: return same(std::get<1>(h.request), g.request_range());
    case 2: return same(std::get<2>(h.request), g.request_put());
    case 3: return same(std::get<3>(h.request), g.request_delete_range());
    case 4: return same(*std::get<4>(h.request), g.request_txn());
    default: return true;
  }
}

bool same(const ResponseOp& h, const etcdserverpb::ResponseOp& g) {
  if (h.response.index() != static_cast<size_t>(g.response_case())) return false;
  switch (h.response.index()) {
    case 1: return same(std::get<1>(h.response), g.response_range());
    case 2: return same(std::get<2>(h.response), g.response_put());
    case 3: return same(std::get<3>(h.response), g.response_delete_range());
    case 4: return same(*std::get<4>(h.response), g.response_txn());
    default: return true;
  }
}

bool same(const TxnRequest& h, const etcdserverpb::TxnRequest& g) {
  return same_list(h.compare, g.compare()) && same_list(h.success, g.success()) && same_list(h.failure, g.failure());
}

bool same(const TxnResponse& h, const etcdserverpb::TxnResponse& g) {
  return same_header(h, g) && h.succeeded == g.succeeded() && same_list(h.responses, g.responses());
}

namespace {

TEST(KvCodec, AgreesWithProtobufOnKeyValue) { expect_agreement<KeyValue, mvccpb::KeyValue>(1); }
TEST(KvCodec, AgreesWithProtobufOnRange) {
  expect_agreement<RangeRequest, etcdserverpb::RangeRequest>(2);
  expect_agreement<RangeResponse, etcdserverpb::RangeResponse>(3);
}
TEST(KvCodec, AgreesWithProtobufOnPut) {
  expect_agreement<PutRequest, etcdserverpb::PutRequest>(4);
  expect_agreement<PutResponse, etcdserverpb::PutResponse>(5);
}
TEST(KvCodec, AgreesWithProtobufOnDeleteRange) {
  expect_agreement<DeleteRangeRequest, etcdserverpb::DeleteRangeRequest>(6);
  expect_agreement<DeleteRangeResponse, etcdserverpb::DeleteRangeResponse>(7);
}
TEST(KvCodec, AgreesWithProtobufOnCompaction) {
  expect_agreement<CompactionRequest, etcdserverpb::CompactionRequest>(8);
  expect_agreement<CompactionResponse, etcdserverpb::CompactionResponse>(9);
}
TEST(TxnCodec, AgreesWithProtobufOnNestedRequests) { expect_agreement<TxnRequest, etcdserverpb::TxnRequest>(10, 400); }
TEST(TxnCodec, AgreesWithProtobufOnNestedResponses) {
  expect_agreement<TxnResponse, etcdserverpb::TxnResponse>(11, 400);
}

// `levels` transactions inside one.
std::string nested_txn(int levels) {
  etcdserverpb::TxnRequest txn;
  etcdserverpb::TxnRequest* innermost = &txn;
  for (int i = 0; i < levels; ++i) innermost = innermost->add_success()->mutable_request_txn();
  innermost->add_success()->mutable_request_put()->set_key("k");
  return txn.SerializeAsString();
}

TEST(TxnCodec, TakesTransactionsNestedToTheLimitAndRefusesDeeperOnes) {
  TxnRequest txn;
  const std::string deepest = nested_txn(kMaxNesting);
  EXPECT_TRUE(decode(deepest, txn));
  EXPECT_EQ(encode(txn), deepest);
  EXPECT_FALSE(decode(nested_txn(kMaxNesting + 1), txn));
}

TEST(TxnCodec, AnOperationThatComesTwiceMergesAndAnotherKindReplacesIt) {
  // put{key a, lease 1}, put{value b, lease 2} in one operation.
  const std::string merged(
      "\x12\x05\x0a\x01"
      "a\x18\x01\x12\x05\x12\x01"
      "b\x18\x02",
      14);
  TxnRequest txn;
  const std::string twice = "\x12\x0e" + merged;
  ASSERT_TRUE(decode(twice, txn));
  const auto& put = std::get<PutRequest>(txn.success.at(0).request);
  EXPECT_EQ(put.key, "a");
  EXPECT_EQ(put.value, "b");
  EXPECT_EQ(put.lease, 2);
  // Followed by range{key c}.
  const std::string replaced = "\x12\x13" + merged +
                               "\x0a\x03\x0a\x01"
                               "c";
  ASSERT_TRUE(decode(replaced, txn));
  EXPECT_EQ(std::get<RangeRequest>(txn.success.at(0).request).key, "c");
}

TEST(TxnCodec, TheLastMemberOfAComparesUnionWins) {
  TxnRequest txn;
  ASSERT_TRUE(decode("\x0a\x05\x20\x07\x3a\x01v", txn));  // version 7, value v
  EXPECT_EQ(txn.compare.at(0).union_field, 7u);
  EXPECT_EQ(txn.compare.at(0).value, "v");
  EXPECT_EQ(txn.compare.at(0).number, 0);
  ASSERT_TRUE(decode("\x0a\x05\x3a\x01v\x40\x07", txn));  // value v, lease 7
  EXPECT_EQ(txn.compare.at(0).union_field, 8u);
  EXPECT_EQ(txn.compare.at(0).value, "");
  EXPECT_EQ(txn.compare.at(0).number, 7);
}

TEST(KvCodec, DecodingReplacesWhatTheMessageHeld) {
  RangeResponse response;
  response.kvs.resize(3);
  response.more = true;
  ASSERT_TRUE(decode("", response));
  EXPECT_TRUE(response.kvs.empty());
  EXPECT_FALSE(response.more);
}

TEST(KvCodec, AppendKeepsWhatIsThereAndSizeOfIsWhatItAdds) {
  RangeResponse response;
  response.header = ResponseHeader{.cluster_id = 1, .member_id = 2, .revision = 3, .raft_term = 4};
  response.kvs.push_back({.key = "k", .create_revision = 2, .mod_revision = 2, .version = 1, .value = "v"});
  response.count = 1;
  std::string out = "before";
  append(response, out);
  EXPECT_EQ(out.substr(0, 6), "before");
  EXPECT_EQ(out.substr(6), encode(response));
  EXPECT_EQ(out.size() - 6, size_of(response));
  EXPECT_EQ(size_of(response.kvs[0]), encode(response.kvs[0]).size());
}

TEST(KvCodec, APartOfARangeStreamIsARangeResponseWithinOne) {
  RangeResponse response;
  const std::string value(300, 'v');  // its length takes two bytes
  response.kvs.push_back({.key = "k", .create_revision = 2, .mod_revision = 2, .version = 1, .value = value});
  etcdserverpb::RangeStreamResponse part;
  ASSERT_TRUE(part.ParseFromString(encode(RangeStreamResponse{response})));
  EXPECT_EQ(part.range_response().SerializeAsString(), encode(response));
  ASSERT_TRUE(part.ParseFromString(encode(RangeStreamResponse{})));
  EXPECT_TRUE(part.has_range_response());
}

}  // namespace
}  // namespace quorate::pb
