// The core loop's half, item by item, over a disk and a clock in memory.
#include "api/back.h"

#include <gtest/gtest.h>

#include <optional>
#include <set>

#include "api/proto.h"
#include "base/limits.h"
#include "pb/codec.h"
#include "server/testing/bench.h"

namespace quorate::api {
namespace {

class BackTest : public ::testing::Test {
 protected:
  // A member that has not published itself yet.
  void open() {
    bench_.open();
    stamps_.emplace(bench_.env().clock, trace_);
    back_ = std::make_unique<Back>(bench_.env(), bench_.replica(), *stamps_, BackOptions{});
    io_ = std::make_unique<IoMailbox>(bench_.loop(), env::Priority::kCompletion, 0,
                                      [this](ToIo&& item) { answers_.push_back(std::move(item)); });
    back_->attach(0, *io_);
  }
  void serve() {
    open();
    bench_.settle();
    back_->serve();
  }
  void TearDown() override {
    back_.reset();
    io_.reset();
  }

  ToCore item(ToCore::Kind kind, http::CallId call) {
    ToCore out;
    out.kind = kind;
    out.call = call;
    return out;
  }
  void push(ToCore&& out) { back_->inbox().push(std::move(out)); }
  void unary(http::CallId call, Method method, std::string message, bool require_leader = false) {
    ToCore out = item(ToCore::Kind::kUnary, call);
    out.method = method;
    out.message = Bytes::adopt(std::move(message));
    out.require_leader = require_leader;
    push(std::move(out));
  }
  void open_stream(http::CallId call, Method method, bool require_leader = false) {
    ToCore out = item(ToCore::Kind::kOpen, call);
    out.method = method;
    out.require_leader = require_leader;
    push(std::move(out));
  }
  void message(http::CallId call, std::string text) {
    ToCore out = item(ToCore::Kind::kMessage, call);
    out.message = Bytes::adopt(std::move(text));
    push(std::move(out));
  }
  void credit(http::CallId call, size_t bytes) {
    ToCore out = item(ToCore::Kind::kCredit, call);
    out.credit_bytes = bytes;
    push(std::move(out));
  }
  void keep_alive(http::CallId call, LeaseId lease) {
    message(call, "\x08" + std::string(1, static_cast<char>(lease)));
  }
  std::vector<ToIo> take() {
    bench_.turn();
    return std::exchange(answers_, {});
  }
  static std::string put(std::string_view key) { return pb::encode(pb::PutRequest{.key = key, .value = "v"}); }
  static std::string watch_all() {
    pb::WatchCreateRequest create;
    create.key = create.range_end = std::string_view("\0", 1);
    return pb::encode(pb::WatchRequest{create});
  }

  server::testing::Bench bench_;
  std::vector<ToIo> answers_;
  env::Trace trace_;
  std::optional<StageStamps> stamps_;
  std::unique_ptr<Back> back_;
  std::unique_ptr<IoMailbox> io_;
};

TEST_F(BackTest, WhatComesBeforeTheMemberServesWaits) {
  open();
  unary(1, Method::kPut, put("k"));
  unary(2, Method::kHealthCheck, "");
  EXPECT_TRUE(take().empty());
  bench_.settle();
  back_->serve();
  bench_.settle();
  const auto answers = take();
  ASSERT_EQ(answers.size(), 2u);
  for (const ToIo& answer : answers) EXPECT_EQ(answer.kind, ToIo::Kind::kReply);
  EXPECT_EQ(bench_.get("k"), "v");
}

TEST_F(BackTest, HoldsSoManyBytesAndRefusesTheRest) {
  open();
  for (http::CallId call = 1; call <= 100; ++call) unary(call, Method::kPut, std::string(1024 * 1024, 'x'));
  const auto answers = take();
  ASSERT_EQ(answers.size(), 100u - 64u);
  EXPECT_EQ(answers[0].call, 65u);
  EXPECT_EQ(answers[0].status, errors::RequestTooManyRequests());
}

TEST_F(BackTest, AStreamWhoseMessageWasRefusedIsNotOpenedForEver) {
  open();
  open_stream(1, Method::kWatch);
  for (int i = 0; i < 70; ++i) message(1, std::string(1024 * 1024, 'x'));
  EXPECT_FALSE(take().empty());
  bench_.settle();
  back_->serve();
  bench_.settle();
  EXPECT_EQ(bench_.replica().hub().counters().streams, 0u);
}

TEST_F(BackTest, ACancelIsHeldHoweverMuchIs) {
  open();
  open_stream(1, Method::kWatch);
  for (http::CallId call = 2; call < 5000; ++call) unary(call, Method::kRange, "\x0a\x01k");
  push(item(ToCore::Kind::kCancel, 1));
  bench_.settle();
  back_->serve();
  bench_.settle();
  EXPECT_EQ(bench_.replica().hub().counters().streams, 0u);
}

TEST_F(BackTest, RequiresALeaderWhenAsked) {
  open();
  back_->serve();
  ASSERT_EQ(bench_.replica().leader(), 0u);
  unary(1, Method::kRange, pb::encode(pb::CompactionRequest{.revision = 1}), true);
  unary(2, Method::kHealthCheck, "", true);
  open_stream(3, Method::kWatch, true);
  const auto answers = take();
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_EQ(answers[0].status, errors::NoLeader());
  EXPECT_EQ(answers[1].kind, ToIo::Kind::kReply);
  EXPECT_EQ(answers[2].status, errors::NoLeader());
}

TEST_F(BackTest, EndsStreamsThatRequireALeaderAfterThreeTimeoutsWithoutOne) {
  open();  // its disk never answers, so it never leads
  back_->serve();
  open_stream(1, Method::kWatch);
  bench_.turn();
  open_stream(2, Method::kHealthWatch, true);  // health asks for no leader on open
  bench_.turn();
  bench_.advance(2900ms, false);
  EXPECT_TRUE(take().empty());
  bench_.advance(200ms, false);
  const auto answers = take();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].call, 2u);
  EXPECT_EQ(answers[0].status, errors::NoLeader());
}

TEST_F(BackTest, RenewalsOfOneStreamAreAnsweredInOrder) {
  serve();
  bench_.grant(1, 100);
  bench_.grant(2, 1000);
  bench_.advance(15s);  // the first one's remaining time was lowered: its renewal needs the log
  ASSERT_LT(bench_.lease(1)->replicated_ttl_s, 100);
  open_stream(7, Method::kLeaseKeepAlive);
  keep_alive(7, 1);
  keep_alive(7, 2);
  keep_alive(7, 3);
  push(item(ToCore::Kind::kHalfClose, 7));
  EXPECT_TRUE(take().empty());
  bench_.settle();
  const auto answers = take();
  ASSERT_EQ(answers.size(), 4u);
  const std::pair<LeaseId, int64_t> expected[] = {{1, 100}, {2, 1000}, {3, 0}};
  for (size_t i = 0; i < 3; ++i) {
    pb::LeaseKeepAliveResponse response;
    ASSERT_TRUE(pb::decode(answers[i].message.view(), response));
    EXPECT_EQ(response.id, expected[i].first);
    EXPECT_EQ(response.ttl_s, expected[i].second);
  }
  EXPECT_EQ(answers[3].kind, ToIo::Kind::kFinish);
  EXPECT_TRUE(answers[3].status.ok());
}

TEST_F(BackTest, AClientThatDoesNotReadIsNotRenewedFurther) {
  serve();
  bench_.grant(1, 100);
  bench_.settle();
  open_stream(7, Method::kLeaseKeepAlive);
  size_t unsent = 0;
  bool refused = false;
  for (int i = 0; i < 40'000 && !refused; ++i) {
    keep_alive(7, 1);
    for (const ToIo& answer : take()) {
      refused = answer.kind == ToIo::Kind::kFinish;
      EXPECT_EQ(answer.status, refused ? errors::RequestTooManyRequests() : Status());
      unsent += answer.message.size();
    }
  }
  EXPECT_TRUE(refused);
  EXPECT_LT(unsent, limits::kOutputBytesHigh + 1000);
}

TEST_F(BackTest, CreditLetsAStreamGoOn) {
  serve();
  bench_.grant(1, 100);
  bench_.settle();
  open_stream(7, Method::kLeaseKeepAlive);
  size_t unsent = 0;
  while (unsent < limits::kOutputBytesHigh) {
    keep_alive(7, 1);
    for (const ToIo& answer : take()) unsent += answer.message.size();
  }
  keep_alive(7, 1);
  EXPECT_TRUE(take().empty());
  credit(7, unsent);
  EXPECT_EQ(take().size(), 1u);
}

TEST_F(BackTest, AStreamEndsWhereItsClientCancels) {
  serve();
  open_stream(1, Method::kWatch);
  message(1, watch_all());
  EXPECT_EQ(take().size(), 1u);
  EXPECT_EQ(bench_.replica().hub().counters().watchers, 1u);
  push(item(ToCore::Kind::kCancel, 1));
  bench_.turn();
  EXPECT_EQ(bench_.replica().hub().counters().streams, 0u);
  unary(2, Method::kPut, put("k"));
  bench_.settle();
  ASSERT_EQ(take().size(), 1u);
}

TEST_F(BackTest, ABrokenMessageEndsItsStreamAndNothingFollows) {
  serve();
  open_stream(1, Method::kWatch);
  message(1, watch_all());
  ASSERT_EQ(take().size(), 1u);
  unary(2, Method::kPut, put("k"));
  message(1, "\x0a\xff");
  bench_.settle();
  const auto answers = take();
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0].call, 1u);
  EXPECT_EQ(answers[0].status, malformed_message());
  EXPECT_EQ(answers[1].call, 2u);
  EXPECT_EQ(bench_.replica().hub().counters().streams, 0u);
}

TEST_F(BackTest, AnEndedStreamIsGoneBeforeTheHubEvenIfNoTurnFollows) {
  serve();
  open_stream(1, Method::kWatch);
  message(1, "\x0a\xff");
  bench_.loop().turn();
  // TearDown destroys the back, then the bench its replica, its hub and what was posted.
}

// What the alarm calls answer is told by Status and felt by puts.
TEST_F(BackTest, AnAlarmIsRaisedToldAndLowered) {
  serve();
  const auto alarm = [&](http::CallId call, etcdserverpb::AlarmRequest::AlarmAction action) {
    etcdserverpb::AlarmRequest request;
    request.set_action(action);
    request.set_memberid(7);
    request.set_alarm(etcdserverpb::NOSPACE);
    unary(call, Method::kAlarm, request.SerializeAsString());
    bench_.settle();
    etcdserverpb::AlarmResponse response;
    const auto answers = take();
    EXPECT_TRUE(answers.size() == 1 && answers[0].kind == ToIo::Kind::kReply);
    EXPECT_TRUE(response.ParseFromString(std::string(answers.at(0).message.view())));
    EXPECT_EQ(response.header().revision(), 1);
    return response.alarms_size();
  };
  EXPECT_EQ(alarm(1, etcdserverpb::AlarmRequest::ACTIVATE), 1);
  unary(2, Method::kPut, put("k"));
  bench_.settle();
  EXPECT_EQ(take().at(0).status, errors::NoSpace());
  unary(3, Method::kStatus, "");
  etcdserverpb::StatusResponse status;
  ASSERT_TRUE(status.ParseFromString(std::string(take().at(0).message.view())));
  ASSERT_EQ(status.errors_size(), 1);
  EXPECT_EQ(status.errors(0), "memberID:7 alarm:NOSPACE");
  EXPECT_EQ(alarm(4, etcdserverpb::AlarmRequest::DEACTIVATE), 1);
  EXPECT_EQ(alarm(5, etcdserverpb::AlarmRequest::GET), 0);
}

TEST_F(BackTest, AnAlarmActionThatThereIsNoneOfIsRefused) {
  serve();
  unary(1, Method::kAlarm, "\x08\x03");
  EXPECT_EQ(take().at(0).status.code(), Code::kInvalidArgument);
}

TEST_F(BackTest, DefragmentIsDoneAtOnceWithoutAHeader) {
  serve();
  unary(1, Method::kDefragment, "");
  const auto answers = take();
  EXPECT_EQ(answers.at(0).kind, ToIo::Kind::kReply);
  EXPECT_TRUE(answers.at(0).message.view().empty());
}

TEST_F(BackTest, HashChangesWithTheStore) {
  serve();
  const auto hash = [&](http::CallId call) {
    unary(call, Method::kHash, "");
    etcdserverpb::HashResponse response;
    EXPECT_TRUE(response.ParseFromString(std::string(take().at(0).message.view())));
    return response.hash();
  };
  const uint32_t before = hash(1);
  EXPECT_EQ(hash(2), before);
  unary(3, Method::kPut, put("k"));
  bench_.settle();
  take();
  EXPECT_NE(hash(4), before);
}

TEST_F(BackTest, ARangeStreamTakesAnyTargetWithoutAnOrder) {
  serve();
  for (http::CallId call = 1; call <= 30; ++call) unary(call, Method::kPut, put("k" + std::to_string(100 - call)));
  bench_.settle();
  take();
  const auto stream = [&](http::CallId call, int64_t limit) {
    open_stream(call, Method::kRangeStream);
    pb::RangeRequest request{.key = "k", .range_end = "l", .limit = limit};
    request.sort_target = pb::SortTarget::kMod;
    message(call, pb::encode(request));
    bench_.settle();
    std::vector<std::string> keys;
    for (const ToIo& answer : take()) {
      etcdserverpb::RangeStreamResponse part;
      EXPECT_TRUE(part.ParseFromString(std::string(answer.message.view())));
      for (const auto& kv : part.range_response().kvs()) keys.push_back(kv.key());
    }
    return keys;
  };
  // Whole in one part it is sorted, before the one beyond the limit is cut: the later a key was put, the smaller it is.
  EXPECT_EQ(stream(100, 3), (std::vector<std::string>{"k73", "k72", "k71"}));
  // In several parts each key comes once.
  const auto all = stream(101, 0);
  EXPECT_EQ(all.size(), 30u);
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 30u);
}

class LargeRangeTest : public BackTest {
 protected:
  static constexpr size_t kValueBytes = 64 * 1024;

  void fill(int keys) {
    serve();
    const std::string value(kValueBytes, 'v');
    for (int i = 0; i < keys; ++i) {
      bench_.put("k" + std::to_string(10'000 + i), value);
      bench_.settle();
    }
  }
  static std::string all() { return pb::encode(pb::RangeRequest{.key = "k", .range_end = "l"}); }
  // What comes until nothing does, without credit.
  std::vector<ToIo> until_quiet() {
    std::vector<ToIo> out;
    for (;;) {
      std::vector<ToIo> some = take();
      if (some.empty()) return out;
      for (ToIo& each : some) out.push_back(std::move(each));
    }
  }
  std::string whole(pb::RangeRequest request) {
    auto response = bench_.replica().machine().store().range(request);
    response->header = bench_.replica().header(response->header);
    return pb::encode(*response);
  }
};

TEST_F(LargeRangeTest, ARangeOf64MiBIsSentInPartsAndAtMostAQuarterOfAMiBOfItIsHeldForAClient) {
  fill(1024);
  const std::string expected = whole({.key = "k", .range_end = "l"});
  ASSERT_GT(expected.size(), 64u << 20);
  unary(1, Method::kRange, all());
  std::string received;
  size_t announced = 0, peak = 0;
  bool ended = false;
  for (bool first = true; !ended; first = false) {
    const std::vector<ToIo> items = until_quiet();
    ASSERT_FALSE(items.empty());
    if (first) {
      EXPECT_EQ(items[0].kind, ToIo::Kind::kExpect);
    }
    size_t held = 0;
    for (const ToIo& each : items) {
      EXPECT_EQ(each.call, 1u);
      announced += each.message_bytes;
      if (each.kind == ToIo::Kind::kFinish) {
        EXPECT_TRUE(each.status.ok());
        ended = true;
      }
      if (each.kind != ToIo::Kind::kPart) continue;
      held += each.message.size();
      received += each.message.view();
    }
    peak = std::max(peak, held);
    // What was put meanwhile is not in it.
    if (first) bench_.put("k10500", "other"), bench_.settle();
    credit(1, held);
  }
  EXPECT_EQ(announced, expected.size());
  EXPECT_TRUE(received == expected);
  EXPECT_LE(peak, limits::kOutputBytesHigh + limits::kRangePartBytes + kValueBytes + 1024);
}

TEST_F(LargeRangeTest, AClientThatGoesAwayReleasesWhatWasPinned) {
  fill(16);
  unary(1, Method::kRange, all());
  EXPECT_FALSE(until_quiet().empty());
  bench_.put("k10000", "new");
  bench_.settle();
  const auto compacted = bench_.propose(
      pb::Payload::kCompaction, pb::CompactionRequest{.revision = bench_.replica().machine().store().revision()});
  bench_.settle();
  EXPECT_EQ(compacted->times, 1);
  EXPECT_TRUE(bench_.replica().machine().store().compacting());
  push(item(ToCore::Kind::kCancel, 1));
  until_quiet();
  bench_.settle();
  EXPECT_FALSE(bench_.replica().machine().store().compacting());
}

TEST_F(LargeRangeTest, AClientThatDoesNotReadHoldsUpACompactionForABoundedTime) {
  fill(16);
  unary(1, Method::kRange, all());
  EXPECT_FALSE(until_quiet().empty());
  bench_.put("k10000", "new");
  bench_.settle();
  bench_.advance(2 * limits::kOvertakenReplyMax);
  for (const ToIo& each : until_quiet()) EXPECT_NE(each.kind, ToIo::Kind::kFinish);  // it may take its time
  bench_.propose(pb::Payload::kCompaction,
                 pb::CompactionRequest{.revision = bench_.replica().machine().store().revision()});
  bench_.advance(2 * limits::kOvertakenReplyMax);
  const auto items = until_quiet();
  ASSERT_FALSE(items.empty());
  EXPECT_EQ(items.back().kind, ToIo::Kind::kFinish);
  EXPECT_FALSE(bench_.replica().machine().store().compacting());
}

TEST_F(LargeRangeTest, SmallRangesAndOldRevisionsAreAnsweredWhole) {
  fill(3);
  const Revision old = bench_.replica().machine().store().revision();
  bench_.put("k", "new");
  bench_.settle();
  for (const pb::RangeRequest& request :
       {pb::RangeRequest{.key = "k10000", .range_end = {}}, pb::RangeRequest{.key = "k", .range_end = "l"},
        pb::RangeRequest{.key = "k", .range_end = "l", .revision = old}}) {
    unary(7, Method::kRange, pb::encode(request));
    const auto items = take();
    ASSERT_EQ(items.size(), 1u);
    EXPECT_EQ(items[0].kind, ToIo::Kind::kReply);
    EXPECT_TRUE(items[0].message.view() == whole(request));
  }
  unary(8, Method::kRange, pb::encode(pb::RangeRequest{.key = "k", .range_end = "l", .revision = old + 9}));
  EXPECT_EQ(take()[0].status, errors::FutureRev());
}

TEST_F(BackTest, StopEndsStreamsAndRefusesWhatComes) {
  serve();
  open_stream(1, Method::kWatch);
  bench_.turn();
  int drained = 0;
  back_->stop([&] { ++drained; });
  unary(2, Method::kPut, put("k"));
  open_stream(3, Method::kLeaseKeepAlive);
  push(item(ToCore::Kind::kDrained, 0));
  const auto answers = take();
  ASSERT_EQ(answers.size(), 4u);
  EXPECT_EQ(answers[0].call, 1u);
  EXPECT_EQ(answers[1].kind, ToIo::Kind::kDrain);
  for (const size_t i : {0, 2, 3}) EXPECT_EQ(answers[i].status, errors::Stopped());
  EXPECT_EQ(drained, 1);
}

TEST_F(BackTest, StopBeforeServingRefusesWhatWasHeld) {
  open();
  unary(1, Method::kPut, put("k"));
  bench_.turn();
  back_->stop([] {});
  const auto answers = take();
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0].status, errors::Stopped());
}

TEST_F(BackTest, HealthFailsWithoutALeader) {
  open();
  back_->serve();
  ToCore out = item(ToCore::Kind::kPlain, 1);
  out.plain = std::make_unique<PlainCall>();
  out.plain->request.method = "GET";
  out.plain->request.path = "/health";
  push(std::move(out));
  const auto answers = take();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].response->status, 503);
  EXPECT_EQ(answers[0].response->body.view(), "{\"health\":\"false\",\"reason\":\"RAFT NO LEADER\"}\n");
}

}  // namespace
}  // namespace quorate::api
