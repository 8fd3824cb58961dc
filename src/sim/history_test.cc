#include "sim/history.h"

#include <gtest/gtest.h>

#include "pb/codec.h"

namespace quorate::sim {
namespace {

TEST(OperationId, IsReadBackFromTheMessageThatCarriesIt) {
  const std::string request = pb::encode(pb::PutRequest{.key = "k", .value = "v"});
  EXPECT_EQ(operation_id_of(with_operation_id(request, 0x0123456789abcdef)), 0x0123456789abcdefU);
  EXPECT_EQ(operation_id_of(with_operation_id("", 1)), 1U);
  EXPECT_EQ(operation_id_of(request), 0U);
  EXPECT_EQ(operation_id_of("\xff\xff"), 0U);
}

TEST(OperationId, IsNotTakenFromInsideAValue) {
  const std::string inner = with_operation_id("", 7);
  EXPECT_EQ(operation_id_of(pb::encode(pb::PutRequest{.key = "k", .value = inner})), 0U);
}

TEST(OperationId, LeavesTheMessageAsItWas) {
  const std::string request = pb::encode(pb::PutRequest{.key = "k", .value = "v"});
  const std::string marked = with_operation_id(request, 9);
  pb::PutRequest decoded;
  ASSERT_TRUE(pb::decode(marked, decoded));
  EXPECT_EQ(pb::encode(decoded), request);
  EXPECT_EQ(without_operation_id(marked), request);
  EXPECT_EQ(without_operation_id(marked + "tail"), request + "tail");
  EXPECT_EQ(without_operation_id(request), request);
}

TEST(OperationId, SurvivesTheWayIntoALogEntry) {
  const std::string marked = with_operation_id(pb::encode(pb::PutRequest{.key = "k", .value = "v"}), 9);
  const std::string entry = pb::encode_internal(1, pb::Payload::kPut, marked);
  pb::InternalRequest request;
  ASSERT_TRUE(pb::decode(entry, request));
  EXPECT_EQ(request.payload, pb::Payload::kPut);
  EXPECT_NE(entry.find(marked), std::string::npos);
}

TEST(Answer, OfAServerThatStopsOrACallThatWasCutLeavesOpenWhatHappened) {
  for (const Status& status :
       {errors::Stopped(), errors::Timeout(), errors::LeaderChanged(), errors::NoLeader(), errors::Canceled(),
        errors::DeadlineExceeded(), Status(Code::kInternal, "reset"), Status(Code::kUnknown, "what")}) {
    EXPECT_TRUE(leaves_open(status)) << status.text();
  }
  for (const Status& status : {Status(), errors::KeyNotFound(), errors::LeaseNotFound(), errors::Compacted(),
                               errors::LeaseExist(), errors::RequestTooManyRequests(), errors::NoSpace()}) {
    EXPECT_FALSE(leaves_open(status)) << status.text();
  }
}

}  // namespace
}  // namespace quorate::sim
