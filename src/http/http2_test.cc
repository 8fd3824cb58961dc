#include <gtest/gtest.h>

#include "base/limits.h"
#include "http/gzip.h"
#include "http/testing/echo.h"
#include "http/testing/frames.h"

namespace quorate::http {
namespace {

using namespace testing;  // NOLINT: frames by hand need all of it

constexpr uint8_t kWhole = kEndStream | kEndHeaders;

bool said_calm(RawClient& raw, std::string_view reason) {
  const auto frames = parse_frames(raw.take());
  const ParsedFrame* goaway = find_frame(frames, FrameType::kGoaway);
  return goaway != nullptr && error_of(*goaway) == static_cast<uint32_t>(H2Error::kEnhanceYourCalm) &&
         goaway->payload.ends_with(reason) && raw.closed();
}

std::string reset_of(uint32_t stream) { return frame(FrameType::kReset, 0, stream, big_endian(8, 4)); }

TEST(Http2, AnnouncesItsLimitsAndWindow) {
  EchoFixture f;
  RawClient raw = f.raw(greeting());
  const auto frames = parse_frames(raw.take());
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames[0].type, FrameType::kSettings);
  EXPECT_EQ(frames[0].payload, big_endian(4, 2) + big_endian(limits::kStreamWindowBytes, 4) + big_endian(6, 2) +
                                   big_endian(limits::kMaxHeaderListBytes, 4));
  const ParsedFrame* window = find_frame(frames, FrameType::kWindowUpdate);
  ASSERT_NE(window, nullptr);
  EXPECT_EQ(window->payload, big_endian(limits::kConnectionWindowBytes - 65535, 4));
}

TEST(Http2, AnnouncesAndHoldsTheNumberOfStreams) {
  ServerOptions options;
  options.max_concurrent_streams = 2;
  std::string calls;
  for (uint32_t stream = 1; stream <= 5; stream += 2)
    calls += frame(FrameType::kHeaders, kEndHeaders, stream, grpc_block("/hang"));

  // One that cannot know yet is refused the stream.
  EchoFixture f(options);
  RawClient early = f.raw(std::string(kClientPreface) + frame(FrameType::kSettings, 0, 0) + calls);
  EXPECT_EQ(f.echo.heads.size(), 2U);
  const std::string answer = early.take();
  EXPECT_NE(answer.find(big_endian(3, 2) + big_endian(2, 4)), std::string::npos);
  const auto frames = parse_frames(answer);
  const ParsedFrame* reset = find_frame(frames, FrameType::kReset);
  ASSERT_NE(reset, nullptr);
  EXPECT_EQ(error_of(*reset), static_cast<uint32_t>(H2Error::kRefusedStream));

  // One that has acknowledged the limit breaks the protocol.
  EchoFixture g(options);
  RawClient late = g.raw(greeting() + calls);
  EXPECT_EQ(g.echo.heads.size(), 2U);
  const auto more = parse_frames(late.take());
  ASSERT_NE(find_frame(more, FrameType::kGoaway), nullptr);
  EXPECT_EQ(error_of(*find_frame(more, FrameType::kGoaway)), static_cast<uint32_t>(H2Error::kProtocol));
  EXPECT_EQ(g.echo.cancelled.size(), 2U);
}

TEST(Http2, SendsTheBytesOfAWholeCallInOneWrite) {
  EchoFixture f;
  RawClient raw = f.raw(greeting());
  raw.take();
  f.say(raw, frame(FrameType::kHeaders, kEndHeaders, 1, grpc_block("/echo")) +
                 frame(FrameType::kData, kEndStream, 1, message("hi")));
  const auto frames = parse_frames(raw.take());
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[0].type, FrameType::kHeaders);
  EXPECT_EQ(frames[1].payload, message("hi"));
  EXPECT_EQ(frames[1].flags, 0);
  EXPECT_EQ(frames[2].flags, kWhole);
}

TEST(Http2, ResetsTheRestOfARequestThatIsAnswered) {
  ServerOptions options;
  options.max_message_bytes = 1;
  EchoFixture f(options);
  RawClient raw = f.raw(greeting() + frame(FrameType::kHeaders, kEndHeaders, 1, grpc_block("/echo")) +
                        frame(FrameType::kData, 0, 1, message("long")));
  const auto frames = parse_frames(raw.take());
  const ParsedFrame* reset = find_frame(frames, FrameType::kReset);
  ASSERT_NE(reset, nullptr);
  EXPECT_EQ(error_of(*reset), 0U);
  EXPECT_EQ(f.echo.cancelled.size(), 1U);
}

TEST(Http2, ReadsMessagesThatAreCutPaddedAndJoined) {
  EchoFixture f;
  const std::string two = message("abc") + message("") + message("defg");
  std::string bytes = greeting() + frame(FrameType::kHeaders, kEndHeaders, 1, grpc_block("/quiet"));
  for (const char c : two)
    bytes += frame(FrameType::kData, kPadded, 1, std::string(1, '\3') + c + std::string(3, '\0'));
  bytes += frame(FrameType::kData, 0, 1, two);
  RawClient raw = f.raw(bytes);
  EXPECT_EQ(f.echo.messages, 6U);
  EXPECT_EQ(f.echo.received_bytes, 14U);
}

TEST(Http2, AnswersWithTheContentTypeOfTheCall) {
  const auto answer_to = [](const char* content_type) {
    EchoFixture f;
    RawClient raw = f.raw(greeting());
    raw.take();
    f.say(raw, frame(FrameType::kHeaders, kEndHeaders, 1,
                     block({{":method", "POST"},
                            {":scheme", "http"},
                            {":path", "/echo"},
                            {":authority", "x"},
                            {"content-type", content_type}})) +
                   frame(FrameType::kData, kEndStream, 1, message("hi")));
    return find_frame(parse_frames(raw.take()), FrameType::kHeaders)->payload;
  };
  EXPECT_EQ(answer_to("application/grpc;proto"), answer_to("application/grpc+proto"));
  EXPECT_NE(answer_to("application/grpc"), answer_to("application/grpc+proto"));
}

TEST(Http2, RefusesARequestThatEndsWithinAMessage) {
  EchoFixture f;
  RawClient raw = f.raw(greeting() + frame(FrameType::kHeaders, kEndHeaders, 1, grpc_block("/echo")) +
                        frame(FrameType::kData, kEndStream, 1, message("abc").substr(0, 6)));
  EXPECT_EQ(f.echo.messages, 0U);
  EXPECT_EQ(f.echo.cancelled.size(), 1U);
}

TEST(Http2, TakesAnEndWithinAPrefixForAnEndBeforeIt) {
  EchoFixture f;
  RawClient raw = f.raw(greeting() + frame(FrameType::kHeaders, kEndHeaders, 1, grpc_block("/echo")) +
                        frame(FrameType::kData, kEndStream, 1, message("abc") + message("abc").substr(0, 4)));
  EXPECT_EQ(f.echo.messages, 1U);
  EXPECT_TRUE(f.echo.cancelled.empty());
}

TEST(Http2, RoutesPlainRequestsAndRefusesOtherMethodsOfGrpc) {
  EchoFixture f;
  RawClient raw = f.raw(greeting());
  raw.take();
  f.say(raw, frame(FrameType::kHeaders, kWhole, 1,
                   block({{":method", "GET"}, {":scheme", "http"}, {":path", "/version?x"}, {":authority", "x"}})));
  auto frames = parse_frames(raw.take());
  ASSERT_NE(find_frame(frames, FrameType::kData), nullptr);
  EXPECT_EQ(find_frame(frames, FrameType::kData)->payload, "GET /version?x ");
  EXPECT_EQ(find_frame(frames, FrameType::kData)->flags, kEndStream);
  f.say(raw, frame(FrameType::kHeaders, kWhole, 3,
                   block({{":method", "GET"},
                          {":scheme", "http"},
                          {":path", "/x"},
                          {":authority", "x"},
                          {"content-type", "application/grpc"}})));
  frames = parse_frames(raw.take());
  EXPECT_EQ(frames.at(0).flags, kWhole);
  EXPECT_TRUE(f.echo.heads.empty());
}

TEST(Http2, ResetsMalformedRequestsAndTellsNobody) {
  EchoFixture f;
  RawClient raw = f.raw(greeting());
  const Headers bare = {{":method", "POST"}, {":scheme", "http"}, {":path", "/x"}};
  const auto reset_by = [&](std::string_view bytes) {
    raw.take();
    f.say(raw, bytes);
    const auto frames = parse_frames(raw.take());
    const ParsedFrame* reset = find_frame(frames, FrameType::kReset);
    return reset != nullptr && error_of(*reset) == static_cast<uint32_t>(H2Error::kProtocol);
  };
  EXPECT_TRUE(reset_by(frame(FrameType::kHeaders, kWhole, 1, block({{":method", "GET"}}))));
  EXPECT_TRUE(reset_by(frame(FrameType::kHeaders, kWhole, 3, block(bare) + block({{"connection", "close"}}))));
  EXPECT_TRUE(reset_by(frame(FrameType::kHeaders, kEndHeaders, 5, block(bare) + block({{"content-length", "3"}})) +
                       frame(FrameType::kData, kEndStream, 5, "four")));
  EXPECT_TRUE(reset_by(frame(FrameType::kHeaders, kEndHeaders, 7, grpc_block("/hang")) +
                       frame(FrameType::kHeaders, kEndHeaders, 7, block({{"x", "y"}}))));  // trailers that end nothing
  EXPECT_EQ(f.echo.last_request, 0U);
  EXPECT_EQ(f.echo.heads.size(), 1U);
  EXPECT_EQ(f.echo.cancelled.size(), 1U);
}

TEST(Http2, IgnoresTrailersOfARequestAlsoWhereItWasRefused) {
  EchoFixture f;
  RawClient raw =
      f.raw(greeting() + frame(FrameType::kHeaders, kEndHeaders, 1, grpc_block("/echo", {{"grpc-timeout", "x"}})) +
            frame(FrameType::kHeaders, kWhole, 1, block({{":method", "GET"}, {":path", "/"}, {":scheme", "http"}})) +
            frame(FrameType::kHeaders, kEndHeaders, 3, grpc_block("/echo")) +
            frame(FrameType::kHeaders, kWhole, 3, block({{"x", "y"}})));
  EXPECT_EQ(f.echo.heads.size(), 1U);
  EXPECT_EQ(f.echo.last_request, 0U);
  EXPECT_TRUE(f.echo.cancelled.empty());
}

TEST(Http2, RefusesAPlainBodyAboveTheLimit) {
  ServerOptions options;
  options.max_body_bytes = 10;
  EchoFixture f(options);
  RawClient raw = f.raw(greeting() +
                        frame(FrameType::kHeaders, kEndHeaders, 1,
                              block({{":method", "POST"}, {":scheme", "http"}, {":path", "/x"}, {":authority", "x"}})) +
                        frame(FrameType::kData, 0, 1, "12345678901"));
  EXPECT_EQ(f.echo.last_request, 0U);
  const auto frames = parse_frames(raw.take());
  ASSERT_NE(find_frame(frames, FrameType::kData), nullptr);
  EXPECT_TRUE(find_frame(frames, FrameType::kData)->payload.starts_with("413"));
}

TEST(Http2, ClosesAfterARapidReset) {
  EchoFixture f;
  std::string bytes = greeting();
  for (uint32_t i = 0; i <= limits::kResetsPerSecondMax; ++i) {
    bytes += frame(FrameType::kHeaders, kWhole, 2 * i + 1, grpc_block("/hang")) + reset_of(2 * i + 1);
  }
  RawClient raw = f.raw(bytes);
  EXPECT_TRUE(said_calm(raw, "too_many_resets"));
  EXPECT_EQ(f.echo.heads.size(), f.echo.cancelled.size());
  f.world.advance(2s);
  EXPECT_EQ(f.server->open_connections(), 0U);
}

TEST(Http2, ForgivesResetsThatAreSpreadOrAreFew) {
  EchoFixture f;
  RawClient raw = f.raw(greeting());
  for (uint32_t second = 0; second < 4; ++second) {
    for (uint32_t i = 0; i < limits::kResetsPerSecondMax; ++i) {
      const uint32_t stream = 2 * (second * static_cast<uint32_t>(limits::kResetsPerSecondMax) + i) + 1;
      raw.out->bytes += frame(FrameType::kHeaders, kWhole, stream, grpc_block("/hang")) + reset_of(stream);
    }
    f.world.settle();
    f.world.advance(1s);
  }
  EXPECT_EQ(f.server->open_connections(), 1U);
  EXPECT_EQ(f.echo.cancelled.size(), 4 * limits::kResetsPerSecondMax);
}

TEST(Http2, CountsTheResetsThatAClientProvokes) {
  EchoFixture f;
  std::string bytes = greeting();
  for (uint32_t i = 0; i <= limits::kResetsPerSecondMax; ++i) {
    bytes += frame(FrameType::kHeaders, kWhole, 2 * i + 1, grpc_block("/hang"));
    bytes += frame(FrameType::kWindowUpdate, 0, 2 * i + 1, big_endian(0x7fffffff, 4));  // overflows
  }
  RawClient raw = f.raw(bytes);
  f.world.advance(2s);
  EXPECT_EQ(f.server->open_connections(), 0U);
}

TEST(Http2, ClosesAfterTooManyContinuations) {
  EchoFixture f;
  std::string bytes = greeting() + frame(FrameType::kHeaders, 0, 1, grpc_block("/echo"));
  for (size_t i = 0; i <= limits::kMaxContinuations; ++i)
    bytes += frame(FrameType::kContinuation, 0, 1, block({{"x", "y"}}));
  RawClient raw = f.raw(bytes);
  EXPECT_TRUE(said_calm(raw, ""));
  EXPECT_TRUE(f.echo.heads.empty());
}

TEST(Http2, ClosesAfterAPingFlood) {
  EchoFixture f;
  std::string bytes = greeting();
  for (int i = 0; i < 10; ++i) bytes += frame(FrameType::kPing, 0, 0, "12345678");
  RawClient raw = f.raw(bytes);
  EXPECT_TRUE(said_calm(raw, "too_many_pings"));
}

TEST(Http2, ForgivesPingsThatAreAboutCalls) {
  EchoFixture f;
  RawClient raw = f.raw(greeting());
  const std::string ping = frame(FrameType::kPing, 0, 0, "12345678");
  for (uint32_t stream = 1; stream < 40; stream += 2) {  // each answer forgives
    f.say(raw, frame(FrameType::kHeaders, kEndHeaders, stream, grpc_block("/echo")) +
                   frame(FrameType::kData, kEndStream, stream, message("x")));
    f.say(raw, ping);
  }
  EXPECT_EQ(f.server->open_connections(), 1U);
  f.say(raw, frame(FrameType::kHeaders, kEndHeaders, 101, grpc_block("/hang")));
  for (int i = 0; i < 10; ++i) {  // as often as is allowed
    f.world.advance(5s);
    f.say(raw, ping);
  }
  EXPECT_EQ(f.server->open_connections(), 1U);
  raw.take();
  for (int i = 0; i < 4; ++i) {
    f.world.advance(4s);
    f.say(raw, ping);
  }
  EXPECT_TRUE(said_calm(raw, "too_many_pings"));
}

TEST(Http2, ClosesAfterAFloodOfEmptyFrames) {
  const std::string headers = frame(FrameType::kHeaders, kEndHeaders, 1, grpc_block("/hang"));
  const std::string floods[] = {frame(FrameType::kData, 0, 1), frame(FrameType::kSettings, 0, 0),
                                frame(FrameType::kPriority, 0, 1, std::string(4, '\0') + '\x10')};
  for (const std::string& empty : floods) {
    EchoFixture f;
    std::string bytes = greeting() + headers;
    for (size_t i = 0; i <= limits::kIdleFramesPerSecondMax; ++i) bytes += empty;
    RawClient raw = f.raw(bytes);
    EXPECT_TRUE(said_calm(raw, "")) << static_cast<int>(empty[3]);
  }
}

TEST(Http2, AnswersHeadersAboveTheLimitWithoutKeepingThem) {
  EchoFixture f;
  std::string fields = grpc_block("/echo");
  std::string bytes = greeting();
  std::vector<std::string> parts;
  for (int i = 0; i < 6; ++i) parts.push_back(block({{"x" + std::to_string(i), std::string(12'000, 'v')}}));
  bytes += frame(FrameType::kHeaders, kEndStream, 1, fields);
  for (int i = 0; i < 6; ++i)
    bytes += frame(FrameType::kContinuation, i == 5 ? kEndHeaders : 0, 1, parts[static_cast<size_t>(i)]);
  RawClient raw = f.raw(bytes);
  EXPECT_TRUE(f.echo.heads.empty());
  const auto frames = parse_frames(raw.take());
  const ParsedFrame* answer = find_frame(frames, FrameType::kHeaders);
  ASSERT_NE(answer, nullptr);
  EXPECT_EQ(answer->flags, kWhole);
  EXPECT_NE(answer->payload.find(block({{":status", "431"}}).substr(10)), std::string::npos);
  EXPECT_EQ(f.server->open_connections(), 1U);
}

TEST(Http2, RefusesAPrefaceThatGoesWrong) {
  EchoFixture f;
  RawClient half = f.raw("PRI * HTTP/2.0\r\n\r\nXX");
  EXPECT_TRUE(half.take().starts_with("HTTP/1.1 505 "));
  RawClient no_settings = f.raw(std::string(kClientPreface) + frame(FrameType::kPing, 0, 0, "12345678"));
  EXPECT_NE(find_frame(parse_frames(no_settings.take()), FrameType::kGoaway), nullptr);
  f.world.advance(2s);
  EXPECT_EQ(f.server->open_connections(), 0U);
}

TEST(Http2, OpensAWindowOnlyAsMessagesAreTaken) {
  EchoFixture f;
  RawClient raw = f.raw(greeting() + frame(FrameType::kHeaders, kEndHeaders, 1, grpc_block("/quiet")), 4'000'000);
  raw.take();
  const std::string part(10'000, 'x');
  std::string bytes = frame(FrameType::kData, 0, 1, '\0' + big_endian(2'000'000, 4));
  for (int i = 0; i < 50; ++i) bytes += frame(FrameType::kData, 0, 1, part);
  f.say(raw, bytes);
  EXPECT_EQ(find_frame(parse_frames(raw.take()), FrameType::kWindowUpdate), nullptr);
  bytes.clear();
  for (int i = 0; i < 50; ++i) bytes += frame(FrameType::kData, 0, 1, part);
  f.say(raw, bytes);
  const auto frames = parse_frames(raw.take());
  const ParsedFrame* window = find_frame(frames, FrameType::kWindowUpdate);
  ASSERT_NE(window, nullptr);  // else a message above the window would never end
  EXPECT_EQ(window->stream, 1U);
}

TEST(Http2, AnswersAClientThatCompressesByGzipInKind) {
  EchoFixture f;
  RawClient raw = f.raw(greeting());
  raw.take();
  const std::string text(1000, 'x'), packed = gzip(text);
  const std::string framed = "\1" + big_endian(packed.size(), 4) + packed;
  f.say(raw, frame(FrameType::kHeaders, kEndHeaders, 1, grpc_block("/echo", {{"grpc-encoding", "gzip"}})) +
                 frame(FrameType::kData, kEndStream, 1, framed + message("")));
  const auto frames = parse_frames(raw.take());
  std::string data;
  for (const ParsedFrame& each : frames) {
    if (each.type == FrameType::kData) data += each.payload;
  }
  ASSERT_GT(data.size(), 10U);
  EXPECT_EQ(data[0], 1);
  EXPECT_TRUE(data.ends_with(message("")));  // what is empty is not compressed
  EXPECT_EQ(*gunzip(data.substr(5, data.size() - 10), 1000), text);
  EXPECT_EQ(f.echo.received_bytes, 1000U);
}

TEST(Http2, SendsAMessageInPartsAsOne) {
  EchoFixture f;
  auto client = f.client();
  Seen seen;
  client->half_close(client->open("/hang", {}, seen));
  f.world.settle();
  ASSERT_EQ(f.echo.paths.size(), 1U);
  const CallId call = f.echo.paths.begin()->first;
  f.server->begin_message(call, 10);
  f.world.settle();
  for (const char* part : {"01234", "", "56789"}) {
    f.server->send_part(call, Bytes::copy(part));
    f.world.settle();
  }
  f.server->finish(call, Status());
  f.world.settle();
  EXPECT_EQ(seen.messages, std::vector<std::string>{"0123456789"});
  EXPECT_EQ(seen.ends, 1);
  EXPECT_TRUE(seen.status.ok());
}

TEST(Http2, ResetsACallThatEndsWithinAMessage) {
  for (const bool by_deadline : {false, true}) {
    EchoFixture f;
    auto client = f.client();
    Seen seen;
    client->half_close(client->open("/hang", {.timeout = 100s, .metadata = {}}, seen));
    f.world.settle();
    const CallId call = f.echo.paths.begin()->first;
    f.server->begin_message(call, 10);
    f.server->send_part(call, Bytes::copy("01234"));
    f.world.settle();
    if (by_deadline) {
      f.world.advance(101s);
    } else {
      f.server->finish(call, errors::Stopped());
    }
    f.world.settle();
    EXPECT_TRUE(seen.messages.empty());
    EXPECT_EQ(seen.ends, 1);
    EXPECT_FALSE(seen.status.ok());
    EXPECT_EQ(f.echo.cancelled.size(), by_deadline ? 1U : 0U);
    f.server->send_part(call, Bytes::copy("56789"));  // nobody's
    f.world.settle();
  }
}

TEST(Http2, ReadsNoMoreFromAClientThatDoesNotRead) {
  EchoFixture f;
  RawClient raw = f.raw(greeting() + frame(FrameType::kSettings, 0, 0, big_endian(4, 2) + big_endian(0x7fffffff, 4)) +
                            frame(FrameType::kWindowUpdate, 0, 0, big_endian(0x7fff0000, 4)),
                        32 * 1024);
  const std::string text(16'000, 'x');
  uint32_t stream = 1;
  for (int i = 0; i < 2000; ++i, stream += 2) {
    raw.out->bytes += frame(FrameType::kHeaders, kEndHeaders, stream, grpc_block("/echo")) +
                      frame(FrameType::kData, kEndStream, stream, message(text));
  }
  f.world.settle();
  EXPECT_LT(f.echo.received_bytes, 2 * limits::kConnectionQueuedBytesHigh);
  EXPECT_FALSE(raw.out->bytes.empty());
  while (!raw.take().empty()) f.world.settle();
  EXPECT_EQ(f.echo.messages, 2000U);
}

}  // namespace
}  // namespace quorate::http
