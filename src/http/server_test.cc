#include "http/server.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "http/session.h"
#include "http/testing/echo.h"

namespace quorate::http {
namespace {

using testing::EchoFixture;
using testing::RawClient;
using testing::Seen;

TEST(Server, AnswersAUnaryCall) {
  EchoFixture f;
  auto client = f.client();
  Seen seen;
  const CallId call = client->open("/echo", {.timeout = 5s, .metadata = {{"hasleader", "true"}}}, seen);
  client->send(call, Bytes::copy("hello"));
  client->half_close(call);
  f.world.settle();
  EXPECT_EQ(seen.ends, 1);
  EXPECT_TRUE(seen.status.ok()) << seen.status.text();
  EXPECT_EQ(seen.messages, std::vector<std::string>{"hello"});
  const CallHead& head = f.echo.heads.at(0);
  EXPECT_EQ(head.path, "/echo");
  EXPECT_EQ(head.peer, "127.0.0.1:40000");
  EXPECT_EQ(head.timeout, Duration(5s));
  EXPECT_EQ(header_of(head.headers, "hasleader"), "true");
  EXPECT_EQ(f.server->counters().grpc_received_bytes, 5U);
  EXPECT_EQ(f.server->counters().grpc_sent_bytes, 5U);
}

TEST(Server, EndsACallWithItsStatusAndTrailers) {
  EchoFixture f;
  auto client = f.client();
  Seen bare;
  Seen late;
  client->half_close(client->open("/fail", {}, bare));
  const CallId call = client->open("/fail", {}, late);
  client->send(call, Bytes());
  client->half_close(call);
  f.world.settle();
  for (const Seen* seen : {&bare, &late}) {
    EXPECT_EQ(seen->status, Status(Code::kNotFound, "n\xC3\xB6 100%"));
    EXPECT_EQ(header_of(seen->trailers, "x-trailer"), "1");
  }
  EXPECT_EQ(late.messages, std::vector<std::string>{""});
}

TEST(Server, CarriesBothDirectionsOfAStreamAtOnce) {
  EchoFixture f;
  auto client = f.client();
  Seen seen;
  const CallId call = client->open("/echo", {}, seen);
  f.world.settle();
  for (size_t i = 1; i <= 3; ++i) {
    client->send(call, Bytes::copy("m" + std::to_string(i)));
    f.world.settle();
    EXPECT_EQ(seen.messages.size(), i);
  }
  EXPECT_EQ(seen.ends, 0);
  client->half_close(call);
  f.world.settle();
  EXPECT_TRUE(seen.status.ok());
  EXPECT_EQ(seen.ends, 1);
}

TEST(Server, CarriesMessagesLargerThanEveryWindow) {
  ServerOptions options;
  options.max_message_bytes = 20'000'000;
  EchoFixture f(options);
  auto client = f.client();
  Seen seen;
  const std::string large(12'000'000, 'x');
  const CallId call = client->open("/echo", {}, seen);
  client->send(call, Bytes::copy(large));
  client->half_close(call);
  f.world.settle();
  ASSERT_EQ(seen.messages.size(), 1U);
  EXPECT_EQ(seen.messages[0], large);
}

TEST(Server, SendsPiecesAsOneMessage) {
  EchoFixture f;
  auto client = f.client();
  Seen seen;
  const CallId call = client->open("/hang", {}, seen);
  client->half_close(call);
  f.world.settle();
  const CallId at_server = f.echo.paths.begin()->first;
  const std::string big(100'000, 'b');
  EXPECT_EQ(f.server->send_pieces(at_server, {Bytes::copy("a"), Bytes(), Bytes::copy(big), Bytes::copy("c")}),
            100'007U);
  f.server->finish(at_server, Status());
  f.world.settle();
  EXPECT_EQ(seen.messages, std::vector<std::string>{"a" + big + "c"});
}

TEST(Server, TellsAProducerThatItsBytesHaveDrained) {
  EchoFixture f;
  auto client = f.client();
  Seen seen;
  client->open("/hang", {}, seen);
  f.world.settle();
  const CallId call = f.echo.paths.begin()->first;
  EXPECT_LE(f.server->send(call, Bytes::copy("x")), limits::kOutputBytesHigh);
  f.world.settle();
  EXPECT_TRUE(f.echo.drained.empty());
  EXPECT_GT(f.server->send(call, Bytes::copy(std::string(limits::kOutputBytesHigh, 'x'))), limits::kOutputBytesHigh);
  f.world.settle();
  EXPECT_EQ(f.echo.drained, std::vector<CallId>{call});
}

TEST(Server, KeepsLittleOfALargeAnswerOutsideTheCallsOwnQueue) {
  EchoFixture f;
  auto pair = f.world.connect(16 * 1024);
  f.server->adopt(std::move(pair.far));
  auto client = ClientConnection::create(f.world.env(), std::move(pair.near), {}, [](const Status&) {});
  Seen seen;
  client->open("/hang", {}, seen);
  f.world.settle();
  const CallId call = f.echo.paths.begin()->first;
  pair.to_near->capacity = 0;  // the client's machine takes nothing more
  f.server->send(call, Bytes::copy(std::string(900'000, 'x')));
  f.world.settle();
  EXPECT_GT(f.server->send(call, Bytes::copy("y")), size_t{900'000} - 2 * limits::kSocketBytesHigh);
  EXPECT_TRUE(f.echo.drained.empty());
}

TEST(Server, AnswersADeadlineThatPasses) {
  EchoFixture f;
  // The client's own clock stands still, as it were: it asks without a timer.
  RawClient raw = f.raw("");
  auto client = f.client();
  Seen seen;
  client->open("/hang", {.timeout = std::nullopt, .metadata = {{"grpc-timeout", "100m"}}}, seen);
  f.world.settle();
  EXPECT_EQ(f.echo.heads.at(0).timeout, Duration(100ms));
  f.world.advance(99ms);
  EXPECT_EQ(seen.ends, 0);
  f.world.advance(1ms);
  EXPECT_EQ(seen.status, Status(Code::kDeadlineExceeded, "context deadline exceeded"));
  EXPECT_EQ(f.echo.cancelled.size(), 1U);
  f.server->finish(f.echo.cancelled[0], Status());  // too late, and ignored
  f.world.settle();
  EXPECT_EQ(seen.ends, 1);
}

TEST(Server, RefusesBadDeadlinesAndEncodingsWithoutTellingTheHandler) {
  EchoFixture f;
  auto client = f.client();
  const auto ask = [&](const Headers& metadata) {
    Seen seen;
    client->half_close(client->open("/echo", {.timeout = std::nullopt, .metadata = metadata}, seen));
    f.world.settle();
    EXPECT_EQ(seen.ends, 1);
    return seen.status;
  };
  EXPECT_EQ(ask({{"grpc-timeout", "1x"}}),
            Status(Code::kInternal, "malformed grpc-timeout: transport: timeout unit is not recognized: \"1x\""));
  EXPECT_EQ(ask({{"grpc-timeout", "0S"}}), Status(Code::kDeadlineExceeded, "context deadline exceeded"));
  EXPECT_EQ(ask({{"grpc-encoding", "snappy"}}),
            Status(Code::kUnimplemented, "grpc: Decompressor is not installed for grpc-encoding \"snappy\""));
  EXPECT_EQ(ask({{"x-bin", "!!"}, {"y-bin", "AAA"}}),
            Status(Code::kInternal,
                   "malformed binary metadata \"!!\" in header \"x-bin\": illegal base64 data at input byte 0"));
  EXPECT_TRUE(f.echo.heads.empty());
  EXPECT_TRUE(ask({{"grpc-encoding", "identity"}}).ok());
}

TEST(Server, RefusesAMessageAboveTheLimit) {
  ServerOptions options;
  options.max_message_bytes = 10;
  EchoFixture f(options);
  auto client = f.client();
  Seen seen;
  const CallId call = client->open("/echo", {}, seen);
  client->send(call, Bytes::copy("12345678901"));
  f.world.settle();
  EXPECT_EQ(seen.status, Status(Code::kResourceExhausted, "grpc: received message larger than max (11 vs. 10)"));
  EXPECT_EQ(f.echo.messages, 0U);
  EXPECT_EQ(f.echo.cancelled.size(), 1U);
}

TEST(Server, TellsThatACallHasDrainedThatHeldExactlyTheBound) {
  EchoFixture f;
  auto client = f.client();
  Seen seen;
  client->half_close(client->open("/hang", {}, seen));
  f.world.settle();
  constexpr size_t kPrefixBytes = 5;
  const CallId call = f.echo.paths.begin()->first;
  EXPECT_EQ(f.server->send(call, Bytes::copy(std::string(limits::kOutputBytesHigh - kPrefixBytes, 'x'))),
            limits::kOutputBytesHigh);
  EXPECT_TRUE(f.echo.drained.empty());
  f.world.settle();
  EXPECT_EQ(f.echo.drained, std::vector<CallId>{call});
}

TEST(Server, TellsOfACallThatItsClientCancels) {
  EchoFixture f;
  auto client = f.client();
  Seen seen;
  const CallId call = client->open("/hang", {}, seen);
  f.world.settle();
  client->cancel(call);
  f.world.settle();
  EXPECT_EQ(seen.ends, 0);
  EXPECT_EQ(f.echo.cancelled.size(), 1U);
}

TEST(Server, TellsOfEveryCallOfALostConnection) {
  EchoFixture f;
  auto client = f.client();
  Seen a;
  Seen b;
  client->open("/hang", {}, a);
  client->half_close(client->open("/echo", {}, b));
  f.world.settle();
  EXPECT_EQ(f.server->open_connections(), 1U);
  client.reset();
  f.world.settle();
  EXPECT_EQ(f.echo.cancelled.size(), 1U);
  EXPECT_EQ(f.server->open_connections(), 0U);
  EXPECT_EQ(f.server->counters().connections_accepted, 1U);
}

TEST(Server, NeverUsesACallIdAgain) {
  EchoFixture f;
  auto client = f.client();
  for (int i = 0; i < 100; ++i) {
    Seen seen;
    client->half_close(client->open("/echo", {}, seen));
    f.world.settle();
  }
  EXPECT_EQ(f.echo.paths.size(), 100U);
}

TEST(Server, DrainsByLettingRunningCallsEnd) {
  EchoFixture f;
  auto client = f.client();
  Seen running;
  const CallId call = client->open("/echo", {}, running);
  f.world.settle();
  f.server->drain();
  f.world.settle();
  Seen refused;
  client->open("/echo", {}, refused);
  f.world.settle();
  EXPECT_EQ(refused.status.code(), Code::kUnavailable);
  client->send(call, Bytes::copy("still"));
  client->half_close(call);
  f.world.settle();
  EXPECT_EQ(running.messages, std::vector<std::string>{"still"});
  EXPECT_TRUE(running.status.ok());
  f.world.advance(2s);
  EXPECT_EQ(f.server->open_connections(), 0U);
  EXPECT_EQ(f.lost, 1);
}

TEST(Server, PingsASilentConnectionAndClosesADeadOne) {
  ServerOptions options;
  options.keepalive_interval = 10s;
  options.keepalive_timeout = 2s;
  EchoFixture f(options);
  auto client = f.client();
  Seen seen;
  client->open("/hang", {}, seen);
  f.world.settle();
  for (int i = 0; i < 10; ++i) f.world.advance(10s);
  EXPECT_EQ(f.server->open_connections(), 1U);

  EchoFixture dead(options);
  RawClient raw = dead.raw(kClientPreface);  // never answers
  dead.world.advance(10s);
  EXPECT_EQ(dead.server->open_connections(), 1U);
  dead.world.advance(2s);
  EXPECT_EQ(dead.server->open_connections(), 0U);
}

TEST(Server, ClosesAConnectionThatNeverAsks) {
  EchoFixture f;
  RawClient silent = f.raw("");
  RawClient slow = f.raw("GET / HT");
  RawClient done = f.raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  RawClient http2 = f.raw(kClientPreface);
  f.world.advance(limits::kHeadTimeout);
  EXPECT_EQ(f.server->open_connections(), 2U);
  EXPECT_TRUE(silent.closed() && slow.closed());
}

TEST(Client, EndsACallAtItsDeadline) {
  EchoFixture f;
  auto client = f.client();
  Seen seen;
  client->open("/hang", {.timeout = 50ms, .metadata = {}}, seen);
  f.world.advance(50ms);
  EXPECT_EQ(seen.status, Status(Code::kDeadlineExceeded, "context deadline exceeded"));
  EXPECT_EQ(seen.ends, 1);
}

TEST(Client, EndsCallsThatWaitForTheirTurn) {
  ServerOptions options;
  options.max_concurrent_streams = 1;
  EchoFixture f(options);
  auto client = f.client();
  f.world.settle();
  Seen running;
  Seen late;
  Seen cancelled;
  Seen refused;
  client->open("/hang", {}, running);
  client->open("/hang", {.timeout = 50ms, .metadata = {}}, late);
  const CallId call = client->open("/hang", {}, cancelled);
  client->open("/hang", {}, refused);
  f.world.settle();
  EXPECT_EQ(f.echo.heads.size(), 1U);
  client->cancel(call);
  f.world.advance(50ms);
  EXPECT_EQ(late.status.code(), Code::kDeadlineExceeded);
  EXPECT_EQ(cancelled.ends, 0);
  EXPECT_EQ(refused.ends, 0);
  f.server->drain();
  f.world.settle();
  EXPECT_EQ(refused.status.code(), Code::kUnavailable);
  EXPECT_EQ(running.ends, 0);
  EXPECT_EQ(f.echo.heads.size(), 1U);
}

TEST(Client, MayBeDestroyedWhenItIsLost) {
  EchoFixture f;
  auto pair = f.world.connect();
  f.server->adopt(std::move(pair.far));
  std::unique_ptr<ClientConnection> client;
  client = ClientConnection::create(f.world.env(), std::move(pair.near), {}, [&](const Status&) { client.reset(); });
  Seen seen;
  client->open("/hang", {}, seen);
  f.world.settle();
  f.server.reset();
  f.world.settle();
  EXPECT_EQ(seen.ends, 1);
  EXPECT_EQ(client, nullptr);
}

TEST(Client, EndsEveryCallWhenTheConnectionIsLost) {
  EchoFixture f;
  auto client = f.client();
  Seen seen;
  client->open("/hang", {}, seen);
  f.world.settle();
  f.server.reset();
  f.world.settle();
  EXPECT_EQ(seen.status.code(), Code::kUnavailable);
  EXPECT_EQ(f.lost, 1);
  Seen late;
  client->open("/hang", {}, late);
  f.world.settle();
  EXPECT_EQ(late.status.code(), Code::kUnavailable);
}

TEST(Client, MayBeDestroyedOnceACallHasEnded) {
  EchoFixture f;
  struct Destroyer final : CallEvents {
    void on_message(Bytes) override {}
    void on_end(const Status&, const Headers&) override { post(); }
    std::function<void()> post;
  } destroyer;
  auto client = f.client();
  destroyer.post = [&] { f.world.loop().post([&] { client.reset(); }); };
  client->half_close(client->open("/echo", {}, destroyer));
  f.world.settle();
  EXPECT_EQ(client, nullptr);
  EXPECT_EQ(f.server->open_connections(), 0U);
}

TEST(Server, APortForOneProtocolClosesAConnectionThatBeginsInAnother) {
  const std::string plain = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  for (const Protocols spoken : {Protocols::kBoth, Protocols::kHttp1, Protocols::kHttp2}) {
    ServerOptions options;
    options.protocols = spoken;
    EchoFixture f(options);
    testing::RawClient http1 = f.raw(plain), http2 = f.raw(preface);
    EXPECT_EQ(http1.take().starts_with("HTTP/1.1 200"), spoken != Protocols::kHttp2);
    EXPECT_EQ(http1.closed(), spoken == Protocols::kHttp2);
    EXPECT_EQ(!http2.take().empty(), spoken != Protocols::kHttp1);
    EXPECT_EQ(http2.closed(), spoken == Protocols::kHttp1);
  }
}

}  // namespace
}  // namespace quorate::http
