// A disk without room: the alarm that tells of it, what goes on meanwhile, and the way back.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/limits.h"
#include "server/testing/bench.h"
#include "wal/format.h"

namespace quorate::server {
namespace {

using testing::Bench;

class FullDiskTest : public ::testing::Test {
 protected:
  FullDiskTest() {
    bench.segment_bytes = 3 * wal::kAlignmentBytesMax;
    bench.serve();
    EXPECT_TRUE(put().ok());
  }

  std::shared_ptr<testing::Told> begin_put() {
    ++puts;
    return bench.put("k" + std::to_string(puts), std::string(4000, 'v'));
  }
  Status put() {
    const auto told = begin_put();
    bench.settle();
    EXPECT_EQ(told->times, 1);
    return told->status;
  }
  std::shared_ptr<testing::Told> remove(std::string_view key) {
    return bench.propose(pb::Payload::kDeleteRange, pb::DeleteRangeRequest{.key = key, .range_end = {}});
  }
  void disarm() {
    bench.propose(pb::Payload::kAlarm, pb::AlarmRequest{.action = pb::AlarmAction::kDeactivate,
                                                        .member_id = bench.options.member,
                                                        .alarm = pb::AlarmType::kNoSpace});
    bench.settle();
  }
  bool alarmed() {
    return bench.replica().machine().alarms().contains({pb::AlarmType::kNoSpace, bench.options.member});
  }
  bool admits(uint64_t cost) { return bench.replica().quota().admits(cost); }
  // The next segment cannot be made, and the current one is not full yet.
  void lose_the_spare() {
    bench.disk().set_space_left(false);
    for (int i = 0; i < 200 && bench.replica().log_counters().segments < 2; ++i) ASSERT_TRUE(put().ok());
    bench.advance(bench.options.heartbeat * 2);
  }

  Bench bench;
  int puts = 0;
};

TEST_F(FullDiskTest, ThatHasNoRoomForTheNextSegmentRaisesNoSpaceIntoTheOneThatIsLeft) {
  EXPECT_FALSE(alarmed());
  EXPECT_TRUE(admits(1));
  lose_the_spare();
  EXPECT_TRUE(alarmed());
  EXPECT_FALSE(admits(1));
  EXPECT_TRUE(admits(0));  // what frees space
  EXPECT_EQ(put(), errors::NoSpace());
  const auto removed = remove("k1");
  const auto read = bench.read();
  bench.settle();
  EXPECT_TRUE(removed->times == 1 && removed->status.ok());
  EXPECT_TRUE(read->times == 1 && read->status.ok());
  EXPECT_EQ(bench.failures, 0);
}

TEST_F(FullDiskTest, RaisesTheAlarmAgainThatIsDisarmedTooEarlyAndOnlyOnce) {
  lose_the_spare();
  disarm();
  bench.advance(bench.options.heartbeat);
  EXPECT_TRUE(alarmed());
  const Index applied = bench.replica().machine().applied_index();
  bench.advance(3s);
  EXPECT_EQ(bench.replica().machine().applied_index(), applied);
  // Who is refused costs nothing of the log that is left.
  bool told = false;
  bench.replica().quota().raise([&told] { told = true; });
  bench.settle();
  EXPECT_TRUE(told);
  EXPECT_EQ(bench.replica().machine().applied_index(), applied);
}

TEST_F(FullDiskTest, ThatHasRoomAgainTakesPutsOnceTheAlarmIsDisarmed) {
  lose_the_spare();
  bench.disk().set_space_left(true);
  bench.advance(limits::kSpareRetry * 2);
  EXPECT_TRUE(alarmed());
  EXPECT_TRUE(admits(1));
  disarm();
  bench.advance(1s);
  EXPECT_FALSE(alarmed());
  EXPECT_TRUE(put().ok());
}

// Deletes fill it, after puts are refused.
TEST_F(FullDiskTest, LetsWritesWaitWhenTheLogIsFullAndReadsGoOn) {
  lose_the_spare();
  int answered = 0;
  for (int i = 0; i < 500; ++i) {
    const auto told = remove("k1");
    bench.settle();
    if (told->times == 0) break;
    ASSERT_TRUE(told->status.ok());
    ++answered;
  }
  ASSERT_GT(answered, 10);
  ASSERT_LT(answered, 500);
  const auto waits = remove("k2");
  const auto read = bench.read();
  bench.advance(bench.options.request_timeout() + 1s);
  EXPECT_EQ(waits->times, 1);
  EXPECT_EQ(waits->status, errors::Timeout());
  EXPECT_TRUE(read->times == 1 && read->status.ok());
  EXPECT_EQ(bench.failures, 0);
  EXPECT_TRUE(bench.get("k2"));
  bench.disk().set_space_left(true);
  bench.advance(limits::kSpareRetry * 2);
  EXPECT_FALSE(bench.get("k2"));  // it was only late
  disarm();
  EXPECT_TRUE(put().ok());
  bench.kill();
  bench.serve();
  EXPECT_TRUE(bench.get("k" + std::to_string(puts)));
}

TEST_F(FullDiskTest, ThatHasNoRoomForAnImageRaisesNoSpaceUntilOneIsSaved) {
  CHECK(bench.disk().make_directory("/d/image").ok());
  bench.kill();
  bench.options.image_directory = "/d/image";
  bench.options.checkpoint = {.log_bytes = 100'000, .block_bytes = 500, .queued_bytes = 1000, .records_per_turn = 7};
  bench.segment_bytes = 4 * 1024 * 1024;
  bench.serve();
  const auto images = [this] {
    std::vector<std::string> found = bench.disk().paths();
    std::erase_if(found, [](const std::string& path) { return !path.starts_with("/d/image/"); });
    return found.size();
  };
  bench.disk().set_space_left(false);
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(put().ok());
  bench.advance(bench.options.heartbeat * 2);
  EXPECT_TRUE(alarmed());
  EXPECT_FALSE(admits(1));
  EXPECT_EQ(images(), 0u);
  EXPECT_EQ(bench.failures, 0);
  bench.disk().set_space_left(true);
  bench.advance(limits::kCheckpointRetry + 1s);
  EXPECT_EQ(images(), 1u);
  EXPECT_TRUE(admits(1));
  disarm();
  EXPECT_TRUE(put().ok());
  bench.kill();
  bench.serve();
  EXPECT_GT(bench.restored_index, 0u);
  for (int i = 1; i <= puts; ++i) ASSERT_TRUE(bench.get("k" + std::to_string(i))) << i;
}

}  // namespace
}  // namespace quorate::server
