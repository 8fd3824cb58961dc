#include "node/go_values.h"

#include <gtest/gtest.h>

#include <limits>

namespace quorate::node {
namespace {

TEST(GoNumbers, TakePrefixesAndUnderscoresBetweenDigits) {
  EXPECT_EQ(parse_uint("0", 64), 0u);
  EXPECT_EQ(parse_uint("0x1F", 64), 31u);
  EXPECT_EQ(parse_uint("0b101", 64), 5u);
  EXPECT_EQ(parse_uint("0o17", 64), 15u);
  EXPECT_EQ(parse_uint("017", 64), 15u);
  EXPECT_EQ(parse_uint("1_000", 64), 1000u);
  EXPECT_EQ(parse_uint("0x_f", 64), 15u);
  EXPECT_EQ(parse_uint("18446744073709551615", 64), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(parse_int("-9223372036854775808", 64), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(parse_int("+5", 64), 5);
}

TEST(GoNumbers, TellSyntaxFromRange) {
  for (const char* text : {"", "-1", "+1", "abc", "1 ", "08", "1__0", "_1", "1_", "0x", "--1"}) {
    ASSERT_FALSE(parse_uint(text, 64)) << text;
    EXPECT_EQ(parse_uint(text, 64).error(), NumberError::kSyntax) << text;
  }
  EXPECT_EQ(parse_uint("18446744073709551616", 64).error(), NumberError::kRange);
  EXPECT_EQ(parse_uint("4294967296", 32).error(), NumberError::kRange);
  EXPECT_EQ(parse_int("9223372036854775808", 64).error(), NumberError::kRange);
  EXPECT_EQ(parse_int("--1", 64).error(), NumberError::kSyntax);
  EXPECT_EQ(parse_decimal("0x1").error(), NumberError::kSyntax);
  EXPECT_EQ(parse_decimal("+-1").error(), NumberError::kSyntax);
}

TEST(GoDurations, AreReadWithTheirUnits) {
  EXPECT_EQ(*parse_duration("0"), Duration(0));
  EXPECT_EQ(*parse_duration("1h30m"), 90min);
  EXPECT_EQ(*parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(*parse_duration("-2ms"), -2ms);
  EXPECT_EQ(*parse_duration(".5s"), 500ms);
  EXPECT_EQ(*parse_duration("3\u00b5s"), 3us);
  EXPECT_EQ(*parse_duration("7ns"), 7ns);
  EXPECT_EQ(*parse_duration("-9223372036854775808ns"), Duration::min());
}

TEST(GoDurations, AreRefusedInGosWords) {
  EXPECT_EQ(parse_duration("x").error(), "time: invalid duration \"x\"");
  EXPECT_EQ(parse_duration("").error(), "time: invalid duration \"\"");
  EXPECT_EQ(parse_duration("-1").error(), "time: missing unit in duration \"-1\"");
  EXPECT_EQ(parse_duration("5d").error(), "time: unknown unit \"d\" in duration \"5d\"");
  EXPECT_EQ(parse_duration("9223372036854775808ns").error(), "time: invalid duration \"9223372036854775808ns\"");
  EXPECT_EQ(parse_duration("3000000h").error(), "time: invalid duration \"3000000h\"");
}

}  // namespace
}  // namespace quorate::node
