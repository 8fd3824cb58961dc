#include <gtest/gtest.h>

#include "base/limits.h"
#include "http/testing/echo.h"

namespace quorate::http {
namespace {

using testing::EchoFixture;
using testing::RawClient;

// The bodies after each head, joined.
size_t count_of(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(Http1, AnswersWithDateAndLength) {
  EchoFixture f;
  RawClient raw = f.raw("GET /health?a=1 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(raw.take(),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: Tue, 14 Nov 2023 23:13:20 GMT\r\n"
            "Content-Length: 16\r\n\r\nGET /health?a=1 ");
  EXPECT_FALSE(raw.closed());
}

TEST(Http1, AnswersPipelinedRequestsInOrder) {
  EchoFixture f;
  RawClient raw = f.raw(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"
      "GET /later HTTP/1.1\r\nHost: x\r\n\r\nGET /4 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /5 "
      "HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string first = raw.take();
  EXPECT_LT(first.find("GET /1?"), first.find("POST /2? ab"));
  EXPECT_EQ(count_of(first, "HTTP/1.1 200 OK"), 2U);
  PlainResponse response;
  response.body = Bytes::copy("third");
  f.server->respond(f.echo.last_request, std::move(response));
  f.world.settle();
  const std::string rest = raw.take();
  EXPECT_LT(rest.find("third"), rest.find("GET /4?"));
  EXPECT_EQ(count_of(rest, "HTTP/1.1 200 OK"), 2U);
  EXPECT_EQ(count_of(rest, "Connection: close"), 1U);
  EXPECT_TRUE(raw.closed());
}

TEST(Http1, AnswersHeadWithoutABody) {
  EchoFixture f;
  RawClient raw = f.raw("HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string answer = raw.take();
  EXPECT_NE(answer.find("Content-Length: 9\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST(Http1, ClosesAfterAnHttp10Request) {
  EchoFixture f;
  RawClient raw = f.raw("GET / HTTP/1.0\r\n\r\n");
  EXPECT_NE(raw.take().find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(raw.closed());
  RawClient kept = f.raw("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_NE(kept.take().find("Connection: keep-alive\r\n"), std::string::npos);
  EXPECT_FALSE(kept.closed());
}

TEST(Http1, TellsAnExpectingClientToContinue) {
  EchoFixture f;
  RawClient raw = f.raw("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(raw.take(), "HTTP/1.1 100 Continue\r\n\r\n");
  f.say(raw, "abc");
  EXPECT_NE(raw.take().find("POST /? abc"), std::string::npos);
}

TEST(Http1, RefusesBadRequestsAsGoDoes) {
  EchoFixture f;
  RawClient raw = f.raw("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(raw.take(),
            "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
            "400 Bad Request: missing required Host header");
  EXPECT_TRUE(raw.closed());
  f.world.advance(2s);
  EXPECT_EQ(f.server->open_connections(), 0U);
}

TEST(Http1, RefusesHeadsAndBodiesAboveTheLimits) {
  EchoFixture f;
  EXPECT_TRUE(f.raw("GET / HTTP/1.1\r\nX: " + std::string(limits::kMaxHttp1HeadBytes, 'x'))
                  .take()
                  .starts_with("HTTP/1.1 431 "));
  EXPECT_TRUE(
      f.raw("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2097153\r\n\r\n").take().starts_with("HTTP/1.1 413 "));
}

TEST(Http1, ReadsNoFurtherThanItAnswers) {
  EchoFixture f;
  std::string requests = "GET /later HTTP/1.1\r\nHost: x\r\n\r\n";
  while (requests.size() < 1'000'000) requests += "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  RawClient raw = f.raw(requests, 2'000'000);
  EXPECT_GT(raw.out->bytes.size(), 800'000U);
  f.server->respond(f.echo.last_request, {});
  f.world.settle();
  while (!raw.take().empty()) f.world.settle();
  EXPECT_TRUE(raw.out->bytes.empty());
}

TEST(Http1, TellsOfARequestWhoseClientIsGone) {
  EchoFixture f;
  RawClient raw = f.raw("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  raw.socket->close();
  f.world.settle();
  EXPECT_EQ(f.echo.cancelled, std::vector<CallId>{f.echo.last_request});
  EXPECT_EQ(f.server->open_connections(), 0U);
}

TEST(Http1, AnswersAClientThatHasEndedItsDirection) {
  EchoFixture f;
  RawClient raw = f.raw("GET /later HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  raw.socket->shutdown_write();
  f.world.settle();
  f.server->respond(f.echo.last_request, {});
  f.world.settle();
  EXPECT_NE(raw.take().find("GET /2?"), std::string::npos);
  EXPECT_EQ(f.server->open_connections(), 0U);
}

TEST(Http1, DrainsByClosingAfterTheAnswer) {
  EchoFixture f;
  RawClient busy = f.raw("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  const CallId later = f.echo.last_request;
  RawClient idle = f.raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  f.server->drain();
  f.world.settle();
  EXPECT_TRUE(idle.closed());
  EXPECT_FALSE(busy.closed());
  f.server->respond(later, {});
  f.world.settle();
  EXPECT_NE(busy.take().find("Connection: close"), std::string::npos);
  EXPECT_TRUE(busy.closed());
}

TEST(Http1, LetsNoHeaderBreakOut) {
  EchoFixture f;
  RawClient raw = f.raw("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  PlainResponse response;
  response.headers = {{"x-echo", "a\r\nSet-Cookie: b"}};
  f.server->respond(f.echo.last_request, std::move(response));
  f.world.settle();
  EXPECT_NE(raw.take().find("X-Echo: a  Set-Cookie: b\r\n"), std::string::npos);
}

}  // namespace
}  // namespace quorate::http
