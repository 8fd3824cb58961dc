#include "api/pages.h"

#include <gtest/gtest.h>

namespace quorate::api::plain {
namespace {

TEST(Query, ParametersAreDecoded) {
  const Query query("exclude=NO%53PACE&exclude=&a+b=c%20d&verbose&x=1=2");
  EXPECT_EQ(query.all("exclude"), std::vector<std::string_view>{"NOSPACE"});
  EXPECT_EQ(query.first("a b"), "c d");
  EXPECT_TRUE(query.has("verbose"));
  EXPECT_EQ(query.first("x"), "1=2");
  EXPECT_FALSE(query.has("exclud"));
}

TEST(Query, WhatCannotBeDecodedIsLeftOut) {
  const Query query("a=%zz&b=%4&c;d=1&e=ok");
  EXPECT_FALSE(query.has("a"));
  EXPECT_FALSE(query.has("b"));
  EXPECT_FALSE(query.has("c;d"));
  EXPECT_EQ(query.first("e"), "ok");
}

TEST(CleanPath, DropsDotsAndDoubleSlashesAndKeepsTheLastSlash) {
  EXPECT_EQ(clean_path("/health"), "/health");
  EXPECT_EQ(clean_path("//health"), "/health");
  EXPECT_EQ(clean_path("/a/./b/../health"), "/a/health");
  EXPECT_EQ(clean_path("/../.."), "/");
  EXPECT_EQ(clean_path("/health/"), "/health/");
  EXPECT_EQ(clean_path("/"), "/");
  EXPECT_EQ(clean_path(""), "/");
}

}  // namespace
}  // namespace quorate::api::plain
