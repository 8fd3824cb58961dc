#include "api/proto.h"

#include <gtest/gtest.h>

namespace quorate::api {
namespace {

using namespace std::string_view_literals;

TEST(Proto, ParsesTheLongFormsThatGoTakes) {
  etcdserverpb::AlarmRequest request;
  EXPECT_TRUE(parse(Bytes::copy("\x88\x80\x80\x80\x80\x80\x00\x82\x00"sv), request));
  EXPECT_EQ(request.action(), etcdserverpb::AlarmRequest::DEACTIVATE);
}

TEST(Proto, SkipsFieldsThatNoMessageHere) {
  etcdserverpb::AlarmRequest request;
  EXPECT_TRUE(parse(Bytes::copy("\x0d\x01\x02\x03\x04\x4b\x08\x01\x4c\x10\x07"sv), request));
  EXPECT_EQ(request.memberid(), 7u);
}

TEST(Proto, RefusesNumbersThatDoNotFit) {
  etcdserverpb::AlarmRequest request;
  EXPECT_FALSE(parse(Bytes::copy("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"sv), request));
  EXPECT_FALSE(parse(Bytes::copy("\x00\x01"sv), request));
  EXPECT_FALSE(parse(Bytes::copy("\x12\x05x"sv), request));
}

TEST(Proto, NamesTextThatIsNoUtf8OnlyWhereItIsTheFirstFault) {
  const Status plain = malformed_request();
  const Status utf8(Code::kInternal, "grpc: error unmarshalling request: string field contains invalid UTF-8");
  EXPECT_EQ(malformed_request(Bytes::copy("\x0a\x01\xff\x07"sv), {1, 2}), utf8);
  EXPECT_EQ(malformed_request(Bytes::copy("\x07\x0a\x01\xff"sv), {1, 2}), plain);
  EXPECT_EQ(malformed_request(Bytes::copy("\x1a\x01\xff\x07"sv), {1, 2}), plain);
}

}  // namespace
}  // namespace quorate::api
