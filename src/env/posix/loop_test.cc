#include "env/posix/loop.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <limits>
#include <thread>
#include <vector>

#include "env/clock_contract.h"
#include "env/loop_contract.h"
#include "env/posix/test_world.h"

namespace quorate::env {
INSTANTIATE_TYPED_TEST_SUITE_P(Posix, ClockContract, posix::PosixTestWorld);
INSTANTIATE_TYPED_TEST_SUITE_P(Posix, LoopContract, posix::PosixTestWorld);
}  // namespace quorate::env

namespace quorate::env::posix {
namespace {

struct Fixture {
  PosixClock clock;
  NullLog log;
  PosixLoop loop{clock, log};
};

TEST(PosixLoop, StopEndsALoopThatSleepsAndItMayRunAgain) {
  Fixture fixture;
  std::thread runner([&] { fixture.loop.run(); });
  fixture.loop.stop();
  runner.join();
  fixture.loop.post([&] { fixture.loop.stop(); });
  fixture.loop.run();
}

TEST(PosixLoop, AWakeDuringATurnMakesTheNextOneComeAtOnce) {
  Fixture fixture;
  fixture.loop.post([&] { fixture.loop.wake(); });
  const MonoTime begin = fixture.clock.now();
  fixture.loop.take_turn(10s);
  fixture.loop.take_turn(10s);
  EXPECT_LT(fixture.clock.now() - begin, 5s);
}

TEST(PosixLoop, SleepsUntilItsNextTimer) {
  Fixture fixture;
  bool fired = false;
  const MonoTime begin = fixture.clock.now();
  fixture.loop.after(5ms, [&] { fired = true; });
  int turns = 0;
  while (!fired) {
    fixture.loop.take_turn(10s);
    ++turns;
  }
  EXPECT_GE(fixture.clock.now() - begin, 5ms);
  EXPECT_LT(fixture.clock.now() - begin, 5s);
  EXPECT_LE(turns, 3);
}

// A lost wake leaves the loop asleep with an item in its mailbox: the test would hang.
TEST(PosixLoop, ServesManyProducersWithoutLosingAWake) {
  constexpr uint64_t kItems = 20'000;
  constexpr size_t kProducers = 3;
  Fixture fixture;
  std::vector<uint64_t> next(kProducers);
  uint64_t handled = 0;
  Mailbox<std::pair<size_t, uint64_t>> clients(fixture.loop, Priority::kClient, std::numeric_limits<size_t>::max(),
                                               [&](std::pair<size_t, uint64_t>&& item) {
                                                 ASSERT_EQ(item.second, next[item.first]++);
                                                 if (++handled == kItems * kProducers) fixture.loop.stop();
                                               });
  std::vector<std::thread> producers;
  for (size_t p = 0; p < kProducers; ++p) {
    producers.emplace_back([&, p] {
      for (uint64_t i = 0; i < kItems; ++i) {
        clients.push({p, i});
        // Pauses of many lengths, so that pushes meet the loop in each of its states.
        for (uint64_t spin = 0; spin < (i * 7919) % 64; ++spin) std::this_thread::yield();
      }
    });
  }
  fixture.loop.run();
  for (std::thread& producer : producers) producer.join();
  EXPECT_EQ(handled, kItems * kProducers);
}

// Two loops that answer each other: every step is a wake of one that may just be falling asleep.
TEST(PosixLoop, TwoLoopsPassABallBackAndForth) {
  constexpr int kRounds = 20'000;
  Fixture left;
  Fixture right;
  Mailbox<int>* to_left = nullptr;
  Mailbox<int> to_right(right.loop, Priority::kClient, 1, [&](int&& ball) { to_left->push(int{ball}); });
  Mailbox<int> left_box(left.loop, Priority::kCompletion, 1, [&](int&& ball) {
    if (ball == kRounds) return left.loop.stop();
    to_right.push(ball + 1);
  });
  to_left = &left_box;
  std::thread runner([&] { right.loop.run(); });
  to_right.push(0);
  left.loop.run();
  right.loop.stop();
  runner.join();
}

// Counts its calls; told of an eventfd.
class Counted final : public Ready {
 public:
  void on_ready(uint32_t) override {
    ++calls;
    if (again) again();
  }
  int calls = 0;
  std::function<void()> again;
};

TEST(PosixLoop, OneThatIsForgottenIsNotCalledThoughItsEventWasFetched) {
  Fixture fixture;
  Counted first;
  Counted second;
  const Fd one(::eventfd(1, EFD_NONBLOCK));
  const Fd two(::eventfd(1, EFD_NONBLOCK));
  ASSERT_TRUE(fixture.loop.watch(one.get(), EPOLLIN | EPOLLET, first).ok());
  ASSERT_TRUE(fixture.loop.watch(two.get(), EPOLLIN | EPOLLET, second).ok());
  first.again = [&] { fixture.loop.unwatch(two.get(), second); };
  second.again = [&] { fixture.loop.unwatch(one.get(), first); };
  fixture.loop.take_turn(0ns);
  fixture.loop.take_turn(0ns);
  EXPECT_EQ(first.calls + second.calls, 1);
  fixture.loop.forget(first);
  fixture.loop.forget(second);
}

TEST(PosixLoop, OneThatAsksAgainWaitsBehindTheOthers) {
  Fixture fixture;
  std::string order;
  Counted first;
  Counted second;
  first.again = [&] {
    order += '1';
    if (first.calls < 3) fixture.loop.make_ready(first);
  };
  second.again = [&] { order += '2'; };
  fixture.loop.make_ready(first);
  fixture.loop.make_ready(second);
  fixture.loop.make_ready(second);
  fixture.loop.take_turn(0ns);
  EXPECT_EQ(order, "1211");
}

TEST(PosixLoopDeathTest, ACallFromAStrangeThreadIsOurMistake) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        Fixture fixture;
        fixture.loop.post([&] { std::thread([&] { fixture.loop.post([] {}); }).join(); });
        fixture.loop.run();
      },
      "CHECK failed");
}

}  // namespace
}  // namespace quorate::env::posix
