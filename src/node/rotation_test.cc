#include "node/rotation.h"

#include <gtest/gtest.h>

namespace quorate::node {
namespace {

TEST(LogRotationJson, ReadsEveryKeyInAnyCase) {
  const auto rotation = parse_log_rotation(
      R"({"MaxSize": 2, "maxage": 3, "maxbackups": 4, "localtime": true, "compress": true, "x": 1})");
  ASSERT_TRUE(rotation) << rotation.error().text();
  EXPECT_EQ(rotation->max_bytes, 2u * 1024 * 1024);
  EXPECT_EQ(rotation->max_age_days, 3);
  EXPECT_EQ(rotation->max_backups, 4);
  EXPECT_TRUE(rotation->local_time);
  EXPECT_TRUE(rotation->compress);
}

TEST(LogRotationJson, WithoutASizeItIsAHundredMegabytes) {
  for (const char* json : {"{}", R"({"maxsize": 0})", R"({"maxsize": null})", "null"}) {
    EXPECT_EQ(parse_log_rotation(json)->max_bytes, 100u * 1024 * 1024) << json;
  }
}

TEST(LogRotationJson, IsRefusedInEtcdsWords) {
  const auto why = [](const char* json) { return parse_log_rotation(json).error().text(); };
  EXPECT_EQ(why("{"), "improperly formatted log rotation config: unexpected end of JSON input");
  EXPECT_EQ(why(""), "improperly formatted log rotation config: unexpected end of JSON input");
  const std::string field = " into Go struct field logRotationConfig.Logger.maxsize of type int";
  EXPECT_EQ(why(R"({"maxsize":"x"})"), "invalid log rotation config: json: cannot unmarshal string" + field);
  EXPECT_EQ(why(R"({"maxsize":1.5})"), "invalid log rotation config: json: cannot unmarshal number 1.5" + field);
  EXPECT_EQ(why(R"({"compress":1})"),
            "invalid log rotation config: json: cannot unmarshal number into Go struct field "
            "logRotationConfig.Logger.compress of type bool");
  EXPECT_EQ(why("[]"),
            "invalid log rotation config: json: cannot unmarshal array into Go value of type embed.logRotationConfig");
}

}  // namespace
}  // namespace quorate::node
