// env/net_contract.h: what every Net keeps, as a test suite over a factory; for tests only.
//
// A world W is default-made for each test and has
//   Loop& loop();
//   Net& net();              // of that loop
//   Address free_address();  // where a listener may be opened; the port may be 0
//   Address dead_address();  // where nobody listens
//   bool run_until(std::move_only_function<bool()> done);
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/prng.h"
#include "env/net.h"
#include "env/net_endpoint.h"

namespace quorate::env {

template <class W>
class NetContract : public testing::Test {
 protected:
  // Opens a listener, whose connections land in `accepted`.
  void listen() {
    auto opened = world.net().listen(world.free_address(), {}, [this](std::unique_ptr<Socket> socket) {
      accepted.push_back(std::make_unique<Endpoint>(std::move(socket)));
    });
    ASSERT_TRUE(opened) << opened.error().text();
    listener = std::move(*opened);
  }
  void connect() {
    world.net().connect(listener->address(), [this](Result<std::unique_ptr<Socket>> result) {
      ASSERT_TRUE(result) << result.error().text();
      connected.push_back(std::make_unique<Endpoint>(std::move(*result)));
    });
  }
  // A connection: client() and server().
  void pair() {
    listen();
    connect();
    ASSERT_TRUE(world.run_until([this] { return accepted.size() == 1 && connected.size() == 1; }));
  }
  Endpoint& client() { return *connected[0]; }
  Endpoint& server() { return *accepted[0]; }

  W world;
  std::unique_ptr<Listener> listener;
  std::vector<std::unique_ptr<Endpoint>> accepted;
  std::vector<std::unique_ptr<Endpoint>> connected;
};
TYPED_TEST_SUITE_P(NetContract);

TYPED_TEST_P(NetContract, BytesArriveInOrderBothWays) {
  this->pair();
  this->client().send("ping");
  this->server().send("pong");
  EXPECT_TRUE(
      this->world.run_until([this] { return this->server().received == "ping" && this->client().received == "pong"; }));
}

TYPED_TEST_P(NetContract, PiecesOfOneWriteAreJoined) {
  this->pair();
  const std::array<std::string_view, 4> pieces = {"a", "", "bc", "def"};
  EXPECT_EQ(this->client().socket->write(pieces), 6u);
  EXPECT_TRUE(this->world.run_until([this] { return this->server().received == "abcdef"; }));
}

TYPED_TEST_P(NetContract, MoreThanFitsIsTakenPieceByPieceAndToldByOnWritable) {
  this->pair();
  const std::string large = Prng(1).bytes(32 << 20);
  this->client().send(large);
  EXPECT_FALSE(this->client().unsent.empty());
  EXPECT_TRUE(this->world.run_until([&] { return this->server().received.size() == large.size(); }));
  EXPECT_TRUE(this->server().received == large);
  EXPECT_GT(this->client().writable_calls, 0);
}

TYPED_TEST_P(NetContract, OnWritableComesOnlyAfterAShortWrite) {
  this->pair();
  this->client().send("x");
  this->server().send("y");
  EXPECT_TRUE(
      this->world.run_until([this] { return !this->server().received.empty() && !this->client().received.empty(); }));
  EXPECT_EQ(this->client().writable_calls, 0);
}

TYPED_TEST_P(NetContract, APausedSocketReadsNothingUntilItIsResumed) {
  this->pair();
  this->server().socket->pause_reading();
  this->client().send("held");
  this->server().send("other way");
  EXPECT_TRUE(this->world.run_until([this] { return this->client().received == "other way"; }));
  bool later = false;
  this->world.loop().after(5ms, [&] { later = true; });
  EXPECT_TRUE(this->world.run_until([&] { return later; }));
  EXPECT_EQ(this->server().received, "");
  this->server().socket->resume_reading();
  EXPECT_TRUE(this->world.run_until([this] { return this->server().received == "held"; }));
}

TYPED_TEST_P(NetContract, ASocketMayPauseInTheMiddleOfMuch) {
  this->pair();
  const std::string large = Prng(2).bytes(1 << 20);
  this->server().after_read = [this] { this->server().socket->pause_reading(); };
  this->client().send(large);
  size_t before = 0;
  while (this->server().received.size() < large.size()) {
    ASSERT_TRUE(this->world.run_until([&] { return this->server().received.size() > before; }));
    before = this->server().received.size();
    this->server().socket->resume_reading();
  }
  EXPECT_TRUE(this->server().received == large);
}

TYPED_TEST_P(NetContract, AnEndedDirectionLeavesTheOtherOpen) {
  this->pair();
  this->client().send("request");
  this->client().socket->shutdown_write();
  EXPECT_TRUE(this->world.run_until([this] { return this->server().read_ended; }));
  EXPECT_EQ(this->server().received, "request");
  this->server().send("answer");
  EXPECT_TRUE(this->world.run_until([this] { return this->client().received == "answer"; }));
  EXPECT_FALSE(this->server().closed);
  EXPECT_FALSE(this->client().closed);
}

TYPED_TEST_P(NetContract, AConnectionWithBothDirectionsEndedIsClosedWithoutAnError) {
  this->pair();
  this->client().socket->shutdown_write();
  ASSERT_TRUE(this->world.run_until([this] { return this->server().read_ended; }));
  this->server().socket->shutdown_write();
  EXPECT_TRUE(this->world.run_until([this] { return this->server().closed && this->client().closed; }));
  EXPECT_TRUE(this->server().closed->ok()) << this->server().closed->text();
  EXPECT_TRUE(this->client().closed->ok()) << this->client().closed->text();
}

TYPED_TEST_P(NetContract, TheOtherSideLearnsThatASocketWasDestroyed) {
  this->pair();
  this->client().socket.reset();
  EXPECT_TRUE(this->world.run_until([this] { return this->server().read_ended || this->server().closed; }));
  EXPECT_FALSE(this->client().closed);
}

TYPED_TEST_P(NetContract, WritingToAConnectionThatIsGoneIsToldOnceByOnClosed) {
  this->pair();
  this->client().socket->close();
  ASSERT_TRUE(this->world.run_until([this] { return this->server().read_ended || this->server().closed; }));
  EXPECT_TRUE(this->world.run_until([this] {
    if (!this->server().closed) this->server().send("anybody?");
    return this->server().closed.has_value();
  }));
  EXPECT_EQ(this->server().closed->code(), Code::kUnavailable);
}

TYPED_TEST_P(NetContract, ASocketMayBeDestroyedInItsOwnCallback) {
  this->pair();
  bool read = false;
  this->server().after_read = [&, this] {
    read = true;
    this->server().socket.reset();
  };
  this->client().send("die");
  EXPECT_TRUE(this->world.run_until([&] { return read && (this->client().read_ended || this->client().closed); }));
}

TYPED_TEST_P(NetContract, ConnectingToNobodyIsAnErrorOnALaterTurn) {
  std::optional<Status> failed;
  this->world.net().connect(this->world.dead_address(), [&](Result<std::unique_ptr<Socket>> result) {
    ASSERT_FALSE(result);
    failed = result.error();
  });
  EXPECT_FALSE(failed);
  EXPECT_TRUE(this->world.run_until([&] { return failed.has_value(); }));
  EXPECT_EQ(failed->code(), Code::kUnavailable);
  EXPECT_NE(failed->text().find("connection refused"), std::string::npos) << failed->text();
}

TYPED_TEST_P(NetContract, TwoListenersOnOneAddressAreRefused) {
  this->listen();
  const auto second = this->world.net().listen(this->listener->address(), {}, [](std::unique_ptr<Socket>) {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(), Status(Code::kUnavailable, "bind: address already in use"));
}

TYPED_TEST_P(NetContract, AListenerThatIsGoneAcceptsNothing) {
  this->pair();
  const Address address = this->listener->address();
  this->listener.reset();
  std::optional<bool> ok;
  this->world.net().connect(address, [&](Result<std::unique_ptr<Socket>> result) { ok = result.has_value(); });
  EXPECT_TRUE(this->world.run_until([&] { return ok.has_value(); }));
  EXPECT_FALSE(*ok);
  // What was accepted before lives on.
  this->client().send("still here");
  EXPECT_TRUE(this->world.run_until([this] { return this->server().received == "still here"; }));
}

TYPED_TEST_P(NetContract, ManyConnectionsAtOnceAreAllAccepted) {
  this->listen();
  for (int i = 0; i < 100; ++i) this->connect();
  EXPECT_TRUE(this->world.run_until([this] { return this->accepted.size() == 100 && this->connected.size() == 100; }));
}

TYPED_TEST_P(NetContract, AConnectionThatSendsWithoutEndDoesNotStarveAnother) {
  this->listen();
  this->connect();
  this->connect();
  ASSERT_TRUE(this->world.run_until([this] { return this->accepted.size() == 2 && this->connected.size() == 2; }));
  this->connected[0]->send(std::string(64 << 20, 'x'));
  this->connected[1]->send("small");
  EXPECT_TRUE(this->world.run_until(
      [this] { return this->accepted[0]->received == "small" || this->accepted[1]->received == "small"; }));
  EXPECT_FALSE(this->connected[0]->unsent.empty());
}

TYPED_TEST_P(NetContract, NamesOfThisMachineAndNumbersResolveOnALaterTurn) {
  std::vector<std::string> localhost;
  std::vector<std::string> number;
  this->world.net().resolve("localhost", [&](auto result) { localhost = result.value(); });
  this->world.net().resolve("10.1.2.3", [&](auto result) { number = result.value(); });
  EXPECT_TRUE(localhost.empty() && number.empty());
  EXPECT_TRUE(this->world.run_until([&] { return !localhost.empty() && !number.empty(); }));
  EXPECT_EQ(localhost.front(), "127.0.0.1");
  EXPECT_EQ(number, std::vector<std::string>{"10.1.2.3"});
}

REGISTER_TYPED_TEST_SUITE_P(NetContract, BytesArriveInOrderBothWays, PiecesOfOneWriteAreJoined,
                            MoreThanFitsIsTakenPieceByPieceAndToldByOnWritable, OnWritableComesOnlyAfterAShortWrite,
                            APausedSocketReadsNothingUntilItIsResumed, ASocketMayPauseInTheMiddleOfMuch,
                            AnEndedDirectionLeavesTheOtherOpen,
                            AConnectionWithBothDirectionsEndedIsClosedWithoutAnError,
                            TheOtherSideLearnsThatASocketWasDestroyed,
                            WritingToAConnectionThatIsGoneIsToldOnceByOnClosed, ASocketMayBeDestroyedInItsOwnCallback,
                            ConnectingToNobodyIsAnErrorOnALaterTurn, TwoListenersOnOneAddressAreRefused,
                            AListenerThatIsGoneAcceptsNothing, ManyConnectionsAtOnceAreAllAccepted,
                            AConnectionThatSendsWithoutEndDoesNotStarveAnother,
                            NamesOfThisMachineAndNumbersResolveOnALaterTurn);

}  // namespace quorate::env
