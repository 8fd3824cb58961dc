#include "http/gzip.h"

#include <gtest/gtest.h>

#include "base/prng.h"

namespace quorate::http {
namespace {

constexpr std::string_view kRead = "grpc: failed to read decompressed data: ";
constexpr std::string_view kOpen = "grpc: failed to decompress the message: ";

Status opened(std::string_view compressed, size_t bytes_max = 1000) {
  const auto text = gunzip(compressed, bytes_max);
  return text ? Status() : text.error();
}

Status internal(std::string_view what, std::string_view why) {
  return Status(Code::kInternal, std::string(what) + std::string(why));
}

TEST(Gzip, GivesBackWhatItWasGiven) {
  Prng prng(1);
  for (const size_t size : {0, 1, 100, 70'000, 2'000'000}) {
    const std::string random = prng.bytes(size), even(size, 'x');
    EXPECT_EQ(*gunzip(gzip(random), size), random);
    EXPECT_EQ(*gunzip(gzip(even), size), even);
    EXPECT_LT(gzip(even).size(), 100 + size / 100);
  }
}

TEST(Gzip, TakesSeveralMembersForOneText) { EXPECT_EQ(*gunzip(gzip("ab") + gzip("") + gzip("c"), 10), "abc"); }

// The words are those of etcd 3.7.1 for the same bytes.
TEST(Gzip, SaysWhatIsWrongAsGoDoes) {
  const std::string whole = gzip(std::string(300, 'a') + "bcd");
  EXPECT_EQ(opened(""), internal(kOpen, "EOF"));
  EXPECT_EQ(opened("notgzip"), internal(kOpen, "unexpected EOF"));
  EXPECT_EQ(opened("this is not gzip"), internal(kOpen, "gzip: invalid header"));
  EXPECT_EQ(opened(whole.substr(0, whole.size() - 6)), internal(kRead, "unexpected EOF"));
  EXPECT_EQ(opened(whole.substr(0, whole.size() - 8) + std::string(8, '\0')),
            internal(kRead, "gzip: invalid checksum"));
  EXPECT_EQ(opened(whole + "junk"), internal(kRead, "unexpected EOF"));
  EXPECT_EQ(opened(whole + "junk junk junk"), internal(kRead, "gzip: invalid header"));
  std::string broken = whole;
  broken[10] = '\xff';
  EXPECT_EQ(opened(broken).code(), Code::kInternal);
}

TEST(Gzip, HoldsNoMoreThanTheLimit) {
  const std::string bomb = gzip(std::string(100'000'000, '\0'));
  EXPECT_LT(bomb.size(), 1'000'000u);
  EXPECT_EQ(opened(bomb, 2'097'152),
            Status(Code::kResourceExhausted, "grpc: received message after decompression larger than max 2097152"));
  EXPECT_TRUE(opened(gzip(std::string(1000, 'x')), 1000).ok());
  EXPECT_FALSE(opened(gzip(std::string(1001, 'x')), 1000).ok());
}

}  // namespace
}  // namespace quorate::http
