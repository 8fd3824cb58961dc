#include "env/timers.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "base/prng.h"

namespace quorate::env {
namespace {

MonoTime at_ms(int64_t ms) { return MonoTime(std::chrono::milliseconds(ms)); }

std::string fire_all(Timers& timers, MonoTime now, std::string& fired) {
  while (Task task = timers.take_due(now)) task();
  return std::exchange(fired, "");
}

TEST(Timers, FireByDeadlineThenByAge) {
  Timers timers;
  std::string fired;
  for (const auto& [ms, name] : {std::pair{5, 'c'}, {3, 'a'}, {5, 'd'}, {3, 'b'}, {9, 'e'}}) {
    timers.add(at_ms(ms), [&fired, letter = name] { fired += letter; });
  }
  EXPECT_EQ(timers.next_deadline(), at_ms(3));
  EXPECT_EQ(fire_all(timers, at_ms(2), fired), "");
  EXPECT_EQ(fire_all(timers, at_ms(5), fired), "abcd");
  EXPECT_EQ(fire_all(timers, at_ms(9), fired), "e");
  EXPECT_EQ(timers.next_deadline(), std::nullopt);
}

TEST(Timers, ALateCancelForgetsNothingElse) {
  Timers timers;
  std::string fired;
  const TimerId first = timers.add(at_ms(1), [&] { fired += 'a'; });
  EXPECT_NE(first, 0u);
  EXPECT_EQ(fire_all(timers, at_ms(1), fired), "a");
  const TimerId second = timers.add(at_ms(2), [&] { fired += 'b'; });
  EXPECT_NE(first, second);
  timers.cancel(first);
  timers.cancel(0);
  timers.cancel(~TimerId{0});
  EXPECT_EQ(fire_all(timers, at_ms(2), fired), "b");
}

TEST(Timers, ATaskMayCancelAnotherThatIsDue) {
  Timers timers;
  std::string fired;
  TimerId other = 0;
  timers.add(at_ms(1), [&] { timers.cancel(other); });
  other = timers.add(at_ms(1), [&] { fired += 'x'; });
  EXPECT_EQ(fire_all(timers, at_ms(1), fired), "");
  EXPECT_EQ(timers.size(), 0u);
}

// Against a sorted map that does the same slowly.
TEST(Timers, AgreeWithASortedMap) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Prng prng(seed);
    Timers timers;
    std::map<std::pair<MonoTime, int>, TimerId> twin;
    std::vector<int> fired;
    std::vector<TimerId> old_ids;
    int next = 0;
    int64_t now = 0;
    for (int step = 0; step < 500; ++step) {
      const uint64_t what = prng.below(10);
      if (what < 6) {
        const MonoTime deadline = at_ms(now + static_cast<int64_t>(prng.below(20)));
        const int number = next++;
        const TimerId id = timers.add(deadline, [&fired, number] { fired.push_back(number); });
        twin[{deadline, number}] = id;
        old_ids.push_back(id);
      } else if (what < 8 && !old_ids.empty()) {
        const TimerId id = old_ids[prng.below(old_ids.size())];
        timers.cancel(id);
        std::erase_if(twin, [id](const auto& entry) { return entry.second == id; });
      } else {
        now += static_cast<int64_t>(prng.below(5));
        std::vector<int> expected;
        while (!twin.empty() && twin.begin()->first.first <= at_ms(now)) {
          expected.push_back(twin.begin()->first.second);
          twin.erase(twin.begin());
        }
        fired.clear();
        while (Task task = timers.take_due(at_ms(now))) task();
        ASSERT_EQ(fired, expected) << "seed " << seed << " step " << step;
      }
      ASSERT_EQ(timers.size(), twin.size()) << "seed " << seed << " step " << step;
      if (!twin.empty()) {
        ASSERT_EQ(timers.next_deadline(), twin.begin()->first.first);
      }
    }
  }
}

}  // namespace
}  // namespace quorate::env
