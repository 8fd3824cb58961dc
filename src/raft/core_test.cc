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

TEST(OneVoter, LeadsAfterAnElectionTimeoutWithoutBeingAsked) {
  Core core(options_of_self(), one_voter());
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(core.role(), Role::kFollower) << "tick " << i;
    core.tick();
  }
  for (int i = 10; i < 20 && core.role() == Role::kFollower; ++i) core.tick();
  settle(core);
  EXPECT_EQ(core.role(), Role::kLeader);
  for (int i = 0; i < 50; ++i) core.tick();
  EXPECT_EQ(core.role(), Role::kLeader);
}

TEST(OneVoter, TellsItsRoleAndLeaderOnceEach) {
  Core core(options_of_self(), one_voter());
  core.campaign();
  Ready vote = core.ready();
  EXPECT_EQ(vote.soft_state, (SoftState{.leader = 0, .role = Role::kCandidate}));
  core.persisted(vote.sequence);
  EXPECT_EQ(core.ready().soft_state, (SoftState{.leader = kSelf, .role = Role::kLeader}));
  ASSERT_TRUE(core.propose(Bytes()));
  EXPECT_FALSE(core.ready().soft_state);
}

TEST(OneVoter, RefusesProposalsAndReadsUntilItLeads) {
  Core core(options_of_self(), one_voter());
  const Result<Proposed> proposed = core.propose(Bytes::copy("x"));
  ASSERT_FALSE(proposed);
  EXPECT_EQ(proposed.error(), errors::NoLeader());
  core.read(1);
  EXPECT_EQ(core.ready().failed_reads, std::vector<ReadId>{1});
}

TEST(OneVoter, HoldsReadsUntilAnEntryOfItsTermIsCommitted) {
  Core core(options_of_self(), one_voter());
  core.campaign();
  core.persisted(core.ready().sequence);
  ASSERT_EQ(core.role(), Role::kLeader);
  core.read(11);
  Ready append = core.ready();
  EXPECT_TRUE(append.reads.empty());
  core.persisted(append.sequence);
  Ready commit = core.ready();
  ASSERT_EQ(commit.reads.size(), 1u);
  EXPECT_EQ(commit.reads[0].id, 11u);
  EXPECT_EQ(commit.reads[0].index, 2u);
  core.read(12);
  Ready later = core.ready();
  ASSERT_EQ(later.reads.size(), 1u);
  EXPECT_EQ(later.reads[0].index, 2u);
}

TEST(OneVoter, AReadDoesNotWaitForAnEntryThatIsNotCommitted) {
  Core core = leader_of_one();
  ASSERT_TRUE(core.propose(Bytes::copy("x")));
  core.read(1);
  const Ready ready = core.ready();
  ASSERT_EQ(ready.reads.size(), 1u);
  EXPECT_EQ(ready.reads[0].index, 2u);
}

TEST(OneVoter, MayHaveSeveralReadysOutstanding) {
  Core core = leader_of_one();
  ASSERT_TRUE(core.propose(Bytes::copy("a")));
  const Ready first = core.ready();
  ASSERT_TRUE(core.propose(Bytes::copy("b")));
  const Ready second = core.ready();
  ASSERT_TRUE(core.propose(Bytes::copy("c")));
  const Ready third = core.ready();
  EXPECT_EQ(second.sequence, first.sequence + 1);
  EXPECT_EQ(second.entries.size(), 1u);
  core.persisted(second.sequence);
  EXPECT_EQ(core.commit(), 4u) << "both of the first two, not the third";
  EXPECT_EQ(core.ready().committed.size(), 2u);
  core.persisted(third.sequence);
  EXPECT_EQ(core.commit(), 5u);
}

TEST(OneVoter, HandsOutCommittedEntriesInBatchesOfBoundedSize) {
  Options options = options_of_self();
  options.ready_entries_bytes_max = 300;
  Core core(options, one_voter());
  core.campaign();
  settle(core);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(core.propose(Bytes::adopt(std::string(100, 'x'))));
  core.persisted(core.ready().sequence);
  Index expected = 2;
  while (core.has_ready()) {
    const Ready ready = core.ready();
    EXPECT_LE(ready.committed.size(), 2u);
    for (const Entry& entry : ready.committed) EXPECT_EQ(entry.index, ++expected);
  }
  EXPECT_EQ(expected, 12u);
}

TEST(OneVoter, AfterARestartDeliversOnlyWhatWasNotApplied) {
  Initial initial = one_voter();
  initial.hard_state = {.term = 3, .vote = kSelf, .commit = 3};
  initial.entries = {entry_of(2, 2, "a"), entry_of(2, 3, "b"), entry_of(3, 4, "c")};
  initial.applied = 2;
  Core core(options_of_self(), std::move(initial));
  const std::vector<Entry> known = settle(core);
  ASSERT_EQ(known.size(), 1u);
  EXPECT_EQ(known[0].data.view(), "b");
  core.campaign();
  const std::vector<Entry> rest = settle(core);
  ASSERT_EQ(rest.size(), 2u) << "the durable tail, and the empty entry of the new term";
  EXPECT_EQ(rest[0].data.view(), "c");
  EXPECT_EQ(rest[1].term, 4u);
}

TEST(OneVoter, TakesAnImageAsCommittedThoughTheCommitIndexWasNotSynced) {
  Initial initial = one_voter();
  initial.entries = {entry_of(2, 2, "a"), entry_of(2, 3, "b")};
  initial.applied = 3;
  const Core core(options_of_self(), std::move(initial));
  EXPECT_EQ(core.commit(), 3u);
  EXPECT_EQ(core.applied(), 3u);
}

TEST(OneVoter, KeepsHandedOutEntriesUntilTheyAreCompacted) {
  Core core = leader_of_one();
  ASSERT_TRUE(core.propose(Bytes::copy("a")));
  ASSERT_TRUE(core.propose(Bytes::copy("b")));
  settle(core);
  EXPECT_EQ(core.entries(2, 5, SIZE_MAX).size(), 3u);
  EXPECT_EQ(core.entries(2, 5, 1).size(), 1u);
  core.compact(3);
  EXPECT_EQ(core.first_index(), 4u);
  ASSERT_EQ(core.entries(2, 5, SIZE_MAX).size(), 1u);
  EXPECT_EQ(core.entries(2, 5, SIZE_MAX)[0].data.view(), "b");
}

TEST(OneVoter, SharesTheBytesOfAProposalWithEveryDuty) {
  Core core = leader_of_one();
  const Bytes data = Bytes::copy("shared");
  ASSERT_TRUE(core.propose(data));
  const Ready append = core.ready();
  EXPECT_EQ(append.entries[0].data.data(), data.data());
  core.persisted(append.sequence);
  EXPECT_EQ(core.ready().committed[0].data.data(), data.data());
}

TEST(OneVoter, LetsASecondConfChangeGiveWayToAnEmptyEntryWhileOneIsUnapplied) {
  Core core = leader_of_one();
  ConfChange learner;
  learner.type = ConfChangeType::kAddLearnerNode;
  learner.node_id = 8;
  ASSERT_TRUE(core.propose_conf_change(learner));
  ASSERT_TRUE(core.propose_conf_change(learner));
  const Ready append = core.ready();
  ASSERT_EQ(append.entries.size(), 2u);
  EXPECT_EQ(append.entries[0].type, EntryType::kConfChange);
  EXPECT_EQ(append.entries[1], entry_of(2, 4, ""));
  core.persisted(append.sequence);
  (void)core.ready();
  EXPECT_EQ(core.apply_conf_change(learner).learners, std::vector<MemberId>{8});
  core.applied(4);
  ASSERT_TRUE(core.propose_conf_change(learner));
  EXPECT_EQ(core.ready().entries[0].type, EntryType::kConfChange);
}

TEST(OneVoter, ARefusedConfChangeMakesRoomForTheNext) {
  Core core = leader_of_one();
  ASSERT_TRUE(core.propose_conf_change(add_self()));
  core.persisted(core.ready().sequence);
  (void)core.ready();
  EXPECT_EQ(core.apply_conf_change({}).voters, std::vector<MemberId>{kSelf});
  core.applied(3);
  ASSERT_TRUE(core.propose_conf_change(add_self()));
  EXPECT_EQ(core.ready().entries[0].type, EntryType::kConfChange);
}

TEST(OneVoter, ServesOnThoughALearnerNeverAnswers) {
  Core core = leader_of_one();
  ConfChange learner;
  learner.type = ConfChangeType::kAddLearnerNode;
  learner.node_id = 8;
  core.apply_conf_change(learner);
  for (int i = 0; i < 100; ++i) {
    core.tick();
    settle(core);
  }
  EXPECT_EQ(core.role(), Role::kLeader);
  core.read(5);
  const Ready ready = core.ready();
  EXPECT_EQ(ready.reads.size(), 1u);
}

// Everything that does not come from its members is for a lone voter no reason to do anything.
TEST(OneVoter, SurvivesAnyMessageFromTheNetwork) {
  Prng prng(5);
  Core core = leader_of_one();
  for (int i = 0; i < 50'000; ++i) {
    Message message;
    message.type = static_cast<MessageType>(prng.below(25));
    message.from = prng.below(10);
    message.to = prng.chance(9, 10) ? kSelf : 1;
    const auto number = [&prng] { return prng.chance(1, 20) ? prng.next() : prng.below(12); };
    message.term = number();
    message.log_term = number();
    message.index = number();
    message.commit = number();
    message.reject = prng.chance(1, 2);
    message.reject_hint = number();
    message.context = Bytes::adopt(prng.chance(1, 2) ? prng.bytes(prng.below(10)) : "CampaignTransfer");
    for (uint64_t n = prng.below(3); n > 0; --n) {
      message.entries.push_back({.type = static_cast<EntryType>(prng.below(4)),
                                 .term = number(),
                                 .index = prng.chance(1, 2) ? message.index + message.entries.size() + 1 : number(),
                                 .data = Bytes::adopt(prng.bytes(8))});
    }
    if (message.type == MessageType::kSnap) message.snapshot.metadata.index = number();
    if (message.term >= uint64_t{1} << 62) continue;  // the term would not overflow in the life of a cluster
    core.step(std::move(message));
    if (prng.chance(1, 2)) core.tick();
    if (!core.has_ready()) continue;
    const Ready ready = core.ready();
    core.persisted(ready.sequence);
    if (ready.snapshot) core.applied(ready.snapshot->metadata.index);
    if (!ready.committed.empty()) core.applied(ready.committed.back().index);
  }
}

TEST(Hash, IsEqualForACopyAndFollowsIt) {
  Core core = leader_of_one();
  Core copy = core;
  EXPECT_EQ(core.hash(), copy.hash());
  ASSERT_TRUE(core.propose(Bytes::copy("x")));
  EXPECT_NE(core.hash(), copy.hash());
  ASSERT_TRUE(copy.propose(Bytes::copy("x")));
  EXPECT_EQ(core.hash(), copy.hash());
  settle(core);
  settle(copy);
  EXPECT_EQ(core.hash(), copy.hash());
}

TEST(Hash, IsEqualForEqualStatesThatWereReachedInOtherSteps) {
  Core at_once = leader_of_one();
  Core in_steps = at_once;
  for (const char* text : {"a", "b", "c"}) {
    ASSERT_TRUE(at_once.propose(Bytes::copy(text)));
    ASSERT_TRUE(in_steps.propose(Bytes::copy(text)));
    settle(in_steps);
  }
  EXPECT_NE(at_once.hash(), in_steps.hash());
  settle(at_once);
  EXPECT_EQ(at_once.hash(), in_steps.hash());
}

TEST(Hash, TellsApartWhatWillBecomeDurableFirst) {
  Core early = leader_of_one();
  Core late = early;
  for (Core* core : {&early, &late}) {
    ASSERT_TRUE(core->propose(Bytes::copy("a")));
    if (core == &late) (void)core->ready();
    ASSERT_TRUE(core->propose(Bytes::copy("b")));
    if (core == &early) (void)core->ready();
    ASSERT_TRUE(core->propose(Bytes::copy("c")));
    (void)core->ready();
  }
  EXPECT_NE(early.hash(), late.hash());
}

TEST(Hash, TellsApartWhatDiffersInOnlyOneDuty) {
  const Core core = leader_of_one();
  Core ticked = core;
  ticked.tick();
  EXPECT_NE(core.hash(), ticked.hash());
  Core reading = core;
  reading.read(1);
  EXPECT_NE(core.hash(), reading.hash());
  Core one = core;
  Core other = core;
  ASSERT_TRUE(one.propose(Bytes::copy("x")));
  ASSERT_TRUE(other.propose(Bytes::copy("y")));
  EXPECT_NE(one.hash(), other.hash());
  EXPECT_NE(one.hash(), core.hash());
}

}  // namespace
}  // namespace quorate::raft
