// A cluster of one voter, sentence by sentence.

#include "raft/core.h"

#include <gtest/gtest.h>

#include <string>

namespace quorate::raft {
namespace {

constexpr MemberId kSelf = 7;

Options options_of_self() { return {.id = kSelf, .seed = 1}; }

Entry entry_of(Term term, Index index, std::string_view text) {
  return {.term = term, .index = index, .data = Bytes::copy(text)};
}

ConfChange add_self() {
  ConfChange change;
  change.node_id = kSelf;
  return change;
}

Initial one_voter() {
  Initial initial;
  initial.conf_state.voters = {kSelf};
  initial.snapshot_index = initial.applied = 1;
  initial.snapshot_term = 1;
  initial.hard_state = {.term = 1, .vote = 0, .commit = 1};
  return initial;
}

// Collects and performs duties at once, until nothing more is owed. Returns what was committed.
std::vector<Entry> settle(Core& core) {
  std::vector<Entry> committed;
  while (core.has_ready()) {
    Ready ready = core.ready();
    core.persisted(ready.sequence);
    for (Entry& entry : ready.committed) {
      if (entry.type == EntryType::kConfChange) core.apply_conf_change(add_self());
      core.applied(entry.index);
      committed.push_back(std::move(entry));
    }
  }
  return committed;
}

Core leader_of_one() {
  Core core(options_of_self(), one_voter());
  core.campaign();
  settle(core);
  return core;
}

TEST(OneVoter, IsNotLeaderBeforeItsVoteIsDurable) {
  Core core(options_of_self(), one_voter());
  core.campaign();
  Ready vote = core.ready();
  ASSERT_TRUE(vote.hard_state);
  EXPECT_EQ(*vote.hard_state, (HardState{.term = 2, .vote = kSelf, .commit = 1}));
  EXPECT_TRUE(vote.must_sync);
  EXPECT_EQ(core.role(), Role::kCandidate);
  core.persisted(vote.sequence);
  EXPECT_EQ(core.role(), Role::kLeader);
  EXPECT_EQ(core.leader(), kSelf);
}

TEST(OneVoter, BeginsItsTermWithAnEmptyEntry) {
  Core core(options_of_self(), one_voter());
  core.campaign();
  const std::vector<Entry> committed = settle(core);
  ASSERT_EQ(committed.size(), 1u);
  EXPECT_EQ(committed[0], entry_of(2, 2, ""));
}

TEST(OneVoter, CommitsOnlyWhatIsDurable) {
  Core core = leader_of_one();
  const Result<Proposed> proposed = core.propose(Bytes::copy("x"));
  ASSERT_TRUE(proposed);
  EXPECT_EQ(proposed->index, 3u);
  EXPECT_EQ(proposed->term, 2u);
  Ready append = core.ready();
  ASSERT_EQ(append.entries.size(), 1u);
  EXPECT_EQ(append.entries[0], entry_of(2, 3, "x"));
  EXPECT_TRUE(append.must_sync);
  EXPECT_TRUE(append.committed.empty());
  EXPECT_EQ(core.commit(), 2u);
  EXPECT_FALSE(core.has_ready());
  core.persisted(append.sequence);
  EXPECT_EQ(core.commit(), 3u);
  Ready commit = core.ready();
  ASSERT_EQ(commit.committed.size(), 1u);
  EXPECT_EQ(commit.committed[0].data.view(), "x");
  EXPECT_FALSE(commit.must_sync);
}

TEST(OneVoter, StartsFromBootstrapEntriesWithoutAConfiguration) {
  Initial initial;
  initial.hard_state = {.term = 1, .vote = 0, .commit = 1};
  initial.entries = {{.type = EntryType::kConfChange, .term = 1, .index = 1, .data = Bytes::copy("change")}};
  Core core(options_of_self(), std::move(initial));
  core.campaign();
  EXPECT_EQ(core.role(), Role::kFollower);
  Ready bootstrap = core.ready();
  ASSERT_EQ(bootstrap.committed.size(), 1u);
  core.persisted(bootstrap.sequence);
  EXPECT_EQ(core.apply_conf_change(add_self()).voters, std::vector<MemberId>{kSelf});
  core.campaign();
  EXPECT_EQ(core.role(), Role::kFollower) << "a committed conf change is unapplied";
  core.applied(1);
  core.campaign();
  EXPECT_EQ(core.role(), Role::kCandidate);
  settle(core);
  EXPECT_EQ(core.role(), Role::kLeader);
  EXPECT_EQ(core.commit(), 2u);
}

}  // namespace
}  // namespace quorate::raft
