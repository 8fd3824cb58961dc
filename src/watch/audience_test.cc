#include "watch/audience.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>

#include "base/prng.h"

namespace quorate::watch {
namespace {

using namespace std::string_view_literals;
constexpr auto kOneZero = "\0"sv;

using Range = std::pair<std::string, std::string>;

std::string some_text(Prng& random, size_t size_max) {
  static constexpr std::string_view kLetters("\0ab\xff", 4);
  std::string out;
  for (size_t size = random.between(1, size_max); out.size() < size;) out += kLetters[random.below(kLetters.size())];
  return out;
}

Range some_range(Prng& random) {
  for (;;) {
    Range range(some_text(random, 3), random.chance(1, 4) ? std::string(kOneZero) : some_text(random, 3));
    const mvcc::KeyRange view{range.first, range.second};
    if (!view.single() && !view.never()) return range;
  }
}

TEST(RangeTree, FindsTheGroupsThatHoldAKeyAsAListDoes) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Prng random(seed);
    RangeTree tree;
    std::map<Range, const Group*> list;
    for (int turn = 0; turn < 200; ++turn) {
      if (list.empty() || random.chance(3, 5)) {
        const Range range = some_range(random);
        const Group* group = &tree.at({range.first, range.second});
        const auto [it, fresh] = list.emplace(range, group);
        ASSERT_EQ(it->second, group) << "the address lasts";
      } else {
        const auto it = std::next(list.begin(), static_cast<std::ptrdiff_t>(random.below(list.size())));
        tree.erase(*it->second);
        list.erase(it);
      }
      tree.depth();
      ASSERT_EQ(tree.empty(), list.empty());
      const std::string key = some_text(random, 4);
      std::set<const Group*> expected, found;
      for (const auto& [range, group] : list) {
        if (mvcc::KeyRange{range.first, range.second}.contains(key)) expected.insert(group);
      }
      tree.each_with(key, [&](const Group& group) {
        EXPECT_TRUE(found.insert(&group).second);
        EXPECT_TRUE(list.contains(Range(group.key, group.end)));
      });
      ASSERT_EQ(found, expected);

      std::string first = some_text(random, 3), last = some_text(random, 3);
      if (last < first) std::swap(first, last);
      expected.clear();
      found.clear();
      for (const auto& [range, group] : list) {
        const bool ends_after = range.second == kOneZero || range.second > first;
        if (range.first <= last && ends_after) expected.insert(group);
      }
      tree.each_meeting(first, last, [&](const Group& group) { EXPECT_TRUE(found.insert(&group).second); });
      ASSERT_EQ(found, expected);
    }
  }
}

TEST(RangeTree, StaysShallowWhateverTheOrderOfTheRanges) {
  for (const bool rising : {true, false}) {
    RangeTree tree;
    std::vector<const Group*> groups;
    for (int i = 0; i < 4096; ++i) {
      std::string key = std::to_string(rising ? 10'000 + i : 20'000 - i);
      groups.push_back(&tree.at({key, key + "0"}));
    }
    EXPECT_LE(tree.depth(), 18);  // 1.44 * log2(4096)
    for (size_t i = 0; i < 4000; ++i) tree.erase(*groups[i]);
    EXPECT_LE(tree.depth(), 10);
  }
}

TEST(RangeTree, ComesToGroupsByBeginAndThenByEnd) {
  RangeTree tree;
  for (const auto& [key, end] : std::vector<Range>{{"b", "d"}, {"a", "z"}, {"b", std::string(kOneZero)}, {"a", "c"}}) {
    tree.at({key, end});
  }
  std::vector<Range> found;
  tree.each_with("b", [&](const Group& group) { found.emplace_back(group.key, group.end); });
  EXPECT_EQ(found, (std::vector<Range>{{"a", "c"}, {"a", "z"}, {"b", "d"}, {"b", std::string(kOneZero)}}));
}

TEST(Audience, HoldsWatchersOfKeysAndRangesAndForgetsThem) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Prng random(seed);
    Audience audience;
    std::deque<Watcher> watchers;
    std::vector<Watcher*> inside;
    for (int turn = 0; turn < 200; ++turn) {
      if (inside.empty() || random.chance(3, 5)) {
        Watcher& watcher = watchers.emplace_back();
        if (random.chance(1, 2)) {
          watcher.key = some_text(random, 2);
        } else {
          std::tie(watcher.key, watcher.end) = some_range(random);
        }
        audience.add(watcher);
        inside.push_back(&watcher);
      } else {
        const auto it = inside.begin() + static_cast<std::ptrdiff_t>(random.below(inside.size()));
        audience.remove(**it);
        inside.erase(it);
      }
      ASSERT_EQ(audience.empty(), inside.empty());
      const std::string key = some_text(random, 3);
      std::multiset<const Watcher*> expected, found;
      for (const Watcher* watcher : inside) {
        if (watcher->range().contains(key)) expected.insert(watcher);
      }
      audience.each_group(key, [&](const Group& group) { found.insert(group.watchers.begin(), group.watchers.end()); });
      ASSERT_EQ(found, expected);
    }
  }
}

}  // namespace
}  // namespace quorate::watch
