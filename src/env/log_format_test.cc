#include "env/log_format.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace quorate::env {
namespace {

WallTime moment() { return WallTime(std::chrono::seconds(1735786984) + std::chrono::microseconds(678901)); }

// The caller depends on this file's lines, so it is cut out.
std::string without_caller(std::string line) {
  const size_t at = line.find("env/log_format_test.cc:");
  EXPECT_NE(at, std::string::npos) << line;
  const size_t end = line.find_first_not_of("0123456789", at + 23);
  return line.replace(at, end - at, "CALLER");
}

std::string line_of(LogFormat format, std::string_view message, std::initializer_list<Field> fields) {
  return without_caller(log_line(format, {Level::kInfo, message, std::span(fields.begin(), fields.size()),
                                          std::source_location::current(), moment()}));
}

TEST(LogFormat, PrintsTheShapeOfEtcdInJson) {
  EXPECT_EQ(line_of(LogFormat::kJson, "ready to serve client requests", {}),
            "{\"level\":\"info\",\"ts\":\"2025-01-02T03:03:04.678901Z\",\"caller\":\"CALLER\",\"msg\":\"ready to serve "
            "client requests\"}\n");
  EXPECT_EQ(
      line_of(LogFormat::kJson, "m",
              {{"took", Duration(100ms)},
               {"n", -3},
               {"u", uint64_t{18446744073709551615u}},
               {"b", true},
               {"s", "x"},
               {"urls", std::vector<std::string>{"http://a", "http://b"}},
               {"none", std::vector<std::string>{}}}),
      "{\"level\":\"info\",\"ts\":\"2025-01-02T03:03:04.678901Z\",\"caller\":\"CALLER\",\"msg\":\"m\",\"took\":"
      "\"100ms\","
      "\"n\":-3,\"u\":18446744073709551615,\"b\":true,\"s\":\"x\",\"urls\":[\"http://a\",\"http://b\"],\"none\":[]}\n");
}

TEST(LogFormat, PrintsTabsBetweenTheColumnsForAConsole) {
  EXPECT_EQ(line_of(LogFormat::kConsole, "m", {}), "2025-01-02T03:03:04.678901Z\tinfo\tCALLER\tm\n");
  EXPECT_EQ(line_of(LogFormat::kConsole, "m", {{"a", 1}, {"b", std::vector<std::string>{"x", "y"}}}),
            "2025-01-02T03:03:04.678901Z\tinfo\tCALLER\tm\t{\"a\": 1, \"b\": [\"x\", \"y\"]}\n");
}

TEST(LogFormat, EscapesWhatJsonDemands) {
  EXPECT_NE(line_of(LogFormat::kJson, "q\"b\\n\nr\rt\t\x01<&>", {}).find("q\\\"b\\\\n\\nr\\rt\\t\\u0001<&>\""),
            std::string::npos);
}

TEST(LogFormat, ReplacesWhatIsNotUtf8) {
  EXPECT_NE(line_of(LogFormat::kJson, "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", {})
                .find("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"),
            std::string::npos);
  // A lone byte, an overlong form, a surrogate, a cut sequence, something above U+10FFFF.
  for (const char* bad : {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xe2\x82", "\xf4\x90\x80\x80"}) {
    const std::string line = line_of(LogFormat::kJson, bad, {});
    EXPECT_NE(line.find("\\ufffd"), std::string::npos) << line;
    EXPECT_TRUE(nlohmann::json::accept(line)) << line;
  }
}

TEST(LogFormat, NamesLevelsAndFindsThemAgain) {
  for (Level level : {Level::kDebug, Level::kInfo, Level::kWarn, Level::kError, Level::kPanic, Level::kFatal}) {
    const auto parsed = parse_level(level_name(level));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(*parsed, level);
  }
  EXPECT_EQ(parse_level("dpanic"), Level::kPanic);
  EXPECT_EQ(parse_level("loud").error().code(), Code::kInvalidArgument);
}

TEST(LogFormat, PrintsDurationsAsGoDoes) {
  const std::pair<Duration, const char*> rows[] = {{0ns, "0s"},
                                                   {1ns, "1ns"},
                                                   {999ns, "999ns"},
                                                   {1us, "1µs"},
                                                   {1500ns, "1.5µs"},
                                                   {100ms, "100ms"},
                                                   {1001us, "1.001ms"},
                                                   {1s, "1s"},
                                                   {1500ms, "1.5s"},
                                                   {59999ms, "59.999s"},
                                                   {60s, "1m0s"},
                                                   {61s + 1ns, "1m1.000000001s"},
                                                   {2h, "2h0m0s"},
                                                   {90min, "1h30m0s"},
                                                   {-1500ms, "-1.5s"},
                                                   {100h + 1ms, "100h0m0.001s"},
                                                   {Duration::min(), "-2562047h47m16.854775808s"},
                                                   {Duration::max(), "2562047h47m16.854775807s"}};
  for (const auto& [duration, text] : rows) EXPECT_EQ(duration_text(duration), text);
}

TEST(LogFormat, CutsTimesToTheMicrosecondAlsoBefore1970) {
  EXPECT_EQ(timestamp_text(WallTime(0ns)), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(timestamp_text(WallTime(1999ns)), "1970-01-01T00:00:00.000001Z");
  EXPECT_EQ(timestamp_text(WallTime(-1us)), "1969-12-31T23:59:59.999999Z");
}

TEST(LogSampler, KeepsAHundredASecondAndThenEveryHundredth) {
  LogSampler sampler;
  int kept = 0;
  for (int i = 0; i < 1000; ++i) kept += sampler.admit(Level::kWarn, "again", moment()) ? 1 : 0;
  EXPECT_EQ(kept, 100 + 9);
  EXPECT_TRUE(sampler.admit(Level::kWarn, "something else", moment()));
  EXPECT_TRUE(sampler.admit(Level::kError, "again", moment()));
  EXPECT_TRUE(sampler.admit(Level::kWarn, "again", moment() + 1s));
}

}  // namespace
}  // namespace quorate::env
