#include "env/sim/universe.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace quorate::env::sim {
namespace {

TEST(Universe, EventsHappenByTimeThenByAge) {
  Universe universe(1);
  std::string order;
  const MonoTime now = universe.now();
  universe.at(now + 2ms, [&] { order += 'c'; });
  universe.at(now + 1ms, [&] { order += 'a'; });
  universe.at(now + 1ms, [&] { order += 'b'; });
  universe.at(now - 1s, [&] { order += '0'; });
  EXPECT_EQ(order, "") << "nothing happens within the call";
  while (universe.step()) {}
  EXPECT_EQ(order, "0abc");
  EXPECT_EQ(universe.now(), now + 2ms);
  EXPECT_EQ(universe.events(), 4u);
}

TEST(Universe, ACanceledEventDoesNotHappen) {
  Universe universe(1);
  bool happened = false;
  const EventId event = universe.after(1ms, [&] { happened = true; });
  EXPECT_NE(event, 0u);
  universe.cancel(event);
  universe.cancel(event);
  EXPECT_FALSE(universe.step());
  EXPECT_FALSE(happened);
}

TEST(Universe, RunUntilStopsAtItsConditionOrItsLimit) {
  Universe universe(1);
  int ticks = 0;
  std::function<void()> tick = [&] { ++ticks, universe.after(10ms, [&] { tick(); }); };
  tick();
  EXPECT_TRUE(universe.run_until([&] { return ticks == 5; }, 1s));
  EXPECT_EQ(ticks, 5);
  EXPECT_FALSE(universe.run_until([] { return false; }, 100ms));
  EXPECT_EQ(ticks, 15);
  Universe empty(1);
  EXPECT_FALSE(empty.run_until([] { return false; }, 1s));
}

TEST(Universe, RunForLeavesTheTimeAtItsEnd) {
  Universe universe(1);
  bool late = false;
  universe.after(11ms, [&] { late = true; });
  universe.run_for(10ms);
  EXPECT_EQ(universe.now(), Universe::kBeginning + 10ms);
  EXPECT_FALSE(late);
  universe.run_for(1ms);
  EXPECT_TRUE(late);
}

TEST(Universe, TheHashTellsEveryPartOfANoteAndItsTime) {
  const auto hash = [](Duration when, std::string_view what, uint64_t a, uint64_t b, std::string_view bytes) {
    Universe universe(1);
    universe.run_for(when);
    universe.note(what, a, b, bytes);
    return universe.trace_hash();
  };
  const std::set<uint64_t> different = {hash(0s, "x", 1, 2, "abc"),
                                        hash(1ns, "x", 1, 2, "abc"),
                                        hash(0s, "y", 1, 2, "abc"),
                                        hash(0s, "x", 2, 1, "abc"),
                                        hash(0s, "x", 1, 2, "abd"),
                                        hash(0s, "x", 1, 2, std::string(9, 'a')),
                                        hash(0s, "x", 1, 2, std::string_view("abc\0", 4)),
                                        hash(0s, "xa", 1, 2, "bc")};
  EXPECT_EQ(different.size(), 8u);
  EXPECT_EQ(hash(0s, "x", 1, 2, "abc"), hash(0s, "x", 1, 2, "abc"));
}

TEST(Universe, AStoryIsToldWithoutChangingTheHash) {
  std::vector<std::string> lines;
  Universe silent(1);
  Universe loud(1);
  loud.set_story([&](MonoTime, std::string_view line) { lines.emplace_back(line); });
  for (Universe* universe : {&silent, &loud}) {
    universe->note("delivery", 7, 8, "bytes");
    universe->tell("and so on");
  }
  EXPECT_EQ(lines, (std::vector<std::string>{"delivery 7 8", "and so on"}));
  EXPECT_EQ(silent.trace_hash(), loud.trace_hash());
  EXPECT_FALSE(silent.has_listener());
}

TEST(Universe, DrawsReachBothEnds) {
  Universe universe(1);
  std::set<Duration> drawn;
  for (int i = 0; i < 200; ++i) drawn.insert(universe.draw(3ns, 5ns));
  EXPECT_EQ(drawn, (std::set<Duration>{3ns, 4ns, 5ns}));
}

}  // namespace
}  // namespace quorate::env::sim
