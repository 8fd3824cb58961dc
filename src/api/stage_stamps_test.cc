#include "api/stage_stamps.h"

#include <gtest/gtest.h>

namespace quorate::api {
namespace {

using env::Stage;

class HandClock final : public env::Clock {
 public:
  MonoTime now() override { return now_; }
  WallTime wall() override { return {}; }
  void advance(Duration by) { now_ += by; }

 private:
  MonoTime now_{1s};
};

class StageStampsTest : public ::testing::Test {
 protected:
  void mark(Stage stage, uint64_t call, uint64_t index = 0) {
    clock.advance(1us);
    stamps.mark(stage, call, index);
  }
  StageTimes begin() { return {.begin = clock.now()}; }

  HandClock clock;
  env::Trace next;
  StageStamps stamps{clock, next};
};

TEST_F(StageStampsTest, TellEachPartOfAPut) {
  StageTimes times = begin();
  clock.advance(3us);
  times[Stage::kParse] = clock.now();
  stamps.follow(7, times);
  mark(Stage::kGuard, 7);
  mark(Stage::kPropose, 7, 41);
  mark(Stage::kLog, 0, 42);
  mark(Stage::kDurable, 0, 42);
  mark(Stage::kCommit, 0, 42);
  mark(Stage::kApply, 7, 41);
  mark(Stage::kReply, 7);
  const auto told = stamps.take(7);
  ASSERT_NE(told, nullptr);
  clock.advance(5us);
  EXPECT_EQ(told->text(clock.now()), "parse=3, queue=3, log=1, commit=1, apply=2, send=5");
}

TEST_F(StageStampsTest, CountForABatchOnlyWhatIsInIt) {
  stamps.follow(1, begin());
  stamps.follow(2, begin());
  mark(Stage::kPropose, 1, 10);
  mark(Stage::kPropose, 2, 11);
  mark(Stage::kDurable, 0, 10);
  EXPECT_NE((*stamps.take(1))[Stage::kDurable], MonoTime());
  EXPECT_EQ((*stamps.take(2))[Stage::kDurable], MonoTime());
}

// An entry is followed to the first write that holds it; later ones are others'.
TEST_F(StageStampsTest, KeepTheFirstMarkOfABatch) {
  stamps.follow(1, begin());
  mark(Stage::kPropose, 1, 10);
  mark(Stage::kLog, 0, 10);
  const MonoTime first = clock.now();
  mark(Stage::kLog, 0, 11);
  EXPECT_EQ((*stamps.take(1))[Stage::kLog], first);
}

TEST_F(StageStampsTest, ForgetWhatWasTakenAndKnowNothingOfOthers) {
  EXPECT_EQ(stamps.take(1), nullptr);
  stamps.follow(1, begin());
  EXPECT_NE(stamps.take(1), nullptr);
  EXPECT_EQ(stamps.take(1), nullptr);
}

TEST_F(StageStampsTest, FollowFewCallsAtATime) {
  for (uint64_t call = 1; call <= 1000; ++call) stamps.follow(call, begin());
  int followed = 0;
  for (uint64_t call = 1; call <= 1000; ++call) followed += stamps.take(call) ? 1 : 0;
  EXPECT_EQ(followed, 64);
}

TEST_F(StageStampsTest, OfAReadHaveNoLog) {
  stamps.follow(1, begin());
  mark(Stage::kGuard, 1);
  mark(Stage::kReply, 1);
  EXPECT_EQ(stamps.take(1)->text(clock.now()), "parse=0, queue=1, log=0, commit=0, apply=1, send=0");
}

}  // namespace
}  // namespace quorate::api
