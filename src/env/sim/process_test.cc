#include "env/sim/process.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "env/sim/test_world.h"

namespace quorate::env::sim {
namespace {

struct Outcome {
  uint64_t hash = 0;
  uint64_t events = 0;
  std::string received;
};

// Two processes that talk, write, compute and die a little, all of it drawn.
Outcome run(uint64_t seed) {
  TestWorld world(seed, {.io_loops = 2});
  const auto client = world.another("10.0.0.2");
  Outcome out;
  world.network.knobs().resets_per_million = 1000;
  EXPECT_TRUE(world.disk().create_filled("/log", 1 << 20).ok());
  auto log = world.disk().open_log("/log", {Durability::kDirectDsync, 4096});
  EXPECT_TRUE(log);
  std::vector<std::unique_ptr<Endpoint>> accepted;
  std::vector<std::unique_ptr<Endpoint>> connected;
  const auto accept = [&](std::unique_ptr<Socket> socket) {
    accepted.push_back(std::make_unique<Endpoint>(std::move(socket)));
    accepted.back()->after_read = [end = accepted.back().get(), &out] { out.received += end->received.substr(0, 5); };
  };
  std::vector<std::unique_ptr<Listener>> listeners;
  listeners.push_back(*world.process->serving_loop(0).net.listen({"0.0.0.0", 2379, ""}, {}, accept));
  listeners.push_back(*world.process->serving_loop(1).net.share(*listeners[0], accept));
  for (int i = 0; i < 20; ++i) {
    client->env().net.connect({"10.0.0.1", 2379, ""}, [&, i](Result<std::unique_ptr<Socket>> socket) {
      if (!socket) return;
      connected.push_back(std::make_unique<Endpoint>(std::move(*socket)));
      connected.back()->send(std::string(static_cast<size_t>(i) * 5'000, static_cast<char>('a' + i)));
    });
  }
  std::function<void(uint64_t)> write = [&](uint64_t block) {
    (*log)->write(block * 4096, AlignedBuffer(4096), [&write, block](const Status&, const AlignedBuffer&) {
      if (block < 200) write(block + 1);
    });
  };
  write(0);
  world.process->pool().submit([] {}, [] {});
  world.universe.run_for(50ms);
  client->kill(world.universe.prng().chance(1, 2) ? Death::kKilled : Death::kPowerLoss);
  world.universe.run_for(20s);
  out.hash = world.universe.trace_hash();
  out.events = world.universe.events();
  return out;
}

TEST(Process, OneSeedIsOneRunAndAnotherIsAnother) {
  std::set<uint64_t> hashes;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const Outcome first = run(seed);
    const Outcome second = run(seed);
    EXPECT_EQ(first.hash, second.hash) << "seed " << seed;
    EXPECT_EQ(first.events, second.events) << "seed " << seed;
    EXPECT_EQ(first.received, second.received) << "seed " << seed;
    EXPECT_GT(first.events, 500u);
    hashes.insert(first.hash);
  }
  EXPECT_EQ(hashes.size(), 10u);
}

TEST(Process, TasksRunOnTheLoopTheyAreSentTo) {
  for (const size_t io_loops : {size_t{0}, size_t{2}}) {
    TestWorld world(1, {.io_loops = io_loops});
    EXPECT_EQ(world.process->serving_loops(), std::max<size_t>(io_loops, 1));
    std::string ran;
    for (size_t i = 0; i < world.process->serving_loops(); ++i) {
      world.process->send(
          i, [&, i] { world.process->serving_loop(i).loop.post([&ran, i] { ran += std::to_string(i); }); });
    }
    ASSERT_TRUE(world.run_until([&] { return ran.size() == world.process->serving_loops(); }));
    EXPECT_EQ(std::set<char>(ran.begin(), ran.end()).size(), world.process->serving_loops());
  }
}

TEST(Process, EachHasItsOwnSeedByTheUniverse) {
  TestWorld world(1);
  TestWorld same(1);
  const auto other = world.another("10.0.0.2");
  EXPECT_NE(world.process->env().seed, other->env().seed);
  EXPECT_EQ(world.process->env().seed, same.process->env().seed);
}

// Everything that a process waits for, and what it does with its env when it is taken down.
TEST(Process, DeathIsFinal) {
  for (const Death death : {Death::kKilled, Death::kPowerLoss}) {
    TestWorld world(3, {.io_loops = 1});
    const auto peer = world.another("10.0.0.2");
    std::unique_ptr<Endpoint> peer_end;
    auto peer_listener = *peer->env().net.listen({"10.0.0.2", 80, ""}, {}, [&](std::unique_ptr<Socket> socket) {
      peer_end = std::make_unique<Endpoint>(std::move(socket));
    });
    Env env = world.process->env();
    ASSERT_TRUE(env.disk.create_filled("/log", 8192).ok());
    ASSERT_TRUE(env.disk.sync_directory("/").ok());
    auto log = *env.disk.open_log("/log", {Durability::kDirectDsync, 4096});
    auto lock = *env.disk.lock_directory("/");
    std::unique_ptr<Endpoint> end;
    env.net.connect({"10.0.0.2", 80, ""}, [&](Result<std::unique_ptr<Socket>> socket) {
      end = std::make_unique<Endpoint>(std::move(*socket));
    });
    ASSERT_TRUE(world.run_until([&] { return end && peer_end; }));
    int calls = 0;
    const auto call = [&calls] { ++calls; };
    auto listener =
        *world.process->serving_loop(0).net.listen({"10.0.0.1", 80, ""}, {}, [&](std::unique_ptr<Socket>) { ++calls; });
    Mailbox<int> mailbox(env.core, Priority::kClient, 10, [&](int&&) { ++calls; });
    env.core.add_turn_hook(call);
    env.core.post(call);
    env.core.after(1s, call);
    world.process->send(0, call);
    env.pool.submit(call, call);
    env.net.connect({"10.0.0.2", 80, ""}, [&](Result<std::unique_ptr<Socket>>) { ++calls; });
    env.net.resolve("localhost", [&](Result<std::vector<std::string>>) { ++calls; });
    env.disk.create_filled_async("/other", 4096, [&](const Status&) { ++calls; });
    log->write(0, AlignedBuffer(4096), [&](const Status&, const AlignedBuffer&) { ++calls; });
    EXPECT_TRUE(mailbox.try_push(1));
    end->after_read = call;
    peer_end->send("to be read");

    world.process->kill(death);
    world.process->kill(death);
    const auto medium = world.drive.files();
    const uint64_t cuts = world.drive.faults().cut_writes;
    EXPECT_EQ(cuts, 1u);
    world.universe.run_for(30s);
    // What is asked of the dead has no effect, and no answer.
    env.core.post(call);
    env.core.after(1s, call);
    env.core.wake();
    EXPECT_FALSE(env.disk.replace_file("/new", "x").ok());
    EXPECT_FALSE(env.disk.rename("/log", "/new").ok());
    EXPECT_FALSE(env.disk.remove("/log").ok());
    EXPECT_FALSE(env.disk.read_file("/log"));
    EXPECT_FALSE(env.net.listen({"10.0.0.1", 81, ""}, {}, [](std::unique_ptr<Socket>) {}));
    env.net.connect({"10.0.0.2", 80, ""}, [&](Result<std::unique_ptr<Socket>>) { ++calls; });
    env.pool.submit(call, call);
    world.process->send(0, call);
    end->socket->resume_reading();
    end->socket->shutdown_write();
    const std::string_view bytes = "lost";
    EXPECT_EQ(end->socket->write(std::span(&bytes, 1)), 0u);
    world.universe.run_for(30s);
    EXPECT_TRUE(peer_end->closed || peer_end->read_ended) << "a peer learns of it";
    EXPECT_EQ(calls, 0);
    EXPECT_FALSE(end->closed);
    end.reset();
    log.reset();
    listener.reset();
    EXPECT_EQ(world.drive.files(), medium);
    // The next one has the folder, whatever the dead one still holds.
    const auto next =
        std::make_unique<Process>(world.universe, world.network, world.drive, ProcessOptions{}, world.log, world.trace);
    auto next_lock = next->disk().lock_directory("/");
    EXPECT_TRUE(next_lock);
    lock.reset();
    EXPECT_FALSE(next->disk().lock_directory("/")) << "a dead lock frees nobody's";
  }
}

TEST(Process, AGracefulEndLeavesPeersAnEnd) {
  TestWorld world(1);
  const auto peer = world.another("10.0.0.2");
  std::unique_ptr<Endpoint> peer_end;
  auto listener = *peer->env().net.listen({"10.0.0.2", 80, ""}, {}, [&](std::unique_ptr<Socket> socket) {
    peer_end = std::make_unique<Endpoint>(std::move(socket));
  });
  std::unique_ptr<Endpoint> end;
  world.net().connect({"10.0.0.2", 80, ""}, [&](Result<std::unique_ptr<Socket>> socket) {
    end = std::make_unique<Endpoint>(std::move(*socket));
  });
  ASSERT_TRUE(world.run_until([&] { return end && peer_end; }));
  end->send("last words");
  end.reset();
  world.process.reset();
  ASSERT_TRUE(world.run_until([&] { return peer_end->read_ended; }));
  EXPECT_EQ(peer_end->received, "last words");
  EXPECT_FALSE(peer_end->closed);
}

TEST(Process, MayBeDestroyedWithSocketsInTasksThatNeverRan) {
  TestWorld world(1);
  std::unique_ptr<Socket> accepted;
  bool connected = false;
  auto listener = *world.net().listen({"127.0.0.1", 0, ""}, {},
                                      [&](std::unique_ptr<Socket> socket) { accepted = std::move(socket); });
  world.net().connect(listener->address(), [&](Result<std::unique_ptr<Socket>> result) {
    connected = result.has_value();
    world.loop().after(1h, [socket = std::move(*result)] {});
  });
  ASSERT_TRUE(world.run_until([&] { return accepted && connected; }));
  world.loop().post([socket = std::move(accepted)] {});
  world.net().connect(listener->address(), [](Result<std::unique_ptr<Socket>>) { FAIL(); });
  listener.reset();
  world.process.reset();
  world.universe.run_for(1min);
  EXPECT_EQ(world.network.connections(), 0u);
}

}  // namespace
}  // namespace quorate::env::sim
