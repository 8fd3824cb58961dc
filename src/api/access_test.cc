#include "api/access.h"

#include <gtest/gtest.h>

namespace quorate::api {
namespace {

TEST(Access, AStarAllowsEveryOriginByItself) {
  EXPECT_EQ(Access{}.allowed_origin("http://a.example:80"), "*");
  EXPECT_EQ(Access{}.allowed_origin(""), "*");
}

TEST(Access, OfAListOnlyItsOriginsAreAllowedAndEachByItsName) {
  const Access access{.origins = {"http://a.example:80"}, .hosts = {"*"}};
  EXPECT_EQ(access.allowed_origin("http://a.example:80"), "http://a.example:80");
  EXPECT_EQ(access.allowed_origin("http://b.example:80"), "");
  EXPECT_EQ(access.allowed_origin(""), "");
}

TEST(Access, HostsAreKnownByNameWhateverThePort) {
  const Access access{.origins = {"*"}, .hosts = {"::1", "a.example"}};
  EXPECT_TRUE(access.allows_host("a.example:2379"));
  EXPECT_TRUE(access.allows_host("a.example"));
  EXPECT_TRUE(access.allows_host("[::1]:2379"));
  EXPECT_FALSE(access.allows_host("b.example:2379"));
  EXPECT_FALSE(access.allows_host(""));
  EXPECT_TRUE(Access{}.allows_host("b.example"));
}

TEST(Access, AMisdirectedRequestIsToldTheFlag) {
  const http::PlainResponse response = misdirected("b.example");
  EXPECT_EQ(response.status, 421);
  EXPECT_NE(response.body.view().find("--host-whitelist \"b.example\""), std::string_view::npos);
}

}  // namespace
}  // namespace quorate::api
