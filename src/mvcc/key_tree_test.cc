#include "mvcc/key_tree.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/prng.h"
#include "mvcc/key_table.h"

namespace quorate::mvcc {
namespace {

// Keys in a tree and in a table, and a map of them with their state.
class Forest {
 public:
  ~Forest() {
    while (!twin.empty()) erase(twin.begin()->first);
  }

  void insert(const std::string& text) {
    Key* key = Key::make(pool, text, table.hash_of(text));
    tree.insert(*key);
    table.insert(*key);
    twin[text] = true;
  }
  void erase(const std::string& text) {
    Key* key = table.find(text);
    tree.erase(*key);
    table.erase(*key);
    key->free(pool);
    twin.erase(text);
  }
  void mark(const std::string& text, bool live) {
    tree.mark(tree.seek(text), live);
    twin[text] = live;
  }

  std::vector<std::string> all(std::string_view from = {}) const {
    std::vector<std::string> out;
    for (auto place = tree.seek(from); !place.at_end(); place.next()) {
      out.emplace_back(place.key().text());
      EXPECT_EQ(place.live(), twin.at(out.back()));
    }
    return out;
  }
  std::vector<std::string> live(std::string_view from = {}) const {
    std::vector<std::string> out;
    for (auto place = tree.seek_live(from); !place.at_end(); place.next_live()) out.emplace_back(place.key().text());
    return out;
  }

  void expect_equal(std::string_view from) const {
    tree.check();
    std::vector<std::string> all_keys, live_keys;
    size_t before = 0;
    for (const auto& [text, is_live] : twin) {
      if (text < from) {
        before += is_live;
        continue;
      }
      all_keys.push_back(text);
      if (is_live) live_keys.push_back(text);
    }
    EXPECT_EQ(all(from), all_keys);
    EXPECT_EQ(live(from), live_keys);
    EXPECT_EQ(tree.live_before(from), before);
    EXPECT_EQ(tree.live(), before + live_keys.size());
    EXPECT_EQ(tree.size(), twin.size());
    EXPECT_EQ(table.size(), twin.size());
    for (const auto& [text, is_live] : twin) EXPECT_EQ(table.find(text)->text(), text);
    EXPECT_EQ(table.find("never there"), nullptr);
  }

  Pool pool;
  KeyTable table{1};
  KeyTree tree;
  std::map<std::string, bool> twin;
};

std::string numbered(uint64_t number) {
  std::string digits = std::to_string(number);
  return std::string(6 - digits.size(), '0') + digits;
}

TEST(KeyTree, AnEmptyTreeHasNoPlaceAndCountsNothing) {
  Forest forest;
  forest.expect_equal({});
  EXPECT_TRUE(forest.tree.seek("a").at_end());
  EXPECT_TRUE(forest.tree.seek_live("a").at_end());
}

// Few keys and many, growing and shrinking phases, so that all levels split, even out and join.
TEST(KeyTree, EqualsAMapUnderRandomChanges) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Prng prng(seed);
    Forest forest;
    const uint64_t keys = prng.below(2) != 0 ? 300 : 6000;
    for (int phase = 0; phase < 6; ++phase) {
      const uint64_t inserts = phase % 2 == 0 ? 80 : 15;
      for (uint64_t i = 0; i < keys; ++i) {
        const std::string text = numbered(prng.below(keys));
        const bool there = forest.twin.contains(text);
        if (prng.chance(30, 100) && there) {
          forest.mark(text, prng.chance(1, 2));
        } else if (prng.chance(inserts, 100)) {
          if (!there) forest.insert(text);
        } else if (there) {
          forest.erase(text);
        }
        if (prng.chance(1, keys / 2)) forest.expect_equal(numbered(prng.below(keys)));
        if (testing::Test::HasFailure()) return;
      }
    }
  }
}

TEST(KeyTree, KeysInOrderFillTheirLeaves) {
  Forest forest;
  for (uint64_t i = 0; i < 20'000; ++i) forest.insert(numbered(i));
  forest.expect_equal(numbered(12'345));
  EXPECT_LT(forest.tree.held_bytes(), 20'000u * 10);
}

TEST(KeyTree, BuiltOfKeysInOrderEqualsAMapAndGoesOnChanging) {
  for (const size_t count : {0, 1, 64, 65, 64 * 32, 64 * 32 + 1, 64 * 32 * 32 + 1}) {
    Forest forest;
    std::vector<Key*> keys;
    std::vector<Record*> records;
    for (uint64_t i = 0; i < count; ++i) {
      Key* key = Key::make(forest.pool, numbered(2 * i), forest.table.hash_of(numbered(2 * i)));
      const Record::Fields put{.mod_revision = 9, .create_revision = 9, .version = 1};
      const Record::Fields tombstone{.mod_revision = 9};
      records.push_back(key->newest = Record::make(forest.pool, *key, i % 3 == 0 ? tombstone : put, {}));
      forest.twin[numbered(2 * i)] = i % 3 != 0;
      keys.push_back(key);
    }
    forest.tree.build(keys);
    forest.table.reserve(count);
    const size_t buckets = forest.table.buckets();
    for (Key* key : keys) forest.table.insert(*key);
    EXPECT_EQ(forest.table.buckets(), buckets);
    forest.expect_equal(numbered(count));
    Prng prng(count);
    for (int i = 0; i < 3000; ++i) {
      const std::string text = numbered(prng.below(2 * count + 10));
      if (!forest.twin.contains(text)) {
        forest.insert(text);
      } else if (prng.chance(2, 3)) {
        forest.erase(text);
      } else {
        forest.mark(text, prng.chance(1, 2));
      }
    }
    forest.expect_equal(numbered(count));
    for (Record* record : records) record->free(forest.pool);
  }
}

TEST(KeyTree, KeysInRandomOrderLeaveLeavesTwoThirdsFull) {
  Forest forest;
  Prng prng(3);
  for (uint64_t i = 0; i < 20'000; ++i) {
    const std::string text = numbered(prng.below(1'000'000));
    if (!forest.twin.contains(text)) forest.insert(text);
  }
  forest.expect_equal(numbered(500'000));
  EXPECT_LT(forest.tree.held_bytes(), forest.twin.size() * 14);
}

TEST(KeyTree, GivesItsNodesBackFromEitherEnd) {
  for (const bool from_front : {true, false}) {
    Forest forest;
    const size_t empty = forest.tree.held_bytes();
    for (uint64_t i = 0; i < 10'000; ++i) forest.insert(numbered(i));
    for (uint64_t i = 0; i < 10'000; ++i) {
      forest.erase(numbered(from_front ? i : 9'999 - i));
      if (i % 1000 == 0) forest.tree.check();
    }
    forest.expect_equal({});
    EXPECT_EQ(forest.tree.held_bytes(), empty);
  }
}

// The right edge may hold nodes with one child: its only key goes, comes back and goes.
TEST(KeyTree, ANodeOfOneKeyAtTheRightEdgeMayEmpty) {
  for (uint64_t size = 1; size < 64 * 33 + 2; ++size) {
    if (size % 64 > 2) continue;  // elsewhere the last leaf keeps others
    Forest forest;
    for (uint64_t i = 0; i < size; ++i) forest.insert(numbered(i));
    const std::string last = numbered(size - 1);
    forest.erase(last);
    forest.tree.check();
    forest.insert(last);
    forest.tree.check();
    forest.expect_equal(last);
  }
}

TEST(KeyTree, ASparseRestIsFoundWithoutWalkingOverTheDead) {
  Forest forest;
  for (uint64_t i = 0; i < 30'000; ++i) forest.insert(numbered(i));
  for (uint64_t i = 0; i < 30'000; ++i) {
    if (i % 10'007 != 5) forest.mark(numbered(i), false);
  }
  EXPECT_EQ(forest.live(), (std::vector<std::string>{numbered(5), numbered(10'012), numbered(20'019)}));
  EXPECT_EQ(forest.tree.live_before(numbered(10'012)), 1u);
  forest.expect_equal(numbered(10'013));
}

TEST(KeyTree, MarkingKeepsThePlace) {
  Forest forest;
  for (uint64_t i = 0; i < 1'000; ++i) forest.insert(numbered(i));
  size_t seen = 0;
  for (auto place = forest.tree.seek_live({}); !place.at_end(); place.next_live()) {
    EXPECT_EQ(place.key().text(), numbered(seen++));
    forest.tree.mark(place, false);
  }
  EXPECT_EQ(seen, 1'000u);
  EXPECT_EQ(forest.tree.live(), 0u);
}

TEST(KeyTree, KeysMayHoldAnyBytes) {
  Forest forest;
  for (const std::string& text : {std::string("\0", 1), std::string("\0\0", 2), std::string("\xff"), std::string("a"),
                                  std::string("a\0", 2), std::string("\xff\xff")}) {
    forest.insert(text);
  }
  forest.expect_equal({});
  forest.expect_equal("a");
  forest.expect_equal("\xff\xff\xff");
}

TEST(KeyTable, GrowsAndShrinksABucketAtATime) {
  Forest forest;
  for (uint64_t i = 0; i < 30'000; ++i) {
    forest.insert(numbered(i));
    EXPECT_LE(2 * forest.table.size(), 3 * forest.table.buckets());
  }
  for (uint64_t i = 0; i < 30'000; ++i) {
    forest.erase(numbered(i));
    EXPECT_LE(forest.table.buckets(), std::max<size_t>(16, 2 * forest.table.size() + 1));
  }
}

TEST(Pool, TakesSlotsOfAnySizeAndGivesRegionsBack) {
  Pool pool;
  Prng prng(1);
  struct Taken {
    char* memory;
    size_t bytes;
    char mark;
  };
  std::vector<Taken> taken;
  const auto give = [&](size_t index) {
    const Taken gone = taken[index];
    for (size_t i = 0; i < gone.bytes; ++i) ASSERT_EQ(gone.memory[i], gone.mark);
    pool.give(gone.memory, gone.bytes);
    taken[index] = taken.back();
    taken.pop_back();
  };
  for (int i = 0; i < 40'000; ++i) {
    if (taken.empty() || prng.chance(3, 5)) {
      const size_t bytes = prng.below(20) == 0 ? prng.below(3000) + 1 : prng.below(400) + 1;
      auto* memory = static_cast<char*>(pool.take(bytes));
      const char mark = static_cast<char>(prng.below(256));
      std::fill_n(memory, bytes, mark);
      taken.push_back({memory, bytes, mark});
    } else {
      give(prng.below(taken.size()));
    }
  }
  while (!taken.empty()) give(taken.size() - 1);
  EXPECT_LE(pool.held_bytes(), 2u * 1024 * 1024);
}

TEST(Record, AFieldThatMostDoNotNeedTakesNoRoom) {
  Pool pool;
  Key* key = Key::make(pool, "key", 7);
  const auto bytes = [&](const Record::Fields& fields) {
    Record* record = Record::make(pool, *key, fields, "value");
    const pb::KeyValue kv = record->kv();
    EXPECT_EQ(std::tuple(kv.key, kv.mod_revision, kv.create_revision, kv.version, kv.lease, kv.value),
              std::tuple("key", fields.mod_revision, fields.create_revision, fields.version, fields.lease, "value"));
    EXPECT_EQ(record->sub(), fields.sub);
    EXPECT_EQ(record->tombstone(), fields.version == 0);
    const size_t size = record->bytes();
    record->free(pool);
    return size - 5;
  };
  constexpr int64_t kBig = int64_t{1} << 40;
  EXPECT_EQ(bytes({kBig, kBig, 1, 0, 0}), 32u);
  EXPECT_EQ(bytes({kBig, 0, 0, 0, 0}), 32u);
  EXPECT_EQ(bytes({kBig + 9, kBig, 5, 0, 0}), 40u);
  EXPECT_EQ(bytes({kBig, 3, 5, 0, 0}), 48u);
  EXPECT_EQ(bytes({9, 3, kBig, 0, 0}), 48u);
  EXPECT_EQ(bytes({9, 9, 1, -7, 0}), 40u);
  EXPECT_EQ(bytes({9, 9, 1, 0, 0xffffffff}), 36u);
  EXPECT_EQ(bytes({kBig, 3, kBig, kBig, 1}), 60u);
  EXPECT_EQ(bytes({9, 0, 0, 0, 4}), 36u);
  key->free(pool);
}

}  // namespace
}  // namespace quorate::mvcc
