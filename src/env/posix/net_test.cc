#include "env/posix/net.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "env/net_contract.h"
#include "env/posix/socket.h"
#include "env/posix/test_world.h"

namespace quorate::env {
using PosixNets = testing::Types<posix::PosixTestWorld, posix::UnixTestWorld>;
INSTANTIATE_TYPED_TEST_SUITE_P(Posix, NetContract, PosixNets);
}  // namespace quorate::env

namespace quorate::env::posix {
namespace {

// Connects to `address` and returns how the accepting side calls the peer.
std::string peer_seen_through(PosixTestWorld& world, const Address& listen_on, const Address& connect_to) {
  std::unique_ptr<Socket> accepted;
  std::unique_ptr<Socket> connected;
  auto listener =
      world.net().listen(listen_on, {}, [&](std::unique_ptr<Socket> socket) { accepted = std::move(socket); });
  if (!listener) return listener.error().text();
  Address target = connect_to;
  target.port = (*listener)->address().port;
  std::string error;
  world.net().connect(target, [&](Result<std::unique_ptr<Socket>> result) {
    if (result) {
      connected = std::move(*result);
    } else {
      error = result.error().text();
    }
  });
  world.run_until([&] { return (accepted && connected) || !error.empty(); });
  return accepted ? accepted->peer_text() : error;
}

TEST(PosixNet, AWildcardListensOnBothFamilies) {
  PosixTestWorld world;
  for (const char* wildcard : {"0.0.0.0", "::", ""}) {
    EXPECT_EQ(peer_seen_through(world, {wildcard, 0, ""}, {"127.0.0.1", 0, ""}).find("127.0.0.1:"), 0u) << wildcard;
  }
}

TEST(PosixNet, AUnixPeerHasNoName) {
  PosixTestWorld world;
  const Address address{"", 0, world.folder() + "/s"};
  EXPECT_EQ(peer_seen_through(world, address, address), "@");
  EXPECT_FALSE(world.disk().exists(address.path)) << "the socket file goes with its listener";
}

TEST(PosixNet, ASocketFileOfADeadServerIsTakenOver) {
  UnixTestWorld world;
  const Address dead = world.dead_address();
  ASSERT_TRUE(world.disk().exists(dead.path));
  EXPECT_TRUE(world.net().listen(dead, {}, [](std::unique_ptr<Socket>) {}));
}

TEST(PosixNet, WhatIsNoAddressIsRefused) {
  PosixTestWorld world;
  const auto accept = [](std::unique_ptr<Socket>) {};
  EXPECT_EQ(world.net().listen({"example.com", 1, ""}, {}, accept).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(world.net().listen({"", 0, std::string(200, 'x')}, {}, accept).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(world.net().listen({"192.0.2.1", 0, ""}, {}, accept).error().text(),
            "bind: cannot assign requested address");
}

TEST(PosixNet, ReusePortLetsTwoListenersShareANumber) {
  PosixTestWorld world;
  const auto accept = [](std::unique_ptr<Socket>) {};
  auto first = world.net().listen({"127.0.0.1", 0, ""}, {.reuse_port = true}, accept);
  ASSERT_TRUE(first);
  EXPECT_TRUE(world.net().listen((*first)->address(), {.reuse_port = true}, accept));
}

TEST(PosixNet, AMixedCaseNameIsLookedUpOffTheLoop) {
  PosixTestWorld world;
  std::optional<Result<std::vector<std::string>>> names;
  world.net().resolve("LocalHost", [&](auto result) { names = std::move(result); });
  ASSERT_TRUE(world.run_until([&] { return names.has_value(); }));
  ASSERT_TRUE(*names) << names->error().text();
  EXPECT_FALSE((*names)->empty());
}

TEST(PosixNet, ConnectionsDoNotWaitForSmallWritesAndAreKeptAlive) {
  const Fd fd(::socket(AF_INET, SOCK_STREAM, 0));
  tune_tcp(fd.get());
  const auto option = [&](int level, int name) {
    int value = -1;
    socklen_t length = sizeof value;
    ::getsockopt(fd.get(), level, name, &value, &length);
    return value;
  };
  EXPECT_EQ(option(IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 30);
}

TEST(PosixNet, AResetIsToldToASocketThatDoesNotRead) {
  PosixTestWorld world;
  std::unique_ptr<Endpoint> server;
  auto listener = world.net().listen({"127.0.0.1", 0, ""}, {}, [&](std::unique_ptr<Socket> socket) {
    server = std::make_unique<Endpoint>(std::move(socket));
  });
  ASSERT_TRUE(listener);
  const auto target = socket_address((*listener)->address());
  Fd client(::socket(AF_INET, SOCK_STREAM, 0));
  ASSERT_EQ(::connect(client.get(), target->get(), target->length), 0);
  ASSERT_TRUE(world.run_until([&] { return server != nullptr; }));
  server->socket->pause_reading();
  // Lingering for no time makes the close a reset.
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  client.reset();
  ASSERT_TRUE(world.run_until([&] { return server->closed.has_value(); }));
  EXPECT_EQ(*server->closed, Status(Code::kUnavailable, "read: connection reset by peer"));
}

TEST(PosixNet, WithoutDescriptorsAListenerRestsAndGoesOnLater) {
  PosixTestWorld world;
  int accepted = 0;
  std::vector<std::unique_ptr<Socket>> sockets;
  auto listener = world.net().listen({"127.0.0.1", 0, ""}, {}, [&](std::unique_ptr<Socket> socket) {
    ++accepted;
    sockets.push_back(std::move(socket));
  });
  ASSERT_TRUE(listener);
  const auto target = socket_address((*listener)->address());
  const Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  // Every number below the client's is taken, so this leaves none.
  const rlimit none{static_cast<rlim_t>(client.get()) + 1, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  static_cast<void>(::connect(client.get(), target->get(), target->length));  // it is under way, and does not block
  bool waited = false;
  world.loop().after(20ms, [&] { waited = true; });
  int turns = 0;
  const bool ended = world.run_until([&] { return ++turns, waited; });
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(ended);
  EXPECT_EQ(accepted, 0);
  EXPECT_LT(turns, 20) << "a loop that asks again at once spins";
  EXPECT_TRUE(world.run_until([&] { return accepted == 1; }));
}

// The log's next segment needs a descriptor when it is due, whatever clients do.
TEST(PosixNet, TheLastDescriptorsAreNotForClients) {
  PosixTestWorld world;
  std::vector<std::unique_ptr<Socket>> sockets;
  auto listener = world.net().listen({"127.0.0.1", 0, ""}, {},
                                     [&](std::unique_ptr<Socket> socket) { sockets.push_back(std::move(socket)); });
  ASSERT_TRUE(listener);
  const auto target = socket_address((*listener)->address());
  std::vector<Fd> clients;
  for (int i = 0; i < 40; ++i) {
    clients.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    static_cast<void>(::connect(clients.back().get(), target->get(), target->length));
  }
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{static_cast<rlim_t>(clients.back().get()) + 41, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  bool waited = false;
  world.loop().after(100ms, [&] { waited = true; });
  const bool ended = world.run_until([&] { return waited; });
  const Fd other(::socket(AF_INET, SOCK_STREAM, 0));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(ended);
  EXPECT_TRUE(other) << "others than clients still get one";
  EXPECT_LT(sockets.size(), clients.size());
  EXPECT_TRUE(world.run_until([&] { return sockets.size() == clients.size(); })) << "who waited is not forgotten";
}

// Keeps the kinds of input.
class InputList final : public Trace {
 public:
  void input(Input kind, uint64_t source, std::string_view bytes) override {
    inputs.push_back({kind, source, std::string(bytes)});
  }
  std::vector<std::tuple<Input, uint64_t, std::string>> inputs;
};

TEST(PosixNet, WhatComesInPassesTheTrace) {
  InputList trace;
  WorldOptions options;
  options.log.level = Level::kFatal;
  auto world = World::create(options, trace);
  ASSERT_TRUE(world);
  std::unique_ptr<Endpoint> server;
  auto listener = (*world)->env().net.listen({"127.0.0.1", 0, ""}, {}, [&](std::unique_ptr<Socket> socket) {
    server = std::make_unique<Endpoint>(std::move(socket));
  });
  ASSERT_TRUE(listener);
  const auto target = socket_address((*listener)->address());
  Fd client(::socket(AF_INET, SOCK_STREAM, 0));
  ASSERT_EQ(::connect(client.get(), target->get(), target->length), 0);
  ASSERT_EQ(::send(client.get(), "hello", 5, 0), 5);
  ASSERT_TRUE(run_until((*world)->core(), [&] { return server && server->received == "hello"; }));
  ::shutdown(client.get(), SHUT_WR);
  ASSERT_TRUE(run_until((*world)->core(), [&] { return server->read_ended; }));
  server->socket->shutdown_write();
  ASSERT_TRUE(run_until((*world)->core(), [&] { return server->closed.has_value(); }));
  using Row = std::tuple<Input, uint64_t, std::string>;
  EXPECT_EQ(trace.inputs, (std::vector<Row>{{Input::kAccept, 1, (*listener)->address().text()},
                                            {Input::kRead, 1, "hello"},
                                            {Input::kReadEnd, 1, ""},
                                            {Input::kClosed, 1, ""}}));
}

TEST(PosixNet, TwoLoopsShareAListener) {
  Trace trace;
  WorldOptions options;
  options.io_loops = 2;
  options.log.level = Level::kFatal;
  auto made = World::create(options, trace);
  ASSERT_TRUE(made);
  World& world = **made;
  std::atomic<int> accepted{0};
  const auto count = [&](std::unique_ptr<Socket>) {
    if (accepted.fetch_add(1) + 1 == 50) world.stop();
  };
  LoopEnv first = world.serving_loop(0);
  LoopEnv second = world.serving_loop(1);
  auto listener = first.net.listen({"127.0.0.1", 0, ""}, {}, count);
  ASSERT_TRUE(listener);
  auto shared = second.net.share(**listener, count);
  ASSERT_TRUE(shared);
  EXPECT_EQ((*shared)->address(), (*listener)->address());
  const Address address = (*listener)->address();
  // The first one goes; the other one serves all.
  listener->reset();
  world.start_io_loops();
  std::vector<std::unique_ptr<Socket>> clients;
  for (int i = 0; i < 50; ++i) {
    world.env().net.connect(address, [&](Result<std::unique_ptr<Socket>> result) {
      ASSERT_TRUE(result) << result.error().text();
      clients.push_back(std::move(*result));
    });
  }
  world.run();
  world.stop_io_loops();
  EXPECT_EQ(accepted.load(), 50);
}

}  // namespace
}  // namespace quorate::env::posix
