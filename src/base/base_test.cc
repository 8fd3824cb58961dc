#include <gtest/gtest.h>

#include <set>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/digest.h"
#include "base/prng.h"
#include "base/result.h"

namespace quorate {
namespace {

TEST(Bytes, ASliceOutlivesTheBytesItWasCutFrom) {
  Bytes part;
  {
    const Bytes whole = Bytes::copy("0123456789");
    part = whole.slice(2, 3);
    EXPECT_EQ(whole.slice_of(whole.view().substr(7)).view(), "789");
  }
  EXPECT_EQ(part.view(), "234");
}

TEST(Bytes, AssignmentToItselfKeepsTheBytes) {
  Bytes bytes = Bytes::copy("abc");
  const Bytes& same = bytes;
  bytes = same;
  EXPECT_EQ(bytes.view(), "abc");
}

TEST(Crc32c, HasThePublishedCheckValue) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(crc32c("1234"), "56789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);  // RFC 3720, B.4
}

TEST(Digest, HasThePublishedCheckValues) {
  EXPECT_EQ(sha1("abc")[0], 0xa9);
  EXPECT_EQ(sha256("abc")[31], 0xad);
}

TEST(Prng, ASeedAlwaysMeansTheSameNumbers) {
  Prng a(7), b(7), c(8);
  const uint64_t first = a.next();
  EXPECT_EQ(first, b.next());
  EXPECT_NE(first, c.next());
}

TEST(Prng, BelowReachesEveryValueAndNeverTheBound) {
  Prng prng(1);
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(prng.below(7));
  EXPECT_EQ(seen.size(), 7u);
  EXPECT_EQ(*seen.rbegin(), 6u);
}

Result<int> parse_digit(char c) {
  if (c < '0' || c > '9') return fail(errors::InvalidSortOption());
  return c - '0';
}

Result<int> sum_of_digits(std::string_view text) {
  int sum = 0;
  for (const char c : text) {
    TRY(const int digit, parse_digit(c));
    sum += digit;
  }
  return sum;
}

TEST(Result, TryReturnsTheFirstFailureOfTheEnclosingFunction) {
  EXPECT_EQ(*sum_of_digits("123"), 6);
  EXPECT_EQ(sum_of_digits("1x3").error(), errors::InvalidSortOption());
}

TEST(Errors, CarryTheCodeThatIsSentOnTheWire) {
  EXPECT_EQ(errors::MemberNotEnoughStarted().code(), Code::kUnknown);
  EXPECT_EQ(errors::Compacted().text(), "etcdserver: mvcc: required revision has been compacted");
  EXPECT_EQ(code_name(errors::Compacted().code()), "OutOfRange");
  EXPECT_EQ(http_status_of(errors::NoSpace().code()), 429);
}

}  // namespace
}  // namespace quorate
