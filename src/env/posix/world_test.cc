#include "env/posix/world.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "env/net_endpoint.h"
#include "env/posix/signals.h"
#include "env/posix/test_world.h"

namespace quorate::env::posix {
namespace {

std::unique_ptr<World> quiet_world(size_t io_loops, Trace& trace) {
  WorldOptions options;
  options.io_loops = io_loops;
  options.log.level = Level::kFatal;
  auto world = World::create(options, trace);
  EXPECT_TRUE(world);
  return std::move(*world);
}

// Answers what it reads.
class Echo final : public SocketEvents {
 public:
  explicit Echo(std::unique_ptr<Socket> socket) : socket_(std::move(socket)) { socket_->start(*this); }
  void on_read(std::string_view bytes) override { EXPECT_EQ(socket_->write(std::span(&bytes, 1)), bytes.size()); }
  void on_read_end() override {}
  void on_writable() override {}
  void on_closed(const Status&) override {}

 private:
  std::unique_ptr<Socket> socket_;
};

TEST(World, ServesOnTheCoreLoopOrOnIoLoops) {
  for (const size_t io_loops : {size_t{0}, size_t{2}}) {
    Trace trace;
    auto world = quiet_world(io_loops, trace);
    EXPECT_EQ(world->serving_loops(), io_loops == 0 ? 1 : io_loops);
    std::vector<std::vector<std::unique_ptr<Echo>>> echoes(world->serving_loops());
    std::vector<std::unique_ptr<Listener>> listeners;
    for (size_t i = 0; i < world->serving_loops(); ++i) {
      const auto adopt = [&echoes, i](std::unique_ptr<Socket> socket) {
        echoes[i].push_back(std::make_unique<Echo>(std::move(socket)));
      };
      LoopEnv env = world->serving_loop(i);
      auto listener = i == 0 ? env.net.listen({"127.0.0.1", 0, ""}, {}, adopt) : env.net.share(*listeners[0], adopt);
      ASSERT_TRUE(listener);
      listeners.push_back(std::move(*listener));
    }
    world->start_io_loops();
    std::vector<std::unique_ptr<Endpoint>> clients;
    for (int i = 0; i < 10; ++i) {
      world->env().net.connect(listeners[0]->address(), [&](Result<std::unique_ptr<Socket>> result) {
        ASSERT_TRUE(result);
        clients.push_back(std::make_unique<Endpoint>(std::move(*result)));
        clients.back()->send("echo");
        clients.back()->after_read = [&] {
          size_t answered = 0;
          for (const auto& client : clients) answered += client->received == "echo" ? 1 : 0;
          if (answered == 10) world->stop();
        };
      });
    }
    world->run();
    world->stop_io_loops();
    EXPECT_EQ(clients.size(), 10u);
  }
}

TEST(World, TasksRunOnTheLoopTheyAreSentTo) {
  Trace trace;
  auto world = quiet_world(2, trace);
  std::atomic<int> ran{0};
  std::vector<std::thread::id> threads(2);
  for (size_t i = 0; i < 2; ++i) {
    world->send(i, [&, i] {
      threads[i] = std::this_thread::get_id();
      if (ran.fetch_add(1) == 1) world->stop();
    });
  }
  world->start_io_loops();
  world->run();
  world->stop_io_loops();
  EXPECT_EQ(std::set<std::thread::id>({threads[0], threads[1], std::this_thread::get_id()}).size(), 3u);
}

TEST(World, EachHasItsOwnSeedUnlessOneIsGiven) {
  Trace trace;
  EXPECT_NE(quiet_world(0, trace)->env().seed, quiet_world(0, trace)->env().seed);
  WorldOptions options;
  options.seed = 7;
  EXPECT_EQ((*World::create(options, trace))->env().seed, 7u);
}

TEST(World, MayBeDestroyedWithSocketsInTasksThatNeverRan) {
  Trace trace;
  auto world = quiet_world(1, trace);
  std::unique_ptr<Socket> accepted;
  bool connected = false;
  auto listener = world->env().net.listen({"127.0.0.1", 0, ""}, {},
                                          [&](std::unique_ptr<Socket> socket) { accepted = std::move(socket); });
  ASSERT_TRUE(listener);
  world->env().net.connect((*listener)->address(), [&](Result<std::unique_ptr<Socket>> result) {
    connected = result.has_value();
    world->env().core.after(1h, [socket = std::move(*result)] {});
  });
  ASSERT_TRUE(run_until(world->core(), [&] { return accepted && connected; }));
  world->env().core.post([socket = std::move(accepted)] {});
  world->send(0, [world = world.get()] { world->stop(); });
  // A connect that never ends belongs to the net and calls nobody.
  world->env().net.connect((*listener)->address(), [](Result<std::unique_ptr<Socket>>) { FAIL(); });
  listener->reset();
  world.reset();
}

TEST(World, ALogThatCannotBeOpenedIsAnError) {
  Trace trace;
  WorldOptions options;
  options.log.outputs = {"/no/such/folder/log"};
  const auto world = World::create(options, trace);
  ASSERT_FALSE(world);
  EXPECT_EQ(world.error().text(), "/no/such/folder/log: open: no such file or directory");
}

TEST(PosixPool, WorkRunsElsewhereAndItsEndIsToldOnTheCoreLoop) {
  PosixTestWorld world;
  std::thread::id worked;
  std::thread::id told;
  int ended = 0;
  for (int i = 0; i < 20; ++i) {
    world.world().env().pool.submit(
        [&, i] {
          if (i == 0) worked = std::this_thread::get_id();
        },
        [&] {
          told = std::this_thread::get_id();
          ++ended;
        });
  }
  EXPECT_TRUE(world.run_until([&] { return ended == 20; }));
  EXPECT_NE(worked, std::this_thread::get_id());
  EXPECT_EQ(told, std::this_thread::get_id());
}

TEST(PosixPool, AStoppedPoolForgetsWhatWaits) {
  PosixClock clock;
  NullLog log;
  PosixLoop core(clock, log);
  int told = 0;
  auto owned = std::make_shared<int>(0);
  {
    PosixPool pool(core, 1);
    pool.stop();
    pool.submit([owned] {}, [&told] { ++told; });
  }
  core.take_turn(0ns);
  EXPECT_EQ(told, 0);
  EXPECT_EQ(owned.use_count(), 1);
}

TEST(Signals, ATerminationIsATaskOfTheLoop) {
  PosixTestWorld world;
  std::vector<int> got;
  {
    Signals signals(world.world().core(), [&](int number) { got.push_back(number); });
    ASSERT_EQ(::kill(::getpid(), SIGTERM), 0);
    EXPECT_TRUE(world.run_until([&] { return got.size() == 1; }));
    ASSERT_EQ(::kill(::getpid(), SIGINT), 0);
    EXPECT_TRUE(world.run_until([&] { return got.size() == 2; }));
  }
  EXPECT_EQ(got, (std::vector<int>{SIGTERM, SIGINT}));
}

TEST(PosixLog, AppendsLinesToFilesAboveItsLevel) {
  TestFolder folder;
  const std::string path = folder.path() + "/log";
  PosixClock clock;
  for (int run = 0; run < 2; ++run) {
    LogOptions options;
    options.outputs = {path};
    auto log = PosixLog::open(options, clock);
    ASSERT_TRUE(log);
    (*log)->debug("not this");
    (*log)->info("this", {{"run", run}});
    (*log)->set_level(Level::kDebug);
    (*log)->debug("now this");
  }
  PosixTestWorld world;
  const auto text = world.disk().read_file(path);
  ASSERT_TRUE(text);
  std::vector<std::string> messages;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) messages.push_back(nlohmann::json::parse(line)["msg"]);
  EXPECT_EQ(messages, (std::vector<std::string>{"this", "now this", "this", "now this"}));
}

TEST(PosixLog, LinesOfManyThreadsAreWhole) {
  TestFolder folder;
  PosixClock clock;
  LogOptions options;
  options.outputs = {folder.path() + "/log"};
  auto log = PosixLog::open(options, clock);
  ASSERT_TRUE(log);
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) (*log)->warn("line " + std::to_string(t) + "-" + std::to_string(i));
    });
  }
  for (std::thread& thread : threads) thread.join();
  PosixTestWorld world;
  const std::string text = world.disk().read_file(options.outputs[0]).value_or("");
  std::istringstream lines(text);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) EXPECT_TRUE(nlohmann::json::accept(line)) << line;
  EXPECT_EQ(count, 300);
}

}  // namespace
}  // namespace quorate::env::posix
