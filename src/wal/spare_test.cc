// The next segment: made ahead, missed when the disk is full, and used again after a crash.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "wal/testing/bench.h"

namespace quorate::wal {
namespace {

using testing::Bench;

const std::string kSecond = "/d/log/0000000000000002.qlog";

class SpareTest : public ::testing::Test {
 protected:
  SpareTest() { bench.open(); }
  void append() {
    bench.append({}, {{1, ++index, std::string(12'000, 'x')}});
    while (bench.disk().pending_writes() != 0) bench.finish_write();
  }
  // Fifteen appends, of which ten fit; one more attempt at the next segment is under way.
  void fill_up() {
    bench.disk().set_space_left(false);
    bench.finish_fill();
    for (int i = 0; i < 15; ++i) {
      const pb::Entry entry{pb::EntryType::kNormal, 1, ++index, Bytes::copy(std::string(i == 14 ? 1 : 12'000, 'x'))};
      bench.wal().append({}, {&entry, 1}, [&](const Status& status) { told.push_back(status); });
      while (bench.disk().pending_writes() != 0) bench.finish_write();
    }
    ASSERT_TRUE(bench.disk().pending_fill());
  }
  Bench bench;
  Index index = 0;
  std::vector<Status> told;
};

TEST_F(SpareTest, IsMadeAheadUnderATemporaryName) {
  ASSERT_TRUE(bench.disk().pending_fill());
  EXPECT_FALSE(bench.disk().exists(kSecond));
  bench.finish_fill();
  EXPECT_TRUE(bench.disk().exists(kSecond));
  EXPECT_FALSE(bench.disk().exists("/d/log/spare.tmp"));
  EXPECT_TRUE(bench.wal().spare_failure().ok());
  EXPECT_EQ(bench.wal().counters().writes, 0u);
}

TEST_F(SpareTest, IsWaitedForWhereTheLogIsFaster) {
  while (bench.disk().pending_fill() && index < 30) append();
  EXPECT_EQ(bench.answers(), 10u);
  EXPECT_TRUE(bench.disk().pending_fill());
  EXPECT_TRUE(bench.wal().spare_failure().ok());
  bench.settle();
  EXPECT_EQ(bench.answers(), 30u);
  EXPECT_EQ(bench.wal().counters().segments, 3u);
}

TEST_F(SpareTest, MissingIsSaidOnceAndTriedAgain) {
  bench.disk().set_space_left(false);
  bench.finish_fill();
  EXPECT_EQ(bench.wal().spare_failure().code(), Code::kResourceExhausted);
  EXPECT_TRUE(bench.wal().status().ok());
  append();
  EXPECT_EQ(bench.answers(), 1u);
  for (int i = 0; i < 3; ++i) {
    bench.loop().advance(limits::kSpareRetry);
    ASSERT_TRUE(bench.disk().pending_fill());
    bench.finish_fill();
    EXPECT_EQ(bench.wal().spare_failure().code(), Code::kResourceExhausted);
  }
  EXPECT_EQ(bench.warnings().size(), 1u);
  bench.disk().set_space_left(true);
  bench.loop().advance(limits::kSpareRetry);
  bench.finish_fill();
  EXPECT_TRUE(bench.wal().spare_failure().ok());
}

TEST_F(SpareTest, MissingWhenItIsNeededIsWaitedFor) {
  fill_up();
  bench.finish_fill();
  EXPECT_TRUE(bench.wal().status().ok());
  EXPECT_EQ(told.size(), 10u);
  bench.loop().advance(limits::kSpareRetry);
  bench.finish_fill();
  EXPECT_EQ(told.size(), 10u);
  bench.disk().set_space_left(true);
  bench.loop().advance(limits::kSpareRetry);
  bench.settle();
  ASSERT_EQ(told.size(), 15u);
  for (const Status& status : told) EXPECT_TRUE(status.ok()) << status.text();
  bench.reopen();
  EXPECT_EQ(bench.recovered().entries.size(), 15u);
}

TEST_F(SpareTest, ASealDoesNotWaitForSpace) {
  fill_up();
  bench.finish_fill();
  Status sealed;
  bench.wal().seal([&](const Status& status) { sealed = status; });
  EXPECT_EQ(told.size(), 10u);  // nobody is told within a call
  bench.loop().advance(limits::kSpareRetry);
  bench.finish_fill();
  EXPECT_EQ(sealed.code(), Code::kResourceExhausted);
  ASSERT_EQ(told.size(), 15u);
  for (size_t i = 0; i < told.size(); ++i) EXPECT_EQ(told[i].ok(), i < 10) << i;
  EXPECT_NE(told.back().text().find("the log is full and no further segment can be made"), std::string::npos);
  EXPECT_NE(told.back().text().find("no space left"), std::string::npos);
  bench.disk().set_space_left(true);
  bench.reopen();
  EXPECT_EQ(bench.recovered().entries.size(), 10u);
}

// The disk turns out to be full when the seal waits already.
TEST_F(SpareTest, ASealThatCameFirstDoesNotWaitForSpaceEither) {
  fill_up();
  Status sealed;
  bench.wal().seal([&](const Status& status) { sealed = status; });
  bench.finish_fill();
  EXPECT_EQ(sealed.code(), Code::kResourceExhausted);
  EXPECT_EQ(told.size(), 15u);
}

TEST_F(SpareTest, WhatCannotBeMadeForAnyOtherReasonPoisonsTheLogThatNeedsIt) {
  bench.disk().set_broken(true);
  fill_up();
  EXPECT_TRUE(bench.wal().status().ok());
  bench.finish_fill();
  EXPECT_EQ(bench.wal().status().code(), Code::kUnknown);
  bench.settle();
  ASSERT_EQ(told.size(), 15u);
  for (size_t i = 0; i < told.size(); ++i) EXPECT_EQ(told[i].ok(), i < 10) << i;
}

TEST_F(SpareTest, IsKeptByTheNextStart) {
  bench.finish_fill();
  bench.reopen();
  EXPECT_FALSE(bench.disk().pending_fill());
  for (int i = 0; i < 12; ++i) append();
  EXPECT_EQ(bench.answers(), 12u);
  EXPECT_EQ(bench.wal().counters().segments, 2u);
}

TEST_F(SpareTest, OfAnotherSizeIsMadeAnew) {
  bench.finish_fill();
  bench.options().segment_bytes = 2 * testing::kSmallSegmentBytes;
  bench.reopen();
  EXPECT_TRUE(bench.disk().pending_fill());
  bench.settle();
  EXPECT_EQ(bench.disk().bytes(kSecond).size(), 2 * testing::kSmallSegmentBytes);
  for (int i = 0; i < 30; ++i) append();
  bench.settle();
  bench.reopen();
  EXPECT_EQ(bench.recovered().entries.size(), 30u);
}

// Between the header of the next segment and the word in this one that it is in use.
TEST_F(SpareTest, WithAHeaderButNoUseIsStillTheSpare) {
  bench.finish_fill();
  for (int i = 0; i < 10; ++i) append();
  bench.append({}, {{1, 11, std::string(12'000, 'x')}});
  bench.finish_write();
  ASSERT_EQ(bench.disk().pending_writes(), 1u);
  EXPECT_NE(bench.disk().bytes(kSecond).front(), '\0');
  bench.reopen();
  EXPECT_EQ(bench.recovered().entries.size(), 10u);
  EXPECT_FALSE(bench.recovered().cut_tail);
  EXPECT_EQ(bench.wal().counters().segments, 1u);
  for (int i = 0; i < 5; ++i) append();
  bench.settle();
  bench.reopen();
  EXPECT_EQ(bench.recovered().entries.size(), 15u);
  // An epoch is used once.
  const Manifest manifest{
      .cluster = bench.options().cluster, .member = bench.options().member, .salt = bench.options().salt};
  const auto header = decode_segment_header(bench.disk().bytes(kSecond), checksum_seed(manifest));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->epoch, 3u);
}

// The process died after the renaming, before the folder was synced; then the power goes.
TEST(Spare, FoundAtStartHasADurableName) {
  for (uint64_t seed = 0; seed < 16; ++seed) {
    Bench bench;
    bench.open();
    bench.close();
    ASSERT_TRUE(bench.disk().create_filled(kSecond, testing::kSmallSegmentBytes).ok());
    bench.open();
    for (Index i = 1; i <= 12; ++i) {
      bench.append({}, {{1, i, std::string(12'000, 'x')}});
      // The next spare, whose making syncs the folder, is never finished.
      while (bench.disk().pending_writes() != 0) bench.finish_write();
    }
    Prng prng(seed);
    bench.crash(prng);
    bench.open();
    ASSERT_EQ(bench.recovered().entries.size(), 12u);
  }
}

// Figures of cost: a move is two blocks and two writes.
TEST_F(SpareTest, CostsTwoWritesToMoveTo) {
  bench.finish_fill();
  for (int i = 0; i < 10; ++i) append();
  EXPECT_EQ(bench.wal().counters().writes, 10u);
  EXPECT_EQ(bench.wal().counters().bytes, 10u * 12288);
  append();
  EXPECT_EQ(bench.wal().counters().writes, 13u);
  EXPECT_EQ(bench.wal().counters().bytes, 11u * 12288 + 2u * 4096);
}

TEST_F(SpareTest, OutlivesTheLogThatAskedForIt) {
  ASSERT_TRUE(bench.disk().pending_fill());
  bench.disk().finish_fill();
  testing::ManualLoop& loop = bench.loop();
  bench.forget();
  loop.run();
  EXPECT_TRUE(bench.disk().exists(kSecond));
}

}  // namespace
}  // namespace quorate::wal
