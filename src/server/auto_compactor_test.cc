#include "server/auto_compactor.h"

#include <gtest/gtest.h>

#include <vector>

namespace quorate::server {
namespace {

struct Fixture {
  explicit Fixture(const AutoCompaction& policy)
      : compactor(policy, [this](Revision target) { compacted.push_back(target); }) {}

  // Ticks once a minute for `span`, with one new revision each.
  void run(Duration span, bool leader = true) {
    for (Duration passed{}; passed < span; passed += 1min) {
      now += 1min;
      compactor.tick(now, ++revision, leader);
    }
  }

  std::vector<Revision> compacted;
  AutoCompactor compactor;
  MonoTime now{1h};
  Revision revision = 1;
};

TEST(AutoCompactor, OffNeverCompacts) {
  Fixture f({});
  f.run(100h);
  EXPECT_TRUE(f.compacted.empty());
}

TEST(AutoCompactor, PeriodicKeepsEveryRevisionThatIsYoungerThanThePeriod) {
  Fixture f({.mode = AutoCompaction::Mode::kPeriodic, .period = 1h, .revisions = 0});
  f.run(1h);
  EXPECT_TRUE(f.compacted.empty());
  f.run(20h);
  ASSERT_FALSE(f.compacted.empty());
  // A revision a minute: what was current an hour ago is sixty revisions back, give or take one sampling.
  EXPECT_LE(f.compacted.back(), f.revision - 60);
  EXPECT_GE(f.compacted.back(), f.revision - 60 - 66);
}

TEST(AutoCompactor, PeriodicLongerThanAnHourCompactsEveryHour) {
  Fixture f({.mode = AutoCompaction::Mode::kPeriodic, .period = 5h, .revisions = 0});
  f.run(5h);
  EXPECT_TRUE(f.compacted.empty());
  f.run(4h);
  EXPECT_GE(f.compacted.size(), 3u);
  EXPECT_LE(f.compacted.size(), 5u);
}

TEST(AutoCompactor, RevisionKeepsTheNewestSoMany) {
  Fixture f({.mode = AutoCompaction::Mode::kRevision, .period = {}, .revisions = 10});
  f.run(1h);
  ASSERT_FALSE(f.compacted.empty());
  for (size_t i = 1; i < f.compacted.size(); ++i) EXPECT_GT(f.compacted[i], f.compacted[i - 1]);
  EXPECT_LE(f.compacted.back(), f.revision - 10);
}

TEST(AutoCompactor, OnlyALeaderCompacts) {
  Fixture f({.mode = AutoCompaction::Mode::kRevision, .period = {}, .revisions = 10});
  f.run(2h, /*leader=*/false);
  EXPECT_TRUE(f.compacted.empty());
}

TEST(AutoCompactor, NothingNewIsNotCompactedAgain) {
  Fixture f({.mode = AutoCompaction::Mode::kRevision, .period = {}, .revisions = 10});
  f.run(1h);
  const size_t before = f.compacted.size();
  for (int i = 0; i < 100; ++i) f.compactor.tick(f.now += 10min, f.revision, true);
  EXPECT_LE(f.compacted.size(), before + 1);
}

}  // namespace
}  // namespace quorate::server
