// Random calls between our client and our server over a network that cuts, joins and stalls.
#include <gtest/gtest.h>

#include <map>

#include "base/limits.h"
#include "base/prng.h"
#include "http/client.h"
#include "http/testing/fake_world.h"

namespace quorate::http {
namespace {

using testing::FakeWorld;

// A call as the server's handler must see it.
struct Told {
  std::string path;
  std::vector<std::string> messages;
  bool half_closed = false;
  bool finished = false;
  bool cancelled = false;
};

class CheckedHandler final : public Handler {
 public:
  explicit CheckedHandler(Prng prng) : prng_(prng) {}

  void on_call(CallId call, CallHead&& head) override {
    ASSERT_NE(call, 0U);
    ASSERT_TRUE(calls.emplace(call, Told{}).second) << "an id came twice";
    calls[call].path = head.path;
    if (prng_.chance(1, 30)) finish(call);
  }
  void on_message(CallId call, Bytes message) override {
    Told& told = open(call);
    EXPECT_FALSE(told.half_closed);
    told.messages.emplace_back(message.view());
    server->send(call, message);
    if (prng_.chance(1, 30)) finish(call);
  }
  void on_half_close(CallId call) override {
    open(call).half_closed = true;
    if (prng_.chance(9, 10)) finish(call);
  }
  void on_cancel(CallId call) override { open(call).cancelled = true; }
  void on_drained(CallId call, size_t queued) override {
    open(call);
    EXPECT_LT(queued, limits::kOutputBytesHigh);
  }
  void on_request(CallId, PlainRequest&&) override { ADD_FAILURE() << "no plain request was made"; }

  void finish(CallId call) {
    calls[call].finished = true;
    server->finish(call, prng_.chance(1, 2) ? Status() : Status(Code::kAborted, "by chance \xE2\x82\xAC"));
  }

  Server* server = nullptr;
  std::map<CallId, Told> calls;

 private:
  // A call about which something may still be told.
  Told& open(CallId call) {
    EXPECT_TRUE(calls.contains(call));
    Told& told = calls[call];
    EXPECT_FALSE(told.finished || told.cancelled) << "an event after the end";
    return told;
  }
  Prng prng_;
};

struct CheckedCall final : CallEvents {
  void on_message(Bytes message) override {
    EXPECT_FALSE(over());
    // An echo: the n-th answer is the n-th message that was sent.
    ASSERT_LT(received, sent.size());
    EXPECT_EQ(message.view(), sent[received]);
    ++received;
  }
  void on_end(const Status& how, const Headers&) override {
    EXPECT_FALSE(over());
    ended = true;
    status = how;
    const bool known = how.ok() || how == Status(Code::kAborted, "by chance \xE2\x82\xAC") ||
                       how.code() == Code::kDeadlineExceeded || how.code() == Code::kUnavailable ||
                       how.code() == Code::kCanceled;
    EXPECT_TRUE(known) << how.text();
  }
  bool over() const { return ended || cancelled; }

  CallId id = 0;
  std::vector<std::string> sent;
  size_t received = 0;
  bool half_closed = false;
  bool cancelled = false;
  bool ended = false;
  Status status;
};

class Story {
 public:
  explicit Story(uint64_t seed) : prng_(seed), world_(prng_.next()), handler_(prng_.fork()) {
    world_.cut_reads(prng_.chance(3, 4));
    server_ = Server::create(world_.env(), {}, handler_);
    handler_.server = server_.get();
    for (uint64_t n = prng_.between(1, 3); n > 0; --n) connect();
  }

  void run() {
    for (int i = 0; i < 300; ++i) {
      step();
      if (prng_.chance(1, 20)) world_.clock().advance(Duration(prng_.below(200) * 1'000'000));
      world_.turn();
    }
    if (prng_.chance(1, 4)) server_->drain();
    for (auto& call : calls_) {
      if (!call->over() && !call->half_closed) clients_[owner_[call.get()]]->half_close(call->id);
    }
    world_.settle();
    for (auto& [id, told] : handler_.calls) {
      if (!told.finished && !told.cancelled) handler_.finish(id);
    }
    world_.settle();
    check_all_over();
  }

 private:
  void connect() {
    auto pair = world_.connect(prng_.between(1'000, 100'000));
    server_->adopt(std::move(pair.far));
    clients_.push_back(ClientConnection::create(world_.env(), std::move(pair.near), {}, [](const Status&) {}));
  }

  std::string random_text() {
    if (prng_.chance(1, 40)) return std::string(prng_.below(600'000), 'L');
    return prng_.bytes(prng_.below(50));
  }

  void step() {
    if (prng_.chance(1, 150)) {
      const size_t lost = prng_.below(clients_.size());
      for (auto& call : calls_) {
        if (owner_[call.get()] == lost) call->cancelled = true;
      }
      clients_[lost].reset();
      connect();
      std::swap(clients_[lost], clients_.back());
      clients_.pop_back();
      return;
    }
    if (calls_.empty() || prng_.chance(1, 4)) {
      open_call();
      return;
    }
    CheckedCall& call = *calls_[prng_.below(calls_.size())];
    ClientConnection& client = *clients_[owner_[&call]];
    if (call.over() || call.half_closed) return;
    if (prng_.chance(1, 20)) {
      client.cancel(call.id);
      call.cancelled = true;
    } else if (prng_.chance(1, 4)) {
      client.half_close(call.id);
      call.half_closed = true;
    } else {
      call.sent.push_back(random_text());
      client.send(call.id, Bytes::copy(call.sent.back()));
    }
  }

  void open_call() {
    auto call = std::make_unique<CheckedCall>();
    owner_[call.get()] = prng_.below(clients_.size());
    CallOptions options;
    if (prng_.chance(1, 5)) options.timeout = Duration(prng_.below(100) * 10'000'000);
    call->id = clients_[owner_[call.get()]]->open("/p", options, *call);
    calls_.push_back(std::move(call));
  }

  void check_all_over() {
    for (const auto& call : calls_) {
      EXPECT_TRUE(call->over()) << "a call that never ends";
      if (call->ended && call->status.ok() && call->half_closed) {
        EXPECT_LE(call->received, call->sent.size());
      }
    }
    for (const auto& [id, told] : handler_.calls) EXPECT_TRUE(told.finished || told.cancelled) << id;
    clients_.clear();
    world_.settle();
    world_.advance(10s);
    EXPECT_EQ(server_->open_connections(), 0U);
  }

  Prng prng_;
  FakeWorld world_;
  CheckedHandler handler_;
  std::unique_ptr<Server> server_;
  std::vector<std::unique_ptr<CheckedCall>> calls_;
  std::map<CheckedCall*, size_t> owner_;
  std::vector<std::unique_ptr<ClientConnection>> clients_;
};

TEST(Calls, KeepTheirPromisesUnderEverySeed) {
  for (uint64_t seed = 1; seed <= 150 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Story(seed).run();
  }
}

}  // namespace
}  // namespace quorate::http
