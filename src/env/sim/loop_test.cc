#include "env/sim/loop.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "env/sim/clock.h"
#include "env/sim/pool.h"
#include "env/sim/test_world.h"

namespace quorate::env::sim {
namespace {

TEST(SimClock, DriftMakesTimersFireSoonerOrLaterInTheUniverse) {
  for (const int64_t ppm : {-200'000, -37, 0, 11, 500'000}) {
    TestWorld world(1);
    world.process->clock().set_drift_ppm(ppm);
    const MonoTime begin = world.universe.now();
    const MonoTime due = world.clock().now() + 10s;
    bool fired = false;
    world.loop().at(due, [&] {
      fired = true;
      EXPECT_GE(world.loop().now(), due);
    });
    ASSERT_TRUE(world.run_until([&] { return fired; }));
    const auto expected = Duration(10'000'000'000'000'000 / (1'000'000 + ppm));
    EXPECT_GE(world.universe.now() - begin, expected - 1us) << ppm;
    EXPECT_LE(world.universe.now() - begin, expected + 1ms) << ppm;
  }
}

TEST(SimClock, ATimerHoldsWhenTheDriftChangesBeforeIt) {
  TestWorld world(1);
  const MonoTime begin = world.universe.now();
  bool fired = false;
  world.loop().after(10s, [&] { fired = true; });
  world.universe.run_for(2s);
  world.process->clock().set_drift_ppm(500'000);
  ASSERT_TRUE(world.run_until([&] { return fired; }));
  // 2 s at the plain rate, the other 8 s in two thirds of the time.
  EXPECT_NEAR(static_cast<double>((world.universe.now() - begin).count()), 7.333e9, 1e7);
}

TEST(SimClock, TheMonotonicClockNeverStepsBackAndTheWallClockJumps) {
  Prng prng(5);
  TestWorld world(5);
  MonoTime last = world.clock().now();
  for (int i = 0; i < 200; ++i) {
    world.universe.run_for(Duration(static_cast<int64_t>(prng.below(50'000))));
    world.process->clock().set_drift_ppm(static_cast<int64_t>(prng.below(1'000'000)) - 500'000);
    ASSERT_GE(world.clock().now(), last);
    last = world.clock().now();
  }
  const WallTime before = world.clock().wall();
  world.process->clock().jump_wall(-1h);
  EXPECT_LE(world.clock().wall(), before - 1h + 1s);
  EXPECT_EQ(world.clock().now(), last);
}

TEST(SimClock, ProcessesAgreeOnTheWallClockUpToTheirOffsetsAndOnNothingElse) {
  TestWorld world(1);
  const auto other = world.another("10.0.0.2");
  EXPECT_NE(world.process->clock().now(), other->clock().now());
  EXPECT_EQ(world.process->clock().wall(), other->clock().wall());
  EXPECT_EQ(world.process->clock().wall(), SimClock::kWallBeginning);
  world.start({.wall_offset = 3s});
  EXPECT_EQ(world.process->clock().wall(), other->clock().wall() + 3s);
}

TEST(SimLoop, TheOrderOfTwoLoopsVariesBySeed) {
  std::set<std::string> orders;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    TestWorld world(seed);
    const auto other = world.another("10.0.0.2");
    std::string order;
    world.loop().post([&] { order += 'a'; });
    other->core().post([&] { order += 'b'; });
    ASSERT_TRUE(world.run_until([&] { return order.size() == 2; }));
    orders.insert(order);
  }
  EXPECT_EQ(orders, (std::set<std::string>{"ab", "ba"}));
}

TEST(SimLoop, APausedProcessTakesNoTurnUntilItsTimeHasPassed) {
  TestWorld world(1, {.io_loops = 1});
  world.universe.run_for(1ms);
  MonoTime core{}, io{};
  world.process->pause(5s);
  const MonoTime begin = world.universe.now();
  world.loop().post([&] { core = world.universe.now(); });
  world.process->send(0, [&] { io = world.universe.now(); });
  EXPECT_FALSE(world.universe.run_until([&] { return core != MonoTime() || io != MonoTime(); }, 4999ms));
  EXPECT_TRUE(world.run_until([&] { return core != MonoTime() && io != MonoTime(); }));
  EXPECT_GE(std::min(core, io), begin + 5s);
  EXPECT_LE(std::max(core, io), begin + 5s + 1ms);
}

TEST(SimLoop, ATurnTakesTimeAndTheNextOneComesAfterIt) {
  TestWorld world(1);
  MonoTime end{};
  MonoTime next{};
  world.loop().post([&] {
    for (int i = 0; i < 1000; ++i) end = world.clock().now();
    world.loop().post([&] { next = world.loop().now(); });
  });
  const MonoTime begin = world.universe.now();
  ASSERT_TRUE(world.run_until([&] { return next != MonoTime(); }));
  EXPECT_GE(next, end);
  EXPECT_GE(world.universe.now() - begin, 1ms) << "a thousand readings of a microsecond each";
}

TEST(SimLoop, AnIdleLoopTakesNoTurns) {
  TestWorld world(1);
  world.universe.run_for(1s);
  const uint64_t turns = world.process->core().turns();
  const TimerId timer = world.loop().after(1s, [] { FAIL(); });
  world.universe.run_for(500ms);
  world.loop().cancel(timer);
  world.universe.run_for(10s);
  EXPECT_EQ(world.process->core().turns(), turns);
}

TEST(SimPool, WorkRunsLaterAndOneEndMayOvertakeAnother) {
  std::set<std::string> orders;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    TestWorld world(seed);
    std::string order;
    for (const char name : {'a', 'b'}) {
      world.process->pool().submit([&order, name] { order += name; },
                                   [&order, name] { order += static_cast<char>(name - 'a' + 'A'); });
    }
    EXPECT_EQ(order, "");
    ASSERT_TRUE(world.run_until([&] { return order.size() == 4; }));
    EXPECT_LT(order.find('a'), order.find('A'));
    EXPECT_LT(order.find('b'), order.find('B'));
    orders.insert(order);
  }
  EXPECT_GT(orders.size(), 1u);
}

}  // namespace
}  // namespace quorate::env::sim
