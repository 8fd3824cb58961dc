// The wire format itself: what protobuf's parser takes and refuses, we take and refuse.
#include "pb/wire.h"

#include <google/protobuf/empty.pb.h>

#include "pb/oracle.h"

namespace quorate::pb {
namespace {

using oracle::hex_of;

// Reads a message none of whose fields is known.
bool walk(std::string_view bytes) {
  wire::Reader in(bytes);
  uint32_t tag = 0;
  while (in.next(tag)) in.skip(tag);
  return in.ok();
}

bool protobuf_walks(const std::string& bytes) {
  google::protobuf::Empty all_unknown;
  return all_unknown.ParseFromString(bytes);
}

TEST(Wire, SizesOfVarintsStepAtEverySevenBits) {
  for (uint32_t bits = 0; bits < 64; ++bits) {
    const uint64_t value = uint64_t{1} << bits;
    EXPECT_EQ(wire::varint_size(value), bits / 7 + 1);
    EXPECT_EQ(wire::varint_size(value - 1), bits == 0 ? 1 : (bits - 1) / 7 + 1);
  }
  EXPECT_EQ(wire::varint_size(~uint64_t{0}), 10u);
}

TEST(Wire, SkipsAndRefusesUnknownFieldsAsProtobufDoes) {
  google::protobuf::LogSilencer silence;
  const std::string ff(9, '\xff');
  const std::string padding(9, '\x80');
  const std::vector<std::string> cases = {"",
                                          "\x08",
                                          "\x08\x01",
                                          std::string("\x00", 1),
                                          std::string("\x00\x00", 2),
                                          "\x01",
                                          "\x02",
                                          "\x07",
                                          "\x08" + ff + "\x01",
                                          "\x08" + ff + "\xff\x01",
                                          "\x08" + padding + std::string(1, '\0'),
                                          "\x88\x80\x80\x80" + std::string("\x00\x01", 2),
                                          "\xf8\xff\xff\xff\x0f\x01",
                                          "\x0a\x80" + std::string(1, '\0'),
                                          "\x0a\x80\x80\x80\x80" + std::string(1, '\0'),
                                          "\x0a\xff\xff\xff\xff\x07",
                                          "\x0a\x02x",
                                          "\x0a\x01x",
                                          "\x09"
                                          "1234567",
                                          "\x09"
                                          "12345678",
                                          "\x0d"
                                          "123",
                                          "\x0d"
                                          "1234",
                                          "\x0b",
                                          "\x0b\x0c",
                                          "\x0b\x14",
                                          "\x0b\x0b\x0c\x0c",
                                          "\x0b\x0b\x0c",
                                          "\x0c",
                                          "\x04",
                                          "\x0b\x08\x01\x12\x02\x0c\x0c\x0c",
                                          "\x0e",
                                          "\x0f",
                                          "\x03\x04"};
  for (const std::string& bytes : cases) EXPECT_EQ(walk(bytes), protobuf_walks(bytes)) << hex_of(bytes);
}

// Answers of a real etcd 3.7.1 to requests that were these bytes; C++ says otherwise to most.
TEST(Wire, TakesTheVarintsThatGoTakes) {
  const std::string ff(9, '\xff');
  const std::string padding(8, '\x80');
  EXPECT_TRUE(walk("\x08" + ff + "\x01"));
  EXPECT_FALSE(walk("\x08" + ff + "\x02"));
  EXPECT_FALSE(walk("\x08" + ff + "\x7f"));
  EXPECT_TRUE(walk("\x88" + padding + std::string("\0\x01", 2)));
  EXPECT_FALSE(walk("\x88\x80\x80\x80\x70\x01"));
  EXPECT_FALSE(walk("\x88\x80\x80\x80\x80\x01\x01"));
  EXPECT_TRUE(walk("\x0a\x80" + padding + std::string(1, '\0')));
  EXPECT_FALSE(walk("\x0a\xff\xff\xff\xff\x0f"));
}

TEST(Wire, RefusesGroupsNestedDeeperThanProtobufDoes) {
  for (size_t depth = 90; depth < 110; ++depth) {
    const std::string bytes = std::string(depth, '\x0b') + std::string(depth, '\x0c');
    EXPECT_EQ(walk(bytes), protobuf_walks(bytes)) << depth;
  }
}

TEST(Wire, AgreesWithProtobufOnRandomBytes) {
  google::protobuf::LogSilencer silence;
  Prng prng(60);
  for (int round = 0; round < 200'000; ++round) {
    std::string bytes = prng.bytes(prng.below(12));
    for (char& c : bytes) c = static_cast<char>(prng.chance(1, 4) ? c : c & 0x1f);
    if (oracle::has_odd_varint(bytes)) continue;
    ASSERT_EQ(walk(bytes), protobuf_walks(bytes)) << hex_of(bytes);
  }
}

TEST(Wire, KnowsUtf8AsProtobufDoes) {
  google::protobuf::LogSilencer silence;
  Prng prng(61);
  static constexpr std::string_view kEdges =
      "\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xec\xed\xee\xef\xf0\xf1\xf3\xf4\xf5\xff";
  int accepted = 0;
  for (int round = 0; round < 300'000; ++round) {
    std::string text;
    for (uint64_t i = prng.between(1, 4); i > 0; --i) text.push_back(kEdges[prng.below(kEdges.size())]);
    etcdserverpb::LeaseGrantResponse parsed;
    const std::string bytes = "\x22" + std::string(1, static_cast<char>(text.size())) + text;
    const bool valid = parsed.ParseFromString(bytes);
    ASSERT_EQ(wire::is_utf8(text), valid) << hex_of(text);
    accepted += valid;
  }
  EXPECT_GT(accepted, 1000);
}

TEST(Wire, AReaderThatFailedStaysFailed) {
  wire::Reader in("\x08");
  uint32_t tag = 0;
  ASSERT_TRUE(in.next(tag));
  int64_t value = 5;
  in.number(value);
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(value, 5);
  EXPECT_FALSE(in.next(tag));
  in.skip(wire::varint_tag(1));
  EXPECT_FALSE(in.ok());
}

}  // namespace
}  // namespace quorate::pb
