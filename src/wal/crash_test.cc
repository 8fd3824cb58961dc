// Random programs against a dumb twin: the list of what was appended. After every crash the log must hold
// what a prefix of that list says, with everything in it that was acknowledged.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/prng.h"
#include "wal/testing/bench.h"

namespace quorate::wal {
namespace {

using testing::Bench;

struct State {
  pb::HardState hard_state;
  std::vector<pb::Entry> entries;
  friend bool operator==(const State&, const State&) = default;
};

struct Append {
  std::optional<pb::HardState> hard_state;
  std::vector<pb::Entry> entries;
  void apply(State& state) const {
    if (hard_state) state.hard_state = *hard_state;
    for (const pb::Entry& entry : entries) {
      state.entries.resize(static_cast<size_t>(entry.index - 1));
      state.entries.push_back(entry);
    }
  }
};

class Program {
 public:
  explicit Program(uint64_t seed) : prng_(seed) {
    bench_.options().salt = prng_.next();
    bench_.open();
  }

  void run(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFatalFailure(); ++i) step();
    if (!::testing::Test::HasFatalFailure()) stop(true);
  }
  size_t crashes() const { return crashes_; }
  size_t cuts() const { return cuts_; }

 private:
  void step() {
    switch (prng_.below(20)) {
      case 0: return stop(false);
      case 1: return bench_.loop().advance(limits::kIdleSeal);
      case 2: return bench_.settle();
      case 3:
        bench_.disk().set_space_left(prng_.chance(3, 4));
        bench_.finish_fill();
        bench_.disk().set_space_left(true);
        return;
      case 4:
      case 5:
      case 6:
      case 7:
      case 8:
      case 9:
        if (bench_.disk().pending_writes() != 0) bench_.finish_write();
        return;
      default: return append();
    }
  }

  void append() {
    Append append;
    State next = appended_;
    if (prng_.chance(1, 3)) append.hard_state = pb::HardState{++term_, prng_.below(5), prng_.below(100)};
    const uint64_t count = prng_.below(4);
    Index index = next.entries.size() + 1;
    if (prng_.chance(1, 10)) index -= prng_.below(std::min<uint64_t>(index, 5));
    for (uint64_t i = 0; i < count; ++i, ++index) {
      size_t bytes = static_cast<size_t>(prng_.below(prng_.chance(1, 4) ? 20'000 : 300));
      if (prng_.chance(1, 100)) bytes = static_cast<size_t>(prng_.below(400'000));
      append.entries.push_back(
          {static_cast<pb::EntryType>(prng_.below(3)), ++term_, index, Bytes::adopt(prng_.bytes(bytes))});
    }
    append.apply(appended_);
    pending_.push_back(append);
    const size_t number = ++appends_;
    bench_.wal().append(append.hard_state, append.entries, [this, number](const Status& status) {
      ASSERT_TRUE(status.ok()) << status.text();
      ASSERT_EQ(number, acknowledged_ + 1);
      ++acknowledged_;
      pending_.front().apply(durable_);
      pending_.erase(pending_.begin());
    });
  }

  // A crash, or an orderly end; then the comparison.
  void stop(bool orderly) {
    if (orderly || prng_.chance(1, 4)) {
      bench_.settle();
      if (!bench_.wal().spare_failure().ok()) bench_.loop().advance(limits::kSpareRetry);
      bench_.settle();
      bench_.wal().seal({});
      bench_.settle();
      ASSERT_TRUE(pending_.empty());
      orderly = true;
    }
    if (prng_.chance(1, 8)) bench_.disk().set_alignment(size_t{4096} << prng_.below(5));
    const bool in_flight = bench_.disk().pending_writes() != 0;
    bench_.crash(prng_);
    bench_.open();
    if (::testing::Test::HasFatalFailure()) return;
    ++crashes_;
    cuts_ += bench_.recovered().cut_tail ? 1 : 0;
    if (orderly) {
      EXPECT_FALSE(bench_.recovered().cut_tail);
    }
    const auto& warnings = bench_.warnings();
    EXPECT_EQ(std::count_if(warnings.begin(), warnings.end(),
                            [](const std::string& text) { return text.starts_with("the last batch"); }),
              static_cast<long>(cuts_));
    const State found{bench_.recovered().hard_state, bench_.recovered().entries};
    // What was acknowledged is there; of the rest a prefix, whole.
    bool known = found == durable_;
    for (const Append& append : pending_) {
      if (known) break;
      if (!in_flight) break;
      append.apply(durable_);
      known = found == durable_;
    }
    ASSERT_TRUE(known);
    durable_ = appended_ = found;
    pending_.clear();
    appends_ = acknowledged_ = 0;
  }

  Prng prng_;
  Bench bench_;
  State durable_, appended_;
  std::vector<Append> pending_;            // not acknowledged
  size_t appends_ = 0, acknowledged_ = 0;  // since the last start
  Term term_ = 0;
  size_t crashes_ = 0, cuts_ = 0;
};

TEST(WalCrash, KeepsWhatWasAcknowledgedAndTheRestWholeOrNotAtAll) {
  size_t crashes = 0, cuts = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Program program(seed);
    program.run(250);
    crashes += program.crashes();
    cuts += program.cuts();
    if (::testing::Test::HasFailure()) break;
  }
  // The programs must have come to the interesting places.
  EXPECT_GT(crashes, 3000u);
  EXPECT_GT(cuts, 300u);
}

// The last write of three blocks, cut at every byte: before it all is there, of it all or nothing.
TEST(WalCrash, SurvivesATearAtEveryByteOfTheLastWrite) {
  Bench bench;
  bench.open();
  bench.append(pb::HardState{1, 2, 3}, {{1, 1, "kept"}});
  bench.settle();
  bench.reopen();
  bench.settle();
  const auto before = bench.disk().contents();
  bench.append(pb::HardState{4, 5, 6}, {{1, 2, std::string(9'000, 'x')}});
  bench.settle();
  const auto after = bench.disk().contents();
  const std::string path = "/d/log/" + segment_name(1);
  constexpr size_t kBegin = 8192, kEnd = kBegin + 12288;
  constexpr size_t kUsed = kBegin + kBatchHeaderBytes + 32 + 24 + 9000;
  ASSERT_NE(after.at(path)[kUsed - 1], 0);
  for (size_t cut = kBegin; cut <= kEnd; ++cut) {
    bench.close();
    bench.disk().set_contents(before);
    bench.disk().bytes(path).replace(kBegin, cut - kBegin, after.at(path), kBegin, cut - kBegin);
    bench.open();
    ASSERT_GE(bench.recovered().entries.size(), 1u);
    EXPECT_EQ(bench.recovered().entries[0].data.view(), "kept");
    EXPECT_EQ(bench.recovered().entries.size(), cut >= kUsed ? 2u : 1u) << cut;
    EXPECT_EQ(bench.recovered().hard_state.term, cut >= kUsed ? 4u : 1u);
    EXPECT_EQ(bench.recovered().cut_tail, cut > kBegin && cut < kUsed) << cut;
  }
}

TEST(WalCrash, SurvivesEverySetOfLostSectorsOfTheLastWrite) {
  Bench bench;
  bench.open();
  bench.append({}, {{1, 1, "kept"}});
  bench.settle();
  const auto before = bench.disk().contents();
  bench.append({}, {{1, 2, std::string(4'000, 'x')}});
  bench.settle();
  const auto after = bench.disk().contents();
  const std::string path = "/d/log/" + segment_name(1);
  for (unsigned kept = 0; kept < 256; ++kept) {
    bench.close();
    bench.disk().set_contents(before);
    for (size_t sector = 0; sector < 8; ++sector) {
      if ((kept >> sector & 1) == 0) continue;
      const size_t at = 8192 + sector * testing::kSectorBytes;
      bench.disk().bytes(path).replace(at, testing::kSectorBytes, after.at(path), at, testing::kSectorBytes);
    }
    bench.open();
    EXPECT_EQ(bench.recovered().entries.size(), kept == 255 ? 2u : 1u);
    EXPECT_EQ(bench.recovered().cut_tail, kept != 0 && kept != 255);
    // What was cut does not come back, and what is written now does.
    bench.append({}, {{2, 2, "new"}});
    bench.settle();
    bench.reopen();
    ASSERT_EQ(bench.recovered().entries.size(), 2u);
    EXPECT_EQ(bench.recovered().entries[1].data.view(), "new");
    EXPECT_FALSE(bench.recovered().cut_tail);
  }
}

}  // namespace
}  // namespace quorate::wal
