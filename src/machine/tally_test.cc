#include "machine/tally.h"

#include <gtest/gtest.h>

namespace quorate::machine {
namespace {

pb::RequestOp put(std::string_view key, std::string_view value) { return {pb::PutRequest{.key = key, .value = value}}; }

TEST(Tally, APutCountsItsKeyAndItsValue) {
  const Tally t = tally(pb::PutRequest{.key = "key", .value = "value"});
  EXPECT_EQ(t.puts, 1u);
  EXPECT_EQ(t.put_bytes, 8u);
  EXPECT_EQ(t.txns, 0u);
}

TEST(Tally, WhoAsksForThePreviousValueReadsIt) {
  const Tally t = tally(pb::PutRequest{.key = "k", .value = "v", .prev_kv = true});
  EXPECT_EQ(t.ranges, 1u);
  EXPECT_EQ(t.txns, 1u);
  EXPECT_EQ(tally(pb::DeleteRangeRequest{.key = "k"}).ranges, 0u);
  EXPECT_EQ(tally(pb::DeleteRangeRequest{.key = "k", .prev_kv = true}).ranges, 1u);
}

TEST(Tally, ComparisonsAreAPassOfTheirOwnWhereATransactionWrites) {
  pb::TxnRequest request;
  request.compare.resize(1);
  request.success.push_back(put("k", "vv"));
  request.failure.push_back({pb::RangeRequest{.key = "k"}});
  pb::TxnResponse response;
  response.succeeded = true;
  response.responses.push_back({pb::PutResponse{}});
  const Tally won = tally(request, response);
  EXPECT_EQ(won.puts, 1u);
  EXPECT_EQ(won.put_bytes, 3u);
  EXPECT_EQ(won.ranges, 1u);
  EXPECT_EQ(won.txns, 0u) << "each pass has one operation";
  response.succeeded = false;
  const Tally lost = tally(request, response);
  EXPECT_EQ(lost.puts, 0u);
  EXPECT_EQ(lost.ranges, 2u);
  EXPECT_EQ(lost.txns, 0u);
}

TEST(Tally, AReadTransactionIsOnePass) {
  pb::TxnRequest request;
  request.compare.resize(1);
  request.success.push_back({pb::RangeRequest{.key = "k"}});
  pb::TxnResponse response;
  response.succeeded = true;
  response.responses.push_back({pb::RangeResponse{}});
  EXPECT_EQ(tally(request, response).ranges, 2u);
  EXPECT_EQ(tally(request, response).txns, 1u);
}

TEST(Tally, OperationsOfNestedTransactionsCountOneByOne) {
  pb::TxnRequest request;
  auto inner = std::make_unique<pb::TxnRequest>();
  inner->success.push_back(put("a", "1"));
  inner->success.push_back({pb::DeleteRangeRequest{.key = "b"}});
  request.success.push_back({std::move(inner)});
  request.success.push_back(put("c", "1"));
  pb::TxnResponse response;
  response.succeeded = true;
  auto answer = std::make_unique<pb::TxnResponse>();
  answer->succeeded = true;
  answer->responses.push_back({pb::PutResponse{}});
  answer->responses.push_back({pb::DeleteRangeResponse{}});
  response.responses.push_back({std::move(answer)});
  response.responses.push_back({pb::PutResponse{}});
  const Tally t = tally(request, response);
  EXPECT_EQ(t.puts, 2u);
  EXPECT_EQ(t.deletes, 1u);
  EXPECT_EQ(t.txns, 2u) << "no comparison, and three operations";
}

TEST(Tally, ARevokedLeaseDeletesItsKeysOneByOne) {
  EXPECT_EQ(tally_of_revoke(1).deletes, 1u);
  EXPECT_EQ(tally_of_revoke(1).txns, 0u);
  EXPECT_EQ(tally_of_revoke(0).txns, 1u);
  EXPECT_EQ(tally_of_revoke(3).txns, 1u);
}

}  // namespace
}  // namespace quorate::machine
