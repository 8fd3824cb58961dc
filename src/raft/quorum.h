// raft/quorum.h: what a majority of a set of voters agrees on. Pure.
//
// Threads: any.
// Source:  Ongaro, section 3.6.2; tested against a dumb twin.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/ids.h"

namespace quorate::raft {

inline size_t majority_of(size_t voters) { return voters / 2 + 1; }

enum class Verdict : uint8_t { kPending, kWon, kLost };

// One voter's answer.
enum class Ballot : uint8_t { kNone, kGranted, kRejected };

// `ballot_of(MemberId)` gives the answer of a voter. Without voters nothing is ever decided.
template <class BallotOf>
Verdict tally(std::span<const MemberId> voters, const BallotOf& ballot_of) {
  size_t granted = 0;
  size_t rejected = 0;
  for (const MemberId voter : voters) {
    const Ballot ballot = ballot_of(voter);
    granted += ballot == Ballot::kGranted;
    rejected += ballot == Ballot::kRejected;
  }
  if (voters.empty()) return Verdict::kPending;
  if (granted >= majority_of(voters.size())) return Verdict::kWon;
  if (voters.size() - rejected < majority_of(voters.size())) return Verdict::kLost;
  return Verdict::kPending;
}

// The largest value that a majority has reached, where `value_of(MemberId)` says how far a voter is; 0
// without voters. Quadratic, because it is called for every acknowledgement, allocates nothing, and a
// cluster has at most a handful of voters.
template <class ValueOf>
uint64_t reached_by_majority(std::span<const MemberId> voters, const ValueOf& value_of) {
  uint64_t best = 0;
  for (const MemberId candidate : voters) {
    const uint64_t value = value_of(candidate);
    if (value <= best) continue;
    size_t reached = 0;
    for (const MemberId voter : voters) reached += value_of(voter) >= value;
    if (reached >= majority_of(voters.size())) best = value;
  }
  return best;
}

}  // namespace quorate::raft
