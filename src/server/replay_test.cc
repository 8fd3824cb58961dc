// What a start holds in memory, and what it refuses to apply.
#include "server/replay.h"

#include <gtest/gtest.h>

#include <string>

#include "base/testing/heap.h"
#include "server/testing/bench.h"

namespace quorate::server {
namespace {

using testing::Bench;

constexpr size_t kMiB = 1024 * 1024;

TEST(Replay, HoldsTheStoreAndAWindowOfTheLogWhateverTheLogHolds) {
  Bench bench;
  bench.keep_recovered = false;
  bench.serve();
  const std::string value(64 * 1024, 'v');
  for (int i = 0; i < 256; ++i) {  // 16 MiB, and all of it is history
    bench.put("k", value);
    bench.settle();
  }
  const Revision revision = bench.replica().machine().store().revision();
  bench.kill();
  const size_t before = Heap::peak = Heap::live;
  bench.open();
  const size_t store = bench.replica().machine().store().bytes();
  EXPECT_GT(store, 15 * kMiB);
  if (Heap::counts()) {
    EXPECT_LT(Heap::peak - before, store + 5 * kMiB);  // the pool's region, the window, the batch at hand
  }
  EXPECT_LE(bench.recovered.entries.size(), 2u);
  bench.settle();
  EXPECT_EQ(bench.replica().machine().store().revision(), revision);
}

TEST(Replay, AnEntryThatNoHardStateCountsIsAppliedByRaft) {
  Bench bench;
  bench.serve();
  for (int i = 0; i < 5; ++i) {
    bench.put("k", std::to_string(i));
    bench.settle();
  }
  const Index last = bench.replica().commit();
  bench.keep_recovered = false;
  bench.kill();
  bench.open();
  // The commit index rides on the write that follows.
  ASSERT_EQ(bench.recovered.entries.size(), 1u);
  EXPECT_EQ(bench.recovered.entries[0].index, last);
  bench.settle();
  EXPECT_EQ(bench.get("k"), "4");
}

}  // namespace
}  // namespace quorate::server
