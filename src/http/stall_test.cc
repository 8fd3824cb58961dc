// Who does not read, and who does not finish what they began.
#include "http/stall.h"

#include <gtest/gtest.h>

#include "http/testing/echo.h"
#include "http/testing/frames.h"

namespace quorate::http {
namespace {

using testing::EchoFixture;
using testing::frame;
using testing::FrameType;
using testing::greeting;
using testing::grpc_block;
using testing::RawClient;

TEST(Stall, CountsFromTheLastProgress) {
  Stall stall;
  EXPECT_EQ(stall.look(5), 0s);
  EXPECT_EQ(stall.look(5), limits::kStallsLookedFor);
  EXPECT_EQ(stall.look(5), 2 * limits::kStallsLookedFor);
  EXPECT_EQ(stall.look(6), 0s);
  EXPECT_EQ(stall.look(6), limits::kStallsLookedFor);
  stall.reset();
  EXPECT_EQ(stall.look(6), 0s);
}

// A client whose streams have shut windows: SETTINGS_INITIAL_WINDOW_SIZE is 0.
RawClient deaf(EchoFixture& f) {
  const std::string shut = testing::big_endian(4, 2) + testing::big_endian(0, 4);
  return f.raw(greeting() + frame(FrameType::kSettings, 0, 0, shut));
}

CallId hang(EchoFixture& f, RawClient& client, uint32_t stream) {
  f.say(client, frame(FrameType::kHeaders, testing::kEndHeaders | testing::kEndStream, stream, grpc_block("/hang")));
  return f.echo.paths.rbegin()->first;
}

void wait(EchoFixture& f, Duration time) {
  for (Duration waited{}; waited < time; waited += 500ms) f.world.advance(500ms);
}

TEST(Stall, UnderTheBudgetAStreamThatIsNotReadIsLeftAlone) {
  EchoFixture f;
  RawClient client = deaf(f);
  f.server->send(hang(f, client, 1), Bytes::copy(std::string(limits::kOutputBytesHigh, 'x')));
  wait(f, 10 * limits::kStalledMax);
  EXPECT_TRUE(f.echo.cancelled.empty());
  EXPECT_GE(f.server->unsent_bytes(), limits::kOutputBytesHigh);
}

TEST(Stall, OverTheBudgetAStreamThatIsNotReadIsCutAndItsBytesAreGivenBack) {
  EchoFixture f;
  RawClient client = deaf(f);
  const CallId call = hang(f, client, 1);
  f.server->send(call, Bytes::adopt(std::string(limits::kUnsentBytesHigh + 1, 'x')));
  wait(f, limits::kStalledMax - 1s);
  EXPECT_TRUE(f.echo.cancelled.empty());
  wait(f, 4s);
  EXPECT_EQ(f.echo.cancelled, std::vector<CallId>{call});
  EXPECT_EQ(f.server->unsent_bytes(), 0U);
  EXPECT_FALSE(client.closed());
}

TEST(Stall, FarOverTheBudgetLessTimeIsGiven) {
  EchoFixture f;
  RawClient client = deaf(f);
  f.server->send(hang(f, client, 1), Bytes::adopt(std::string(limits::kUnsentBytesMax + 1, 'x')));
  wait(f, limits::kStalledPressedMax + 2s);
  EXPECT_EQ(f.server->unsent_bytes(), 0U);
}

TEST(Stall, OverTheBudgetWhoReadsALittleIsNotCut) {
  EchoFixture f;
  RawClient slow = deaf(f);
  f.server->send(hang(f, slow, 1), Bytes::adopt(std::string(limits::kUnsentBytesHigh + 100'000, 'x')));
  for (int i = 0; i < 20; ++i) {
    f.say(slow, frame(FrameType::kWindowUpdate, 0, 1, testing::big_endian(10, 4)));
    wait(f, 1s);
  }
  EXPECT_TRUE(f.echo.cancelled.empty());
}

TEST(Stall, AHeaderBlockThatDoesNotEndIsNotWaitedFor) {
  EchoFixture f;
  RawClient client = f.raw(greeting());
  wait(f, 2 * limits::kHeadTimeout);
  EXPECT_FALSE(client.closed());
  f.say(client, frame(FrameType::kHeaders, 0, 1, grpc_block("/hang")));
  wait(f, limits::kHeadTimeout - 1s);
  EXPECT_FALSE(client.closed());
  wait(f, 2s);
  EXPECT_TRUE(client.closed());
}

TEST(Stall, AHeaderBlockThatEndsInTimeLeavesNoTimer) {
  EchoFixture f;
  RawClient client = f.raw(greeting());
  f.say(client, frame(FrameType::kHeaders, 0, 1, grpc_block("/hang")));
  f.say(client, frame(FrameType::kContinuation, testing::kEndHeaders, 1, ""));
  wait(f, 2 * limits::kHeadTimeout);
  EXPECT_FALSE(client.closed());
}

TEST(Stall, AStreamWhoseAnswersAreNotReadIsNotAskedForMore) {
  EchoFixture f;
  RawClient client = deaf(f);
  f.say(client, frame(FrameType::kHeaders, testing::kEndHeaders, 1, grpc_block("/echo")));
  const std::string large = testing::message(std::string(16'000, 'x'));
  for (int i = 0; i < 60; ++i) f.say(client, frame(FrameType::kData, 0, 1, large.substr(0, 16'005)));
  client.take();
  f.say(client, frame(FrameType::kData, 0, 1, testing::message("more")));
  for (const testing::ParsedFrame& each : testing::parse_frames(client.take())) {
    EXPECT_FALSE(each.type == FrameType::kWindowUpdate && each.stream == 1);
  }
}

}  // namespace
}  // namespace quorate::http
