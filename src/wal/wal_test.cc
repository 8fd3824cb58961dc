#include "wal/wal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "wal/format.h"
#include "wal/testing/bench.h"

namespace quorate::wal {
namespace {

using testing::Bench;

TEST(Wal, StartsEmpty) {
  Bench bench;
  bench.open();
  EXPECT_TRUE(bench.recovered().entries.empty());
  EXPECT_EQ(bench.recovered().hard_state, pb::HardState());
  EXPECT_FALSE(bench.recovered().cut_tail);
}

TEST(Wal, GivesBackWhatWasAcknowledged) {
  Bench bench;
  bench.open();
  bench.append(pb::HardState{1, 7, 0}, {{1, 1, "one"}, {1, 2, ""}});
  bench.append(pb::HardState{2, 7, 1}, {{2, 3, std::string(10'000, 'x')}});
  bench.settle();
  EXPECT_EQ(bench.answers(), 2u);
  bench.reopen();
  EXPECT_EQ(bench.recovered().hard_state, (pb::HardState{2, 7, 1}));
  ASSERT_EQ(bench.recovered().entries.size(), 3u);
  EXPECT_EQ(bench.recovered().entries[0].data.view(), "one");
  EXPECT_EQ(bench.recovered().entries[1].data.view(), "");
  EXPECT_EQ(bench.recovered().entries[2].data.view(), std::string(10'000, 'x'));
  EXPECT_EQ(bench.recovered().entries[2].term, 2u);
}

TEST(Wal, LetsALaterEntryReplaceTheTail) {
  Bench bench;
  bench.open();
  bench.append({}, {{1, 1, "a"}, {1, 2, "b"}, {1, 3, "c"}});
  bench.append({}, {{2, 2, "B"}});
  bench.settle();
  bench.reopen();
  ASSERT_EQ(bench.recovered().entries.size(), 2u);
  EXPECT_EQ(bench.recovered().entries[1].data.view(), "B");
  bench.append({}, {{2, 3, "C"}});
  bench.settle();
  bench.reopen();
  ASSERT_EQ(bench.recovered().entries.size(), 3u);
  EXPECT_EQ(bench.recovered().entries[2].data.view(), "C");
}

TEST(Wal, GathersWhatComesDuringAWriteIntoTheNextOne) {
  Bench bench;
  bench.open();
  bench.finish_fill();
  for (Index i = 1; i <= 10; ++i) bench.append({}, {{1, i, "v"}});
  ASSERT_EQ(bench.disk().pending_writes(), 1u);
  EXPECT_EQ(bench.answers(), 0u);
  bench.finish_write();
  EXPECT_EQ(bench.answers(), 1u);
  bench.finish_write();
  EXPECT_EQ(bench.answers(), 10u);
  EXPECT_EQ(bench.wal().counters().writes, 2u);
  EXPECT_EQ(bench.wal().counters().batches, 10u);
  bench.reopen();
  EXPECT_EQ(bench.recovered().entries.size(), 10u);
}

TEST(Wal, AnswersInTheOrderOfTheCalls) {
  Bench bench;
  bench.open();
  std::vector<int> order;
  for (int i = 0; i < 20; ++i) {
    bench.wal().append(pb::HardState{1, 0, static_cast<Index>(i)}, {}, [&order, i](const Status& status) {
      EXPECT_TRUE(status.ok());
      order.push_back(i);
    });
  }
  bench.settle();
  ASSERT_EQ(order.size(), 20u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(Wal, MovesToTheNextSegmentAndBackIsEveryEntry) {
  Bench bench;
  bench.open();
  for (Index i = 1; i <= 300; ++i) {
    bench.append({}, {{1, i, std::string(3000, static_cast<char>('a' + i % 26))}});
    bench.settle();
  }
  EXPECT_EQ(bench.answers(), 300u);
  EXPECT_GE(bench.wal().counters().segments, 9u);
  bench.reopen();
  ASSERT_EQ(bench.recovered().entries.size(), 300u);
  for (Index i = 1; i <= 300; ++i) {
    EXPECT_EQ(bench.recovered().entries[i - 1].data.view(), std::string(3000, static_cast<char>('a' + i % 26)));
  }
}

TEST(Wal, SplitsAnAppendThatIsLargerThanASegment) {
  Bench bench;
  bench.open();
  bench.append({}, {{1, 1, "small"}});
  bench.append({}, {{1, 2, std::string(500'000, 'x')}, {1, 3, std::string(200'000, 'y')}});
  bench.append({}, {{1, 4, "after"}});
  bench.settle();
  EXPECT_EQ(bench.answers(), 3u);
  bench.reopen();
  ASSERT_EQ(bench.recovered().entries.size(), 4u);
  EXPECT_EQ(bench.recovered().entries[1].data.view(), std::string(500'000, 'x'));
  EXPECT_EQ(bench.recovered().entries[3].data.view(), "after");
}

TEST(Wal, AnswersEveryCallWithTheErrorThatPoisonedIt) {
  Bench bench;
  bench.open();
  bench.finish_fill();
  std::vector<Status> told;
  const auto tell = [&told](const Status& status) { told.push_back(status); };
  bench.wal().append(pb::HardState{1, 0, 0}, {}, tell);
  bench.wal().append(pb::HardState{2, 0, 0}, {}, tell);
  bench.disk().fail_write();
  bench.loop().run();
  ASSERT_EQ(told.size(), 2u);
  bench.wal().append(pb::HardState{3, 0, 0}, {}, tell);
  bench.wal().seal(tell);
  EXPECT_EQ(told.size(), 2u);
  bench.loop().run();
  ASSERT_EQ(told.size(), 4u);
  for (const Status& status : told) {
    EXPECT_FALSE(status.ok());
    EXPECT_EQ(status, bench.wal().status());
  }
  EXPECT_EQ(bench.disk().pending_writes(), 0u);
}

TEST(Wal, SealsOnceWhenIdle) {
  Bench bench;
  bench.open();
  bench.append({}, {{1, 1, "a"}});
  bench.settle();
  EXPECT_EQ(bench.wal().counters().writes, 1u);
  bench.loop().advance(limits::kIdleSeal - 1ns);
  EXPECT_EQ(bench.disk().pending_writes(), 0u);
  bench.loop().advance(1ns);
  EXPECT_EQ(bench.disk().pending_writes(), 1u);
  bench.settle();
  EXPECT_EQ(bench.wal().counters().writes, 2u);
  bench.loop().advance(10s);
  bench.settle();
  EXPECT_EQ(bench.wal().counters().writes, 2u);
  EXPECT_FALSE(bench.loop().has_timers());
}

TEST(Wal, SealsWhatACrashLeftUnsealedAndNoSealedLogAgain) {
  Bench bench;
  bench.open();
  bench.append({}, {{1, 1, "a"}});
  bench.settle();
  bench.reopen();
  bench.loop().advance(limits::kIdleSeal);
  bench.settle();
  EXPECT_EQ(bench.wal().counters().writes, 1u);
  bench.reopen();
  bench.loop().advance(limits::kIdleSeal);
  bench.settle();
  EXPECT_EQ(bench.wal().counters().writes, 0u);
}

TEST(Wal, NeedsNoSecondSealAtACleanStop) {
  Bench bench;
  bench.open();
  bool answered = false;
  bench.append({}, {{1, 1, "a"}});
  bench.wal().seal([&](const Status& status) { answered = status.ok(); });
  bench.settle();
  EXPECT_TRUE(answered);
  EXPECT_EQ(bench.wal().counters().writes, 2u);
  answered = false;
  bench.wal().seal([&](const Status& status) { answered = status.ok(); });
  EXPECT_FALSE(answered);
  bench.settle();
  EXPECT_TRUE(answered);
  EXPECT_EQ(bench.wal().counters().writes, 2u);
}

TEST(Wal, MarksTheLastEntryOfAWrite) {
  Bench bench;
  bench.open();
  bench.finish_fill();
  bench.append({}, {{1, 1, "a"}});
  bench.append({}, {{1, 2, "b"}, {1, 3, "c"}});
  bench.append(pb::HardState{1, 0, 3}, {});
  bench.settle();
  bench.append(pb::HardState{1, 0, 4}, {});
  bench.settle();
  const std::vector<testing::Mark> expected = {
      {env::Stage::kLog, 1}, {env::Stage::kDurable, 1}, {env::Stage::kLog, 3}, {env::Stage::kDurable, 3}};
  EXPECT_EQ(bench.marks(), expected);
}

// Figures of cost. A put of a 64-byte key and a 256-byte value is an entry of about 344 bytes.
TEST(Wal, WritesOneBlockForALonePutAndNineForAHundred) {
  Bench bench;
  bench.open();
  bench.finish_fill();
  bench.append({}, {{1, 1, std::string(344, 'v')}});
  bench.finish_write();
  EXPECT_EQ(bench.wal().counters().bytes, 4096u);
  bench.append({}, {{1, 2, std::string(344, 'v')}});
  for (Index i = 3; i < 103; ++i) bench.append({}, {{1, i, std::string(344, 'v')}});
  bench.finish_write();
  bench.finish_write();
  EXPECT_EQ(bench.answers(), 102u);
  // 40 + 100 * 368 bytes in nine blocks of 4096.
  EXPECT_EQ(bench.wal().counters().bytes, 4096u + 4096u + 36864u);
}

TEST(Wal, KeepsBatchesOnTheDisksAlignment) {
  Bench bench;
  for (const size_t alignment : {size_t{4096}, size_t{65536}, size_t{512}, size_t{16384}}) {
    bench.disk().set_alignment(alignment);
    bench.reopen();
    const Index last = bench.recovered().entries.size();
    EXPECT_EQ(bench.answers(), last);
    for (Index i = last + 1; i <= last + 30; ++i) {
      bench.append({}, {{1, i, "value"}});
      bench.settle();
    }
  }
  bench.reopen();
  EXPECT_EQ(bench.recovered().entries.size(), 120u);
  EXPECT_FALSE(bench.recovered().cut_tail);
}

TEST(Wal, RefusesALogOfAnotherMember) {
  Bench bench;
  bench.open();
  bench.close();
  bench.options().member = 99;
  const auto opened = bench.try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::kFailedPrecondition);
  EXPECT_NE(opened.error().text().find("not of member 63"), std::string::npos) << opened.error().text();
}

}  // namespace
}  // namespace quorate::wal
