#include "raft/configuration.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/prng.h"

namespace quorate::raft {
namespace {

using pb::ConfChange;
using pb::ConfChangeType;
using pb::ConfState;

ConfChange change_of(ConfChangeType type, MemberId id) {
  ConfChange change;
  change.type = type;
  change.node_id = id;
  return change;
}

ConfState state_of(std::vector<MemberId> voters, std::vector<MemberId> learners = {}) {
  ConfState state;
  state.voters = std::move(voters);
  state.learners = std::move(learners);
  return state;
}

// The twin is a map from member to "votes".
TEST(Configuration, ChangesAsAMapOfMembersDoes) {
  Prng prng(3);
  for (int history = 0; history < 500; ++history) {
    std::map<MemberId, bool> twin{{1, true}};
    ConfState state = state_of({1});
    for (int i = 0; i < 40; ++i) {
      const ConfChange change = change_of(static_cast<ConfChangeType>(prng.below(4)), prng.below(6));
      const std::map<MemberId, bool> before = twin;
      if (change.node_id != 0) {
        if (change.type == ConfChangeType::kAddNode) twin[change.node_id] = true;
        if (change.type == ConfChangeType::kAddLearnerNode) twin[change.node_id] = false;
        if (change.type == ConfChangeType::kRemoveNode) twin.erase(change.node_id);
      }
      if (std::none_of(twin.begin(), twin.end(), [](const auto& member) { return member.second; })) twin = before;
      state = changed(state, change);
      ConfState expected;
      for (const auto& [id, votes] : twin) (votes ? expected.voters : expected.learners).push_back(id);
      ASSERT_EQ(state, expected);
    }
  }
}

TEST(Configuration, OneChangeMovesAtMostOneVote) {
  Prng prng(4);
  ConfState state = state_of({1, 2, 3});
  for (int i = 0; i < 5000; ++i) {
    const ConfState next = changed(state, change_of(static_cast<ConfChangeType>(prng.below(4)), prng.below(8)));
    std::vector<MemberId> moved;
    std::set_symmetric_difference(state.voters.begin(), state.voters.end(), next.voters.begin(), next.voters.end(),
                                  std::back_inserter(moved));
    ASSERT_LE(moved.size(), 1u);
    state = next;
  }
}

TEST(Configuration, AFirstMemberMayJoinAnEmptyOne) {
  EXPECT_EQ(changed({}, change_of(ConfChangeType::kAddNode, 5)), state_of({5}));
}

TEST(Configuration, IsNormalisedToAscendingDisjointSets) {
  EXPECT_EQ(normalised(state_of({3, 1, 3}, {4, 1, 2})), state_of({1, 3}, {2, 4}));
}

}  // namespace
}  // namespace quorate::raft
