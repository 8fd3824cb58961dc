#include "http/request_head.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace quorate::http {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

bool well_formed(const Fields& fields) {
  RequestHead head;
  for (const auto& [name, value] : fields) head.add(name, value);
  return head.well_formed();
}

const Fields kGood = {{":method", "POST"}, {":scheme", "http"}, {":path", "/a"}, {":authority", "x"}};

Fields with(const std::string& name, const std::string& value) {
  Fields fields = kGood;
  fields.emplace_back(name, value);
  return fields;
}

TEST(RequestHead, TakesWhatClientsSend) {
  EXPECT_TRUE(well_formed(kGood));
  EXPECT_TRUE(well_formed({{":method", "GET"}, {":scheme", "http"}, {":path", "*"}}));
  EXPECT_TRUE(well_formed(
      {{":method", "POST"}, {":scheme", "http"}, {":path", "/"}, {":authority", "#initially=[127.0.0.1:2379]"}}));
  EXPECT_TRUE(well_formed(with("te", "trailers")));
  EXPECT_TRUE(well_formed(with("x-bin", "\t\xff y")));
}

TEST(RequestHead, RefusesWhatAnotherReaderCouldTakeForSomethingElse) {
  for (const char* missing : {":method", ":scheme", ":path"}) {
    Fields fields = kGood;
    std::erase_if(fields, [&](const auto& field) { return field.first == missing; });
    EXPECT_FALSE(well_formed(fields)) << missing;
  }
  for (const auto& [name, value] : Fields{{":method", "POST"},
                                          {":path", "/"},
                                          {":authority", "x"},
                                          {":status", "200"},
                                          {":protocol", "websocket"},
                                          {"connection", "close"},
                                          {"keep-alive", "1"},
                                          {"proxy-connection", "x"},
                                          {"transfer-encoding", "chunked"},
                                          {"upgrade", "h2c"},
                                          {"te", "gzip"},
                                          {"X-Upper", "1"},
                                          {"", "1"},
                                          {"a b", "1"},
                                          {"a:", "1"},
                                          {"a", "1\r\nb: 2"},
                                          {"a", std::string(1, '\0')},
                                          {"content-length", "-1"},
                                          {"content-length", ""},
                                          {"content-length", "1, 1"}}) {
    EXPECT_FALSE(well_formed(with(name, value))) << name << "=" << value;
  }
  Fields late = with("a", "b");
  late.emplace_back(":authority", "x");
  EXPECT_FALSE(well_formed(late));
  Fields twice = with("content-length", "1");
  twice.emplace_back("content-length", "1");
  EXPECT_FALSE(well_formed(twice));
  EXPECT_FALSE(well_formed({{":method", "CONNECT"}, {":scheme", "http"}, {":path", "/"}}));
  EXPECT_FALSE(well_formed({{":method", "GET"}, {":scheme", "http"}, {":path", "a"}}));
}

TEST(RequestHead, KnowsTheLengthThatWasAnnounced) {
  RequestHead head;
  head.add("content-length", "123");
  EXPECT_EQ(head.content_length(), 123U);
}

}  // namespace
}  // namespace quorate::http
