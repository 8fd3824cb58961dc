#include "client/net_channel.h"

#include <gtest/gtest.h>

#include <deque>

#include "client/calls.h"
#include "http/testing/echo.h"

namespace quorate::client {
namespace {

using http::testing::EchoFixture;
using http::testing::Seen;

env::Address address(uint16_t port) {
  env::Address address;
  address.host = "127.0.0.1";
  address.port = port;
  return address;
}

// A net whose connects are answered by hand.
class HandNet final : public env::Net {
 public:
  using Done = std::move_only_function<void(Result<std::unique_ptr<env::Socket>>)>;

  Result<std::unique_ptr<env::Listener>> listen(const env::Address&, const env::ListenOptions&,
                                                env::Acceptor) override {
    return fail(Code::kUnimplemented, "not here");
  }
  Result<std::unique_ptr<env::Listener>> share(const env::Listener&, env::Acceptor) override {
    return fail(Code::kUnimplemented, "not here");
  }
  void connect(const env::Address& to, Done done) override {
    ports.push_back(to.port);
    waiting.push_back(std::move(done));
  }
  void resolve(const std::string&, std::move_only_function<void(Result<std::vector<std::string>>)>) override {}

  Done take() {
    Done done = std::move(waiting.front());
    waiting.pop_front();
    return done;
  }

  std::vector<uint16_t> ports;  // that were asked for, in order
  std::deque<Done> waiting;
};

class NetChannelTest : public testing::Test {
 protected:
  NetChannelOptions options(size_t endpoints) {
    NetChannelOptions options;
    for (size_t i = 0; i < endpoints; ++i) options.endpoints.push_back(address(static_cast<uint16_t>(1 + i)));
    return options;
  }
  void make(const NetChannelOptions& with) {
    const env::LoopEnv fake = server_.world.env();
    channel_ = std::make_unique<NetChannel>(env::LoopEnv{fake.clock, fake.loop, net_, fake.log, fake.trace}, with);
  }
  void accept() {
    auto pair = server_.world.connect();
    server_.server->adopt(std::move(pair.far));
    to_client_ = pair.to_near;
    net_.take()(std::move(pair.near));
    server_.world.settle();
  }
  void refuse() {
    net_.take()(fail(Code::kUnavailable, "connect: connection refused"));
    server_.world.settle();
  }
  // The server's end goes.
  void cut() {
    to_client_->ended = to_client_->broken = true;
    server_.world.settle();
  }

  EchoFixture server_;
  HandNet net_;
  std::shared_ptr<http::testing::Pipe> to_client_;
  std::unique_ptr<NetChannel> channel_;
};

TEST_F(NetChannelTest, ACallOpenedBeforeTheConnectionStandsIsMadeWholeOnceItDoes) {
  make(options(1));
  Seen seen;
  const CallId call = channel_->open("/echo", {}, seen);
  channel_->send(call, Bytes::copy("one"));
  channel_->send(call, Bytes::copy("two"));
  channel_->half_close(call);
  server_.world.settle();
  EXPECT_EQ(seen.ends, 0);
  accept();
  EXPECT_EQ(seen.messages, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(seen.ends, 1);
  EXPECT_TRUE(seen.status.ok());
}

TEST_F(NetChannelTest, EndpointsAreTriedInTurnUntilOneTakesTheCall) {
  make(options(3));
  Seen seen;
  channel_->half_close(channel_->open("/echo", {}, seen));
  refuse();
  refuse();
  accept();
  EXPECT_EQ(net_.ports, (std::vector<uint16_t>{1, 2, 3}));
  EXPECT_EQ(seen.ends, 1);
  // The next call uses the connection that stands.
  Seen second;
  channel_->half_close(channel_->open("/echo", {}, second));
  server_.world.settle();
  EXPECT_EQ(second.ends, 1);
  EXPECT_EQ(net_.ports.size(), 3u);
}

TEST_F(NetChannelTest, AfterARoundOfRefusalsTheNextRoundBeginsAfterAPause) {
  make(options(1));
  Seen seen;
  channel_->half_close(channel_->open("/echo", {}, seen));
  refuse();
  EXPECT_TRUE(net_.waiting.empty());
  server_.world.advance(1s);
  ASSERT_EQ(net_.waiting.size(), 1u);
  accept();
  EXPECT_EQ(seen.ends, 1);
}

TEST_F(NetChannelTest, AnEndpointThatDoesNotAnswerIsLeftAfterTheDialTimeoutAndItsLateAnswerIsDropped) {
  make(options(2));
  Seen seen;
  channel_->half_close(channel_->open("/echo", {}, seen));
  HandNet::Done late = net_.take();
  server_.world.advance(3s);
  EXPECT_EQ(net_.ports, (std::vector<uint16_t>{1, 2}));
  auto pair = server_.world.connect();
  late(std::move(pair.near));
  server_.world.settle();
  EXPECT_EQ(seen.ends, 0);
  EXPECT_TRUE(pair.to_far->broken || pair.to_far->ended);
  accept();
  EXPECT_EQ(seen.ends, 1);
}

TEST_F(NetChannelTest, ATimeoutCountsFromTheOpenWhetherOrNotTheCallReachedTheWire) {
  make(options(1));
  Seen waiting;
  channel_->open("/hang", {.timeout = 5s, .metadata = {}}, waiting);
  server_.world.advance(4900ms);
  EXPECT_EQ(waiting.ends, 0);
  server_.world.advance(200ms);
  EXPECT_EQ(waiting.ends, 1);
  EXPECT_EQ(waiting.status, errors::ContextDeadlineExceeded());

  net_.waiting.clear();
  Seen late;
  const CallId call = channel_->open("/hang", {.timeout = 5s, .metadata = {}}, late);
  channel_->half_close(call);
  server_.world.advance(3s);
  server_.world.advance(60ms);  // the dial timed out, and the next round has begun
  ASSERT_FALSE(net_.waiting.empty());
  while (net_.waiting.size() > 1) net_.take();
  accept();
  ASSERT_EQ(server_.echo.heads.size(), 1u);
  EXPECT_LT(*server_.echo.heads[0].timeout, 2s);
  server_.world.advance(1900ms);
  EXPECT_EQ(late.ends, 0);
  server_.world.advance(100ms);
  EXPECT_EQ(late.ends, 1);
  EXPECT_EQ(late.status, errors::ContextDeadlineExceeded());
}

TEST_F(NetChannelTest, WhenPatienceEndsTheWaitingCallsAreToldWhyNoEndpointTookThem) {
  NetChannelOptions with = options(1);
  with.patience = 1s;
  make(with);
  Seen seen;
  channel_->open("/echo", {}, seen);
  refuse();
  server_.world.advance(2s);
  EXPECT_EQ(seen.ends, 1);
  EXPECT_EQ(seen.status, Status(Code::kUnavailable, "connect: connection refused"));
}

TEST_F(NetChannelTest, ALostConnectionEndsItsCallsAndTheNextCallConnectsToTheNextEndpoint) {
  make(options(2));
  Seen seen;
  const CallId call = channel_->open("/hang", {}, seen);
  accept();
  EXPECT_EQ(seen.ends, 0);
  cut();
  EXPECT_EQ(seen.ends, 1);
  EXPECT_EQ(seen.status.code(), Code::kUnavailable);
  // Nothing happens to a call that has ended.
  channel_->send(call, Bytes::copy("late"));
  channel_->half_close(call);
  channel_->cancel(call);

  Seen next;
  channel_->half_close(channel_->open("/echo", {}, next));
  accept();
  EXPECT_EQ(net_.ports, (std::vector<uint16_t>{1, 2}));
  EXPECT_EQ(next.ends, 1);
  EXPECT_TRUE(next.status.ok());
}

TEST_F(NetChannelTest, ACancelledCallHearsNothingMoreWaitingOrOpen) {
  make(options(1));
  Seen waiting, open;
  channel_->cancel(channel_->open("/echo", {.timeout = 1s, .metadata = {}}, waiting));
  const CallId call = channel_->open("/hang", {.timeout = 1s, .metadata = {}}, open);
  accept();
  channel_->cancel(call);
  server_.world.advance(2s);
  EXPECT_EQ(waiting.ends, 0);
  EXPECT_EQ(open.ends, 0);
  EXPECT_EQ(server_.echo.cancelled.size(), 1u);
}

TEST_F(NetChannelTest, NothingConnectsAnyMoreOnceNoCallWaits) {
  make(options(1));
  Seen seen;
  channel_->open("/echo", {.timeout = 1s, .metadata = {}}, seen);
  refuse();
  server_.world.advance(2s);
  EXPECT_EQ(seen.ends, 1);
  while (!net_.waiting.empty()) refuse();
  const size_t tries = net_.ports.size();
  server_.world.advance(10s);
  EXPECT_EQ(net_.ports.size(), tries);
}

TEST_F(NetChannelTest, OpenCallsAreToldWhenTheChannelEnds) {
  make(options(1));
  Seen seen;
  channel_->open("/hang", {}, seen);
  Status unary_status;
  unary(*channel_, "/hang", Bytes::copy("x"), {}, [&](Result<Bytes> answer) {
    if (!answer) unary_status = answer.error();
  });
  accept();
  channel_.reset();
  EXPECT_EQ(seen.ends, 1);
  EXPECT_EQ(seen.status.code(), Code::kCanceled);
  EXPECT_EQ(unary_status.code(), Code::kCanceled);
  server_.world.settle();
}

TEST_F(NetChannelTest, AUnaryCallGivesTheAnswerOrTheServersStatusOrSaysThatNoneCame) {
  make(options(1));
  std::vector<Result<Bytes>> answers;
  const auto keep = [&](Result<Bytes> answer) { answers.push_back(std::move(answer)); };
  unary(*channel_, "/echo", Bytes::copy("hello"), {}, keep);
  accept();
  unary(*channel_, "/fail", Bytes::copy("x"), {}, keep);
  server_.world.settle();
  unary(*channel_, "/quiet", Bytes::copy("x"), {}, keep);
  server_.world.settle();
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_EQ(answers[0]->view(), "hello");
  EXPECT_EQ(answers[1].error().code(), Code::kNotFound);
  EXPECT_EQ(answers[2].error().code(), Code::kInternal);
}

TEST_F(NetChannelTest, ATypedCallRefusesAnAnswerThatIsNoMessage) {
  make(options(1));
  std::optional<Code> code;
  // The echo of a put whose value is all continuation bytes is no PutResponse.
  pb::PutRequest request;
  request.key = "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF";
  put(*channel_, request, {},
      [&](Result<Reply<pb::PutResponse>> reply) { code = reply ? Code::kOk : reply.error().code(); });
  accept();
  EXPECT_EQ(code, Code::kInternal);
}

}  // namespace
}  // namespace quorate::client
