#include "raft/log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/prng.h"

namespace quorate::raft {
namespace {

using pb::Entry;
using pb::EntryType;

Entry entry_of(Term term, Index index, std::string text = "") {
  return {.type = EntryType::kNormal, .term = term, .index = index, .data = Bytes::adopt(std::move(text))};
}

Log empty_log() { return Log({.entries = {}}); }

// The whole history in a vector, with nothing ever forgotten.
struct Twin {
  std::vector<Entry> entries{entry_of(0, 0)};
  Index commit = 0, delivered = 0, applied = 0, offset = 0;
  std::vector<Entry> disk{entry_of(0, 0)};  // what was taken to be written
  Index durable = 0;

  Index last() const { return entries.size() - 1; }
};

void expect_equal(const Log& log, const Twin& twin) {
  ASSERT_EQ(log.last(), twin.last());
  ASSERT_EQ(log.commit(), twin.commit);
  ASSERT_EQ(log.applied(), twin.applied);
  ASSERT_EQ(log.durable(), twin.durable);
  ASSERT_EQ(log.offset(), twin.offset);
  for (Index i = 0; i <= twin.last() + 1; ++i) {
    const bool is_known = i >= twin.offset && i <= twin.last();
    ASSERT_EQ(log.term_of(i), is_known ? std::optional<Term>(twin.entries[i].term) : std::nullopt);
    if (is_known && i > twin.offset) {
      ASSERT_EQ(log.at(i), twin.entries[i]);
    }
  }
}

void merge_randomly(Log& log, Twin& twin, Prng& prng, Term& term) {
  const Index previous = prng.between(twin.commit, twin.last());
  std::vector<Entry> entries;
  Index index = previous;
  const uint64_t same = prng.below(4);  // that many repeat what is there
  for (uint64_t i = 0; i < same && index < twin.last(); ++i) entries.push_back(twin.entries[++index]);
  if (prng.chance(1, 2)) {
    ++term;
    for (uint64_t i = prng.below(4); i > 0; --i) entries.push_back(entry_of(term, ++index, prng.bytes(prng.below(9))));
    if (!entries.empty() && entries.back().term == term) {
      const auto first_new =
          std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.term == term; });
      twin.entries.resize(first_new->index);
      twin.entries.insert(twin.entries.end(), first_new, entries.end());
      twin.disk.resize(std::min<size_t>(twin.disk.size(), first_new->index));
      twin.durable = std::min(twin.durable, first_new->index - 1);
    }
  }
  EXPECT_EQ(log.merge(previous, entries), index);
}

void one_step(Log& log, Twin& twin, Prng& prng, Term& term) {
  switch (prng.below(8)) {
    case 0: {
      Entry entry = entry_of(term, twin.last() + 1, prng.bytes(prng.below(100)));
      twin.entries.push_back(entry);
      EXPECT_EQ(log.append(entry), twin.last());
      break;
    }
    case 1: merge_randomly(log, twin, prng, term); break;
    case 2:
      twin.commit = std::max(twin.commit, prng.between(0, twin.last()));
      log.commit_to(twin.commit);
      break;
    case 3: {
      const std::vector<Entry> expected(twin.entries.begin() + static_cast<std::ptrdiff_t>(twin.disk.size()),
                                        twin.entries.end());
      EXPECT_EQ(log.take_unwritten(), expected);
      twin.disk = twin.entries;
      break;
    }
    case 4:
      twin.durable = std::max(twin.durable, prng.between(0, twin.disk.size() - 1));
      log.durable_to(twin.durable);
      break;
    case 5: {
      size_t bytes = 0;
      const size_t bytes_max = prng.below(300);
      std::vector<Entry> expected;
      for (Index i = twin.delivered + 1; i <= std::min(twin.commit, twin.durable); ++i) {
        bytes += weight_of(twin.entries[i]);
        if (!expected.empty() && bytes > bytes_max) break;
        expected.push_back(twin.entries[i]);
      }
      EXPECT_EQ(log.take_deliverable(bytes_max), expected);
      twin.delivered += expected.size();
      break;
    }
    case 6:
      twin.applied = prng.between(twin.applied, twin.delivered);
      log.applied_to(twin.applied);
      break;
    default:
      if (twin.applied <= twin.offset || prng.chance(2, 3)) break;
      twin.offset = prng.between(twin.offset, twin.applied);
      log.compact(twin.offset);
  }
}

TEST(Log, DoesWhatAVectorThatForgetsNothingDoes) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    Prng prng(seed);
    Log log = empty_log();
    Twin twin;
    Term term = 1;
    for (int i = 0; i < 200; ++i) {
      one_step(log, twin, prng, term);
      expect_equal(log, twin);
      if (HasFatalFailure() || HasFailure()) return;
    }
  }
}

TEST(Log, AnotherLogIsUpToDateByTermThenByLength) {
  const Log log({.entries = {entry_of(1, 1), entry_of(3, 2)}});
  EXPECT_TRUE(log.is_up_to_date(1, 4));
  EXPECT_TRUE(log.is_up_to_date(2, 3));
  EXPECT_FALSE(log.is_up_to_date(1, 3));
  EXPECT_FALSE(log.is_up_to_date(9, 2));
}

TEST(Log, ALastIndexAtOrBelowATermIsFoundOrTheOffset) {
  // index  5 6 7 8 9     the offset is 4, of term 2
  // term   2 2 4 4 6
  const Log log({.offset = 4,
                 .offset_term = 2,
                 .commit = 4,
                 .applied = 4,
                 .entries = {entry_of(2, 5), entry_of(2, 6), entry_of(4, 7), entry_of(4, 8), entry_of(6, 9)}});
  EXPECT_EQ(log.last_at_or_below_term(9, 6), 9u);
  EXPECT_EQ(log.last_at_or_below_term(99, 5), 8u);
  EXPECT_EQ(log.last_at_or_below_term(7, 5), 7u);
  EXPECT_EQ(log.last_at_or_below_term(9, 3), 6u);
  EXPECT_EQ(log.last_at_or_below_term(9, 1), 4u);
}

TEST(Log, ARestoredSnapshotIsNotDurableUntilItsWriteIs) {
  Log log({.entries = {entry_of(1, 1), entry_of(1, 2), entry_of(1, 3)}});
  log.restore(2, 5);
  EXPECT_EQ(log.last(), 2u);
  EXPECT_EQ(log.last_term(), 5u);
  EXPECT_EQ(log.commit(), 2u);
  EXPECT_LT(log.durable(), 2u);
  log.append(entry_of(5, 0));
  EXPECT_EQ(log.take_unwritten().size(), 1u);
  log.commit_to(3);
  EXPECT_TRUE(log.take_deliverable(SIZE_MAX).empty());
  log.durable_to(3);
  EXPECT_EQ(log.take_deliverable(SIZE_MAX).size(), 1u);
}

TEST(LogDeathTest, WhatIsCommittedIsNeverCutOff) {
  Log log({.commit = 2, .entries = {entry_of(1, 1), entry_of(1, 2)}});
  std::vector<Entry> other{entry_of(2, 2)};
  EXPECT_DEATH(log.merge(1, other), "CHECK failed");
}

}  // namespace
}  // namespace quorate::raft
