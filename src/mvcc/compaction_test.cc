#include "mvcc/compaction.h"

#include <gtest/gtest.h>

#include "base/prng.h"
#include "mvcc/cursors.h"
#include "mvcc/store.h"
#include "pb/codec.h"

namespace quorate::mvcc {
namespace {

class NoLease final : public LeaseBook {
 public:
  bool exists(LeaseId) const override { return false; }
  void move_key(std::string_view, LeaseId, LeaseId) override {}
};

constexpr std::string_view kFirst("\0", 1);

// One request of a program that compacts while it writes.
struct Step {
  enum { kPut, kDelete, kDeleteMany, kCompact } kind;
  std::string key;
  Revision revision;
};

class Course {
 public:
  void apply(const Step& step) {
    switch (step.kind) {
      case Step::kPut: ASSERT_TRUE(store.put({.key = step.key, .value = "value"}, leases).has_value()); break;
      case Step::kDelete: ASSERT_TRUE(store.delete_range({.key = step.key}, leases).has_value()); break;
      case Step::kDeleteMany:
        ASSERT_TRUE(store.delete_range({.key = step.key, .range_end = kFirst}, leases).has_value());
        break;
      case Step::kCompact: ASSERT_TRUE(store.compact(step.revision).ok()); break;
    }
  }

  void finish() {
    while (store.step_compaction(1'000'000) != Progress::kDone) continue;
  }

  // All that can be asked for.
  std::string told() const {
    std::string out;
    for (Revision at = std::max<Revision>(store.compacted(), 1); at <= store.revision(); ++at) {
      out += pb::encode(store.range({.key = kFirst, .range_end = kFirst, .revision = at}).value());
    }
    const Revision from = std::max<Revision>(store.compacted(), 1);
    store.events(from, store.revision() + 1, {kFirst, kFirst}, true, 1000, [&](const pb::Event& event) {
      out += pb::encode(event.kv) + (event.prev_kv ? pb::encode(*event.prev_kv) : "");
    });
    return out;
  }
  uint32_t hash() const {
    auto hasher = KeyHasher::open(store, store.revision()).value();
    hasher->step(1'000'000);
    return hasher->result().hash;
  }

  NoLease leases;
  Store store;
};

std::vector<Step> program(uint64_t seed, int size) {
  Prng prng(seed);
  Course course;
  std::vector<Step> steps;
  while (static_cast<int>(steps.size()) < size) {
    Step step{Step::kPut, std::string(1, static_cast<char>('a' + prng.below(5))), 0};
    const uint64_t kind = prng.below(100);
    if (kind >= 55) step.kind = Step::kDelete;
    if (kind >= 80) step.kind = Step::kDeleteMany;
    if (kind >= 85) {
      if (course.store.compacted() == course.store.revision()) continue;
      step.kind = Step::kCompact;
      step.revision = static_cast<Revision>(prng.between(static_cast<uint64_t>(course.store.compacted() + 1),
                                                         static_cast<uint64_t>(course.store.revision())));
    }
    course.apply(step);
    steps.push_back(step);
  }
  return steps;
}

TEST(Compaction, InSlicesOfAnySizeBetweenWritesIsCompactionInOneGo) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const std::vector<Step> steps = program(seed, 60);
    for (size_t budget = 0; budget <= 6; ++budget) {
      Course whole, sliced;
      for (const Step& step : steps) {
        whole.apply(step);
        whole.finish();
        sliced.apply(step);
        sliced.store.step_compaction(budget);
        ASSERT_EQ(sliced.told(), whole.told()) << "budget " << budget;
      }
      sliced.finish();
      // At a revision that no compaction noted.
      for (Course* course : {&whole, &sliced}) course->apply({Step::kPut, "y", 0});
      EXPECT_EQ(sliced.hash(), whole.hash());
      // A tombstone that could not go in time, its key being there again, went with the next compaction at the latest.
      for (Course* course : {&whole, &sliced}) {
        course->apply({Step::kPut, "z", 0});
        course->apply({Step::kCompact, "", course->store.revision()});
        course->finish();
      }
      EXPECT_EQ(sliced.store.bytes(), whole.store.bytes()) << "budget " << budget;
    }
  }
}

TEST(Compaction, HistoryIsSqueezedOnceHolesAreTheMostOfIt) {
  Course course;
  for (int i = 0; i < 300'000; ++i) course.apply({Step::kPut, std::to_string(i % 100), 0});
  course.apply({Step::kPut, "last", 0});
  const size_t before = course.store.held_bytes();
  course.apply({Step::kCompact, "", course.store.revision()});
  size_t slices = 0;
  while (course.store.step_compaction(100) != Progress::kDone) ++slices;
  EXPECT_GT(slices, 6000u);                          // hash, sweep and squeeze: each looks at all
  EXPECT_LT(course.store.held_bytes(), before / 2);  // two regions of the pool are the least
  EXPECT_EQ(course.store.keys(), 101u);
}

TEST(Compaction, APinnedReadKeepsWhatItSeesUntilItEnds) {
  Course course;
  for (int i = 0; i < 1'000; ++i) course.apply({Step::kPut, std::to_string(i), 0});
  const pb::RangeRequest all{.key = kFirst, .range_end = kFirst};
  const std::string expected = pb::encode(course.store.range(all).value());
  auto pinned = RangeCursor::open(course.store, all, RangeCursor::Hold::kPin).value();
  auto loose = RangeCursor::open(course.store, all, RangeCursor::Hold::kNone).value();
  EXPECT_FALSE(pinned->step(10).value());
  EXPECT_FALSE(loose->step(10).value());
  course.apply({Step::kDeleteMany, "0", 0});
  course.apply({Step::kCompact, "", course.store.revision()});
  EXPECT_EQ(course.store.step_compaction(1'000'000), Progress::kWaiting);
  EXPECT_TRUE(course.store.compacting());
  EXPECT_EQ(loose->step(10).error(), errors::Compacted());
  while (!pinned->step(7).value()) continue;
  EXPECT_EQ(pb::encode(pinned->finish()), expected);
  pinned.reset();
  EXPECT_EQ(course.store.step_compaction(1'000'000), Progress::kDone);
  EXPECT_FALSE(course.store.compacting());
}

TEST(Compaction, WhatIsNotCompactedCostsNothing) {
  StoreOptions options;
  options.compaction_hashes = false;
  Store store(options);
  NoLease leases;
  for (int i = 0; i < 10'000; ++i) store.put({.key = std::to_string(i), .value = "v"}, leases).value();
  ASSERT_TRUE(store.compact(store.revision()).ok());
  while (store.step_compaction(1000) != Progress::kDone) continue;
  store.put({.key = "1", .value = "w"}, leases).value();
  ASSERT_TRUE(store.compact(store.revision()).ok());
  EXPECT_EQ(store.step_compaction(10), Progress::kDone);
}

}  // namespace
}  // namespace quorate::mvcc
