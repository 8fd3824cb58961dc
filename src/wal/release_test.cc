// Segments that are freed: when, in which order, and what becomes of them.
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "base/prng.h"
#include "wal/testing/bench.h"

namespace quorate::wal {
namespace {

using testing::Bench;

// Work runs, and its end is told, when the test says so.
class HeldPool final : public env::Pool {
 public:
  void submit(env::Task work, env::Task done) override { jobs_.emplace_back(std::move(work), std::move(done)); }
  bool empty() const { return jobs_.empty(); }
  void run() {
    while (!jobs_.empty()) {
      auto [work, done] = std::move(jobs_.front());
      jobs_.pop_front();
      work();
      done();
    }
  }
  void forget() { jobs_.clear(); }

 private:
  std::deque<std::pair<env::Task, env::Task>> jobs_;
};

class ReleaseTest : public ::testing::Test {
 protected:
  void append(Index first, Index last, size_t bytes = 12'000) {
    for (Index i = first; i <= last; ++i) {
      bench.append(pb::HardState{i, i + 7, i}, {{1, i, std::string(bytes, static_cast<char>('a' + i % 26))}});
      bench.settle();
    }
  }
  void release(Index up_to) {
    bench.wal().release(up_to, pool);
    bench.settle();
    pool.run();
    bench.settle();
  }
  std::vector<std::string> segments() {
    std::vector<std::string> found;
    for (const std::string& path : bench.disk().paths()) {
      if (path.ends_with(".qlog")) found.push_back(path.substr(path.size() - 6, 1));
    }
    return found;
  }
  uint64_t first_segment() { return decode_manifest(bench.disk().bytes("/d/log/manifest"))->first_segment; }
  void expect_log(Index first, Index last) {
    bench.reopen();
    ASSERT_EQ(bench.recovered().first_index, first);
    ASSERT_EQ(bench.recovered().last_index, last);
    ASSERT_EQ(bench.recovered().entries.size(), last + 1 - first);
    for (Index i = first; i <= last; ++i) EXPECT_EQ(bench.recovered().entries[i - first].index, i);
    EXPECT_EQ(bench.recovered().hard_state.vote, last + 7);
  }

  HeldPool pool;
  Bench bench;
};

TEST_F(ReleaseTest, FreesWholeSegmentsAloneAndKeepsWhatIsBehind) {
  bench.open();
  append(1, 24);
  ASSERT_EQ(segments(), (std::vector<std::string>{"1", "2", "3", "4"}));
  release(5);  // the first segment holds more
  EXPECT_EQ(first_segment(), 1u);
  release(24);
  EXPECT_EQ(first_segment(), 3u);
  const Index first = 1 + 2 * (24 - bench.recovered().entries.size()) / 3;
  (void)first;
  bench.reopen();
  const Index begins = bench.recovered().first_index;
  EXPECT_GT(begins, 10u);
  expect_log(begins, 24);
}

TEST_F(ReleaseTest, UsesWhatWasFreedForTheSegmentsToCome) {
  bench.open();
  append(1, 24);
  release(24);
  append(25, 100);
  // No more files than before, whatever was written since: the freed ones came again under new names.
  for (Index up_to = 40; up_to <= 100; up_to += 20) release(up_to);
  append(101, 160);
  release(160);
  EXPECT_LE(segments().size(), 10u);
  bench.reopen();
  EXPECT_GT(bench.recovered().first_index, 100u);
  EXPECT_EQ(bench.recovered().last_index, 160u);
  append(161, 200);
  expect_log(bench.recovered().first_index, 200);
}

TEST_F(ReleaseTest, WritesTheHardStateAgainBeforeItFreesTheSegmentThatHoldsIt) {
  bench.open();
  append(1, 3);
  for (Index i = 4; i <= 24; ++i) {
    bench.append({}, {{1, i, std::string(12'000, 'x')}});
    bench.settle();
  }
  release(24);
  ASSERT_GT(first_segment(), 1u);
  bench.reopen();
  EXPECT_EQ(bench.recovered().hard_state, (pb::HardState{3, 10, 3}));
}

TEST_F(ReleaseTest, NeverCutsAnAppendInTwo) {
  bench.open();
  append(1, 8);
  // It begins in one segment and ends in another.
  append(9, 9, 400'000);
  append(10, 12);
  for (Index up_to = 8; up_to <= 12; ++up_to) {
    release(up_to);
    bench.reopen();
    ASSERT_LE(bench.recovered().first_index, up_to + 1);
    ASSERT_EQ(bench.recovered().last_index, 12u);
  }
}

TEST_F(ReleaseTest, SkipsWhatAnImageHasAndNamesItsTerm) {
  bench.open();
  append(1, 24);
  bench.options().skip_to = 20;
  bench.reopen();
  EXPECT_EQ(bench.recovered().entries.size(), 4u);
  EXPECT_EQ(bench.recovered().entries.front().index, 21u);
  EXPECT_EQ(bench.recovered().skipped_term, 1u);
  bench.options().skip_to = 30;
  bench.reopen();
  EXPECT_TRUE(bench.recovered().entries.empty());
  EXPECT_EQ(bench.recovered().skipped_term, 0u);
  EXPECT_EQ(bench.recovered().last_index, 24u);
}

TEST_F(ReleaseTest, IsWholeOrNotAtAllAtEveryCrash) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Prng prng(seed);
    Bench fresh;
    HeldPool held;
    fresh.open();
    Index last = 0;
    Index released = 0;
    for (int round = 0; round < 6; ++round) {
      for (uint64_t n = prng.between(5, 25); n > 0; --n) {
        ++last;
        fresh.append(pb::HardState{last, last + 7, last}, {{1, last, std::string(12'000, 'x')}});
        fresh.settle();
      }
      released = prng.between(released, last);
      fresh.wal().release(released, held);
      if (prng.chance(2, 3)) fresh.settle();
      if (prng.chance(2, 3)) held.run();
      if (prng.chance(1, 2)) fresh.settle();
      held.forget();
      fresh.crash(prng);
      fresh.open();
      ASSERT_LE(fresh.recovered().first_index, released + 1);
      ASSERT_EQ(fresh.recovered().last_index, last);
      EXPECT_EQ(fresh.recovered().hard_state.vote, last + 7);
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace quorate::wal
