#include "node/config.h"

#include <gtest/gtest.h>

namespace quorate::node {
namespace {

std::string read(std::string_view text) {
  const auto url = parse_url(text);
  return url ? url->text() : url.error().text();
}

TEST(Url, IsReadAndWritten) {
  EXPECT_EQ(read("http://127.0.0.1:2379"), "http://127.0.0.1:2379");
  EXPECT_EQ(read("HTTP://localhost:1"), "http://localhost:1");
  EXPECT_EQ(read("https://[::1]:2379"), "https://[::1]:2379");
  EXPECT_EQ(read("http://user:word@h:5?query#end"), "http://h:5");
  EXPECT_EQ(read("http://:80"), "http://:80");
  EXPECT_EQ(read("http://h:"), "http://h:0");
  EXPECT_EQ(read("unix:///run/q.sock"), "unix:///run/q.sock");
  EXPECT_EQ(read("unix://name:m1"), "parse \"unix://name:m1\": invalid port \":m1\" after host");
  EXPECT_EQ(read("unix://name:10"), "unix://name:10");
}

TEST(Url, IsRefusedInEtcdsWords) {
  EXPECT_EQ(read(""), "URL scheme must be http, https, unix, or unixs: ");
  EXPECT_EQ(read("foo"), "URL scheme must be http, https, unix, or unixs: foo");
  EXPECT_EQ(read("localhost:2379"), "URL scheme must be http, https, unix, or unixs: localhost:2379");
  EXPECT_EQ(read("ftp://127.0.0.1:1"), "URL scheme must be http, https, unix, or unixs: ftp://127.0.0.1:1");
  EXPECT_EQ(read("http://foo"), "URL address does not have the form \"host:port\": http://foo");
  EXPECT_EQ(read("http:foo"), "URL address does not have the form \"host:port\": http:foo");
  EXPECT_EQ(read("http://a:b:1"), "parse \"http://a:b:1\": invalid port \":b:1\" after host");
  EXPECT_EQ(read("http://[::1]x:1"), "parse \"http://[::1]x:1\": invalid port \"x:1\" after host");
  EXPECT_EQ(read("http://a%41:1"), "parse \"http://a%41:1\": invalid URL escape \"%41\"");
  EXPECT_EQ(read("http://a|b:1"), "parse \"http://a|b:1\": invalid character \"|\" in host name");
  EXPECT_EQ(read("http://[::1]"), "URL address does not have the form \"host:port\": http://[::1]");
  EXPECT_EQ(read("http://127.0.0.1:1/x"), "URL must not contain a path: http://127.0.0.1:1/x");
  EXPECT_EQ(read("http://127.0.0.1:1/"), "URL must not contain a path: http://127.0.0.1:1/");
  EXPECT_EQ(read("127.0.0.1:1"), "parse \"127.0.0.1:1\": first path segment in URL cannot contain colon");
  EXPECT_EQ(read(":1"), "parse \":1\": missing protocol scheme");
  EXPECT_EQ(read("http://a:b"), "parse \"http://a:b\": invalid port \":b\" after host");
  EXPECT_EQ(read("http://[::1"), "parse \"http://[::1\": missing ']' in host");
  EXPECT_EQ(read("http://a b:1"), "parse \"http://a b:1\": invalid character \" \" in host name");
  EXPECT_EQ(read("http://a:1/%zz"), "parse \"http://a:1/%zz\": invalid URL escape \"%zz\"");
  EXPECT_EQ(read("http://a\n:1"), "parse \"http://a\\n:1\": net/url: invalid control character in URL");
  EXPECT_EQ(read("http://127.0.0.1:99999"), "listen tcp: address 99999: invalid port");
}

TEST(IoLoops, LeaveACoreForTheCoreLoopAndOneForTheRest) {
  EXPECT_EQ(default_io_loops(1), 0u);
  EXPECT_EQ(default_io_loops(2), 0u);
  EXPECT_EQ(default_io_loops(4), 2u);
  EXPECT_EQ(default_io_loops(64), 8u);
}

}  // namespace
}  // namespace quorate::node
