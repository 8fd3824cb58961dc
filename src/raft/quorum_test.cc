#include "raft/quorum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <functional>
#include <map>
#include <vector>

#include "base/prng.h"

namespace quorate::raft {
namespace {

struct Voters {
  std::vector<MemberId> ids;
  std::map<MemberId, uint64_t> values;
};

Voters random_voters(Prng& prng) {
  Voters out;
  const uint64_t count = prng.between(1, 9);
  for (MemberId id = 1; id <= count; ++id) {
    out.ids.push_back(id);
    out.values[id] = prng.below(6);
  }
  return out;
}

// The twin sorts: a majority of n has reached the element that n/2 others are below or equal to.
uint64_t reached_by_sorting(const Voters& voters) {
  std::vector<uint64_t> values;
  for (const auto& [id, value] : voters.values) values.push_back(value);
  std::sort(values.begin(), values.end(), std::greater<>());
  return values[values.size() / 2];
}

TEST(Quorum, AMajorityHasReachedWhatSortingSays) {
  Prng prng(1);
  for (int i = 0; i < 20'000; ++i) {
    Voters voters = random_voters(prng);
    EXPECT_EQ(reached_by_majority(voters.ids, [&](MemberId id) { return voters.values[id]; }),
              reached_by_sorting(voters));
  }
}

// The twin tries every way in which the missing votes may fall.
Verdict verdict_by_enumeration(const Voters& voters) {
  std::vector<MemberId> open;
  size_t granted = 0;
  for (const auto& [id, value] : voters.values) {
    if (value % 3 == 0) open.push_back(id);
    granted += value % 3 == 1;
  }
  bool can_win = false;
  bool can_lose = false;
  for (uint64_t outcome = 0; outcome < uint64_t{1} << open.size(); ++outcome) {
    const size_t votes = granted + static_cast<size_t>(std::popcount(outcome));
    (votes * 2 > voters.ids.size() ? can_win : can_lose) = true;
  }
  if (can_win && can_lose) return Verdict::kPending;
  return can_win ? Verdict::kWon : Verdict::kLost;
}

TEST(Quorum, AnElectionIsDecidedWhenNoMissingVoteCanChangeIt) {
  Prng prng(2);
  for (int i = 0; i < 20'000; ++i) {
    Voters voters = random_voters(prng);
    const auto ballot_of = [&](MemberId id) {
      constexpr Ballot kBallots[] = {Ballot::kNone, Ballot::kGranted, Ballot::kRejected};
      return kBallots[voters.values[id] % 3];
    };
    EXPECT_EQ(tally(voters.ids, ballot_of), verdict_by_enumeration(voters));
  }
}

TEST(Quorum, WithoutVotersNothingIsDecided) {
  const std::vector<MemberId> nobody;
  EXPECT_EQ(reached_by_majority(nobody, [](MemberId) { return uint64_t{9}; }), 0u);
  EXPECT_EQ(tally(nobody, [](MemberId) { return Ballot::kGranted; }), Verdict::kPending);
}

}  // namespace
}  // namespace quorate::raft
