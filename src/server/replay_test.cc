// What a start holds in memory, and what it refuses to apply.
#include "server/replay.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <string>

#include "server/testing/bench.h"

namespace {

size_t bytes_live = 0;
size_t bytes_peak = 0;

void* counted(size_t size, size_t alignment = 0) {
  size = size == 0 ? 1 : size;
  void* memory = alignment == 0 ? std::malloc(size)
                                : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (!memory) std::abort();
  bytes_live += malloc_usable_size(memory);
  bytes_peak = std::max(bytes_peak, bytes_live);
  return memory;
}

void uncounted(void* memory) {
  if (memory) bytes_live -= malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

void* operator new(size_t size) { return counted(size); }
void* operator new[](size_t size) { return counted(size); }
void* operator new(size_t size, std::align_val_t alignment) { return counted(size, static_cast<size_t>(alignment)); }
void operator delete(void* memory) noexcept { uncounted(memory); }
void operator delete(void* memory, size_t /*size*/) noexcept { uncounted(memory); }
void operator delete[](void* memory) noexcept { uncounted(memory); }
void operator delete[](void* memory, size_t /*size*/) noexcept { uncounted(memory); }
void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept { uncounted(memory); }
void operator delete(void* memory, size_t /*size*/, std::align_val_t /*alignment*/) noexcept { uncounted(memory); }

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
  const size_t before = bytes_peak = bytes_live;
  bench.open();
  const size_t store = bench.replica().machine().store().bytes();
  EXPECT_GT(store, 15 * kMiB);
  // The pool's region, the window, the batch at hand.
  EXPECT_LT(bytes_peak - before, store + 5 * kMiB);
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
