#include "cmd/ctl/go_text.h"

#include <gtest/gtest.h>

#include "base/prng.h"

namespace quorate::cmd::ctl {
namespace {

TEST(GoText, NumbersAreReadInTheirBaseAndRefusedInGosWords) {
  EXPECT_EQ(parse_int("694d7", 16), 0x694d7);
  EXPECT_EQ(parse_int("-12", 10), -12);
  EXPECT_EQ(parse_int("+7", 10), 7);
  EXPECT_EQ(parse_int("0x1F", 0), 31);
  EXPECT_EQ(parse_int("0b101", 0), 5);
  EXPECT_EQ(parse_int("010", 0), 8);
  EXPECT_EQ(parse_int("0", 0), 0);
  EXPECT_EQ(parse_int("9223372036854775807", 10), INT64_MAX);
  EXPECT_EQ(parse_int("-9223372036854775808", 10), INT64_MIN);
  EXPECT_EQ(parse_int("9223372036854775808", 10).error().text(),
            "strconv.ParseInt: parsing \"9223372036854775808\": value out of range");
  for (const std::string_view text : {"", "-", "x", "1x", "0x", "8_"}) {
    EXPECT_EQ(parse_int(text, 0).error().text(), "strconv.ParseInt: parsing " + quote(text) + ": invalid syntax")
        << text;
  }
  EXPECT_FALSE(parse_int("0x1F", 10).has_value());
}

TEST(GoText, DurationsNeedAUnit) {
  EXPECT_EQ(parse_duration("1.5s"), Duration(1500ms));
  EXPECT_EQ(parse_duration("2h45m"), Duration(2h + 45min));
  EXPECT_EQ(parse_duration("-100ms"), Duration(-100ms));
  EXPECT_EQ(parse_duration(".5us"), Duration(500ns));
  EXPECT_EQ(parse_duration("0"), Duration(0));
  EXPECT_EQ(parse_duration("5").error().text(), "time: missing unit in duration \"5\"");
  EXPECT_EQ(parse_duration("x").error().text(), "time: invalid duration \"x\"");
  EXPECT_EQ(parse_duration("5x").error().text(), "time: unknown unit \"x\" in duration \"5x\"");
  EXPECT_EQ(parse_duration("1.2.3s").error().text(), "time: invalid duration \"1.2.3s\"");
  EXPECT_FALSE(parse_duration("999999999h").has_value());
}

TEST(GoText, QuotingEscapesWhatIsNotPrintable) {
  EXPECT_EQ(quote("a\"b\\c"), "\"a\\\"b\\\\c\"");
  EXPECT_EQ(quote("\n\t\x01\x7F"), "\"\\n\\t\\x01\\x7f\"");
  EXPECT_EQ(quote("\xC3\xA9\xFF"), "\"\xC3\xA9\\xff\"");
  EXPECT_EQ(quote("\xC2\x80"), "\"\\u0080\"");
}

TEST(GoText, UnquotingIsTheWayBack) {
  Prng prng(20'261'124);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    for (uint64_t left = prng.below(24); left > 0; --left) bytes += static_cast<char>(prng.below(256));
    ASSERT_EQ(unquote(quote(bytes)), bytes);
  }
}

TEST(GoText, UnquotingReadsEveryEscapeAndRefusesTheRest) {
  EXPECT_EQ(unquote(R"("\x41\101\u00e9\U0001F600\a")"), "AA\xC3\xA9\xF0\x9F\x98\x80\a");
  EXPECT_EQ(unquote("`a\\n`"), "a\\n");
  for (const std::string_view bad :
       {"", "\"", "a", "\"a", R"("\q")", R"("\x4")", R"("\400")", R"("\ud800")", "\"a\"b", "\"a\nb\""}) {
    EXPECT_EQ(unquote(bad).error().text(), "invalid syntax") << bad;
  }
}

TEST(GoText, BytesAreShownInPowersOfAThousand) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(9), "9 B");
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(1000), "1.0 kB");
  EXPECT_EQ(human_bytes(20480), "20 kB");
  EXPECT_EQ(human_bytes(2147483648), "2.1 GB");
}

}  // namespace
}  // namespace quorate::cmd::ctl
