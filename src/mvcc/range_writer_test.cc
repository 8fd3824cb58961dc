#include "mvcc/range_writer.h"

#include <gtest/gtest.h>

#include "mvcc/store_program.h"

namespace quorate::mvcc {
namespace {

const pb::ResponseHeader kHeader{.cluster_id = 1, .member_id = 2, .revision = 3, .raft_term = 4};

std::string whole(const Store& store, const pb::RangeRequest& request) {
  auto response = store.range(request);
  if (!response) return response.error().text();
  response->header = kHeader;
  return pb::encode(*response);
}

TEST(RangeWriter, WritesWhatTheAnswerInOneGoWouldBeWhateverHappensBetweenItsPieces) {
  size_t pieces = 0, changes = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Draw draw(seed, true);
    const std::set<LeaseId> leases{7, 8, 9};
    Ledger ledger(leases);
    Store store;
    const auto change = [&] {
      ++changes;
      if (draw.chance(85)) {
        (void)store.put(draw.put(), ledger);
      } else if (draw.chance(50)) {
        (void)store.delete_range({.key = draw.key(), .range_end = draw.chance(80) ? "" : draw.key()}, ledger);
      } else {
        (void)store.compact(store.revision());
      }
      if (draw.chance(40)) store.step_compaction(draw.below(200));
    };
    for (int i = 0; i < 400; ++i) change();
    for (int round = 0; round < 30; ++round) {
      pb::RangeRequest request = draw.range(store.revision());
      if (draw.chance(30)) request.key = "/", request.range_end = "0";
      if (draw.chance(20)) request.limit = static_cast<int64_t>(draw.below(200));
      const std::string expected = whole(store, request);
      auto writer = RangeWriter::open(store, request, kHeader);
      if (!writer) {
        ASSERT_EQ(writer.error().text(), expected);
        continue;
      }
      const auto disturb = [&] {
        for (uint64_t n = draw.below(4); n > 0; --n) change();
      };
      while (!(*writer)->measure(1 + draw.below(30))) disturb();
      ASSERT_EQ((*writer)->bytes(), expected.size());
      std::string written;
      for (bool done = false; !done; ++pieces) {
        disturb();
        std::string piece;
        done = (*writer)->write(1 + draw.below(30), 1 + draw.below(300), piece);
        written += piece;
      }
      ASSERT_EQ(written, expected);
    }
  }
  EXPECT_GT(pieces, 5000u);
  EXPECT_GT(changes, 10'000u);
}

TEST(RangeWriter, APieceIsWhatWasAskedForAndAPairMore) {
  const std::set<LeaseId> leases;
  Ledger ledger(leases);
  Store store;
  const std::string value(1000, 'v');
  for (int i = 0; i < 5000; ++i) {
    ASSERT_TRUE(store.put({.key = "k" + std::to_string(i), .value = value}, ledger));
  }
  auto writer = RangeWriter::open(store, {.key = "k", .range_end = "l"}, kHeader);
  while (!(*writer)->measure(100)) {}
  EXPECT_EQ((*writer)->pairs(), 5000);
  size_t total = 0;
  for (bool done = false; !done;) {
    std::string piece;
    done = (*writer)->write(1'000'000, 20'000, piece);
    EXPECT_LT(piece.size(), 22'000u);
    total += piece.size();
  }
  EXPECT_EQ(total, (*writer)->bytes());
}

TEST(RangeWriter, WhatItPinsIsFreedWhenItEnds) {
  const std::set<LeaseId> leases;
  Ledger ledger(leases);
  Store store;
  ASSERT_TRUE(store.put({.key = "k", .value = "old"}, ledger));
  auto writer = RangeWriter::open(store, {.key = "k", .range_end = "l"}, kHeader);
  ASSERT_TRUE(store.put({.key = "k", .value = "new"}, ledger));
  ASSERT_TRUE(store.compact(store.revision()).ok());
  EXPECT_EQ(store.step_compaction(1000), Progress::kWaiting);
  writer->reset();
  EXPECT_EQ(store.step_compaction(1000), Progress::kDone);
}

TEST(RangeWriter, AReaderOfKeysDoesNotHoldUpCompactionsOfWhatIsOlder) {
  const std::set<LeaseId> leases;
  Ledger ledger(leases);
  Store store;
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(store.put({.key = "k", .value = "v"}, ledger));
  ASSERT_TRUE(store.compact(store.revision()).ok());
  const auto writer = RangeWriter::open(store, {.key = "k", .range_end = "l"}, kHeader);
  EXPECT_EQ(store.step_compaction(1'000'000), Progress::kDone);
}

}  // namespace
}  // namespace quorate::mvcc
