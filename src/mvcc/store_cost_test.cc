// What requests cost, in allocations rather than in time.
#include <gtest/gtest.h>

#include <string>

#include "base/testing/heap.h"
#include "mvcc/store.h"

namespace quorate::mvcc {
namespace {

class NoLease final : public LeaseBook {
 public:
  bool exists(LeaseId) const override { return false; }
  void move_key(std::string_view, LeaseId, LeaseId) override {}
};

class StoreCost : public testing::Test {
 protected:
  StoreCost() {
    for (int i = 0; i < 1'000; ++i) put(keys[static_cast<size_t>(i)] = "key " + std::to_string(i));
  }
  void put(const std::string& key) { (void)store.put({.key = key, .value = value}, leases).value(); }

  const std::string value = std::string(256, 'v');
  std::vector<std::string> keys = std::vector<std::string>(1'000);
  NoLease leases;
  Store store;
};

TEST_F(StoreCost, AnUpdateTakesASlotOfThePoolAndOneOfHistory) {
  const size_t before = Heap::allocations;
  for (const std::string& key : keys) put(key);
  if (!Heap::counts()) GTEST_SKIP();
  EXPECT_LE(Heap::allocations - before, 25u);  // history's blocks of 64, its map, a region
}

TEST_F(StoreCost, AGetAllocatesWhatFoundItAndItsAnswer) {
  const size_t before = Heap::allocations;
  for (const std::string& key : keys) (void)store.range({.key = key}).value();
  if (!Heap::counts()) GTEST_SKIP();
  EXPECT_EQ(Heap::allocations - before, 2 * keys.size());
}

TEST_F(StoreCost, ACountAllocatesNothing) {
  const size_t before = Heap::allocations;
  EXPECT_EQ(store.range({.key = "k", .range_end = "l", .count_only = true}).value().count, 1'000);
  if (!Heap::counts()) GTEST_SKIP();
  EXPECT_EQ(Heap::allocations, before);
}

TEST_F(StoreCost, ARangeAllocatesTheSameWhateverItsLength) {
  const size_t before = Heap::allocations;
  EXPECT_EQ(store.range({.key = "k", .range_end = "l"}).value().kvs.size(), 1'000u);
  if (!Heap::counts()) GTEST_SKIP();
  EXPECT_EQ(Heap::allocations - before, 2u);
}

TEST_F(StoreCost, RecordsOfManyKeysTakeLittleBesideTheirBytes) {
  Store many;
  for (int i = 0; i < 30'000; ++i) {
    std::string key = std::to_string(1'000'000 + i);
    key.resize(64, '.');
    (void)many.put({.key = key, .value = value}, leases).value();
  }
  EXPECT_LT(many.bytes(), 30'000u * (64 + 256 + 88 + 1));  // 32 and 24 of headers, 8 of history, 24 of indexes
  if (Pool::ends_with_pool(256)) {
    EXPECT_LT(many.held_bytes(), 30'000u * 415 + 2u * 1024 * 1024);  // a region may be all but empty
  }
}

}  // namespace
}  // namespace quorate::mvcc
