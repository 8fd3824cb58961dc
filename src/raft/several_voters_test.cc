// One of three voters, whose peers are played by hand: the rules that members of other makes rely on.

#include <gtest/gtest.h>

#include <string>

#include "raft/core.h"
#include "raft/test_cluster.h"

namespace quorate::raft {
namespace {

constexpr MemberId kSelf = 1, kSecond = 2, kThird = 3, kLearner = 4;

Entry entry_of(Term term, Index index, std::string_view text = "") {
  return {.type = EntryType::kNormal, .term = term, .index = index, .data = Bytes::copy(text)};
}

// Voters 1, 2, 3; at term 5 with entries 2:2 3:2 4:4 5:4 after an image of 1:1; committed up to 3.
Core follower(bool pre_vote = true) {
  Initial initial;
  initial.hard_state = {.term = 5, .vote = 0, .commit = 3};
  initial.conf_state.voters = {kSelf, kSecond, kThird};
  initial.conf_state.learners = {kLearner};
  initial.snapshot_index = initial.applied = 1;
  initial.snapshot_term = 1;
  initial.entries = {entry_of(2, 2), entry_of(2, 3), entry_of(4, 4), entry_of(4, 5)};
  return Core({.id = kSelf, .pre_vote = pre_vote, .seed = 1}, std::move(initial));
}

Message from(MemberId peer, MessageType type, Term term) {
  Message message;
  message.type = type;
  message.from = peer;
  message.to = kSelf;
  message.term = term;
  return message;
}

Message append_of(Term term, Term log_term, Index index, std::vector<Entry> entries = {}, Index commit = 0) {
  Message message = from(kSecond, MessageType::kApp, term);
  message.log_term = log_term;
  message.index = index;
  message.entries = std::move(entries);
  message.commit = commit;
  return message;
}

Message vote_request(MessageType type, MemberId peer, Term term, Term log_term, Index index) {
  Message message = from(peer, type, term);
  message.log_term = log_term;
  message.index = index;
  return message;
}

// Persists and applies what is owed, and returns all messages in the order in which they leave.
std::vector<Message> settle(Core& core) {
  std::vector<Message> sent;
  while (core.has_ready()) {
    const Ready ready = core.ready();
    sent.insert(sent.end(), ready.messages.begin(), ready.messages.end());
    core.persisted(ready.sequence);
    sent.insert(sent.end(), ready.after_persist.begin(), ready.after_persist.end());
    if (ready.snapshot) core.applied(ready.snapshot->metadata.index);
    if (!ready.committed.empty()) core.applied(ready.committed.back().index);
  }
  return sent;
}

Message answer(Core& core, Message message) {
  settle(core);
  core.step(std::move(message));
  std::vector<Message> sent = settle(core);
  EXPECT_EQ(sent.size(), 1u);
  return sent.empty() ? Message{} : sent[0];
}

// Leader of term 6, whose empty entry 6 is replicated to kSecond and committed.
Core leader() {
  Core core = follower(false);
  settle(core);
  core.campaign();
  settle(core);
  core.step(from(kSecond, MessageType::kVoteResp, 6));
  settle(core);
  Message response = from(kSecond, MessageType::kAppResp, 6);
  response.index = 6;
  core.step(response);
  settle(core);
  EXPECT_EQ(core.role(), Role::kLeader);
  EXPECT_EQ(core.commit(), 6u);
  return core;
}

TEST(Voting, GrantsOneVoteOfATermToALogThatIsUpToDate) {
  Core core = follower();
  Message response = answer(core, vote_request(MessageType::kVote, kSecond, 6, 4, 5));
  EXPECT_EQ(response.type, MessageType::kVoteResp);
  EXPECT_FALSE(response.reject);
  EXPECT_EQ(response.term, 6u);
  EXPECT_TRUE(answer(core, vote_request(MessageType::kVote, kThird, 6, 9, 9)).reject);
  EXPECT_FALSE(answer(core, vote_request(MessageType::kVote, kSecond, 6, 4, 5)).reject);
}

TEST(Voting, RefusesALogThatIsBehind) {
  Core core = follower();
  EXPECT_TRUE(answer(core, vote_request(MessageType::kVote, kSecond, 6, 4, 4)).reject);
  EXPECT_TRUE(answer(core, vote_request(MessageType::kVote, kThird, 7, 2, 99)).reject);
  EXPECT_EQ(core.term(), 7u);
}

TEST(Voting, AVoteLeavesOnlyAfterItIsDurable) {
  Core core = follower();
  settle(core);
  core.step(vote_request(MessageType::kVote, kSecond, 6, 4, 5));
  const Ready ready = core.ready();
  EXPECT_TRUE(ready.messages.empty());
  EXPECT_EQ(ready.after_persist.size(), 1u);
  EXPECT_EQ(*ready.hard_state, (HardState{.term = 6, .vote = kSecond, .commit = 3}));
  EXPECT_TRUE(ready.must_sync);
}

TEST(Voting, APreVoteChangesNeitherTermNorVote) {
  Core core = follower();
  const Message response = answer(core, vote_request(MessageType::kPreVote, kSecond, 6, 4, 5));
  EXPECT_EQ(response.type, MessageType::kPreVoteResp);
  EXPECT_FALSE(response.reject);
  EXPECT_EQ(response.term, 6u);
  EXPECT_EQ(core.term(), 5u);
}

TEST(Voting, APreVoteOfALowerTermIsRefusedWithTheOwnTerm) {
  Core core = follower();
  const Message response = answer(core, vote_request(MessageType::kPreVote, kSecond, 4, 4, 5));
  EXPECT_TRUE(response.reject);
  EXPECT_EQ(response.term, 5u);
}

TEST(Voting, WhoHearsFromALeaderIgnoresCandidatesUnlessTheLeaderSentThem) {
  Core core = follower();
  core.step(from(kSecond, MessageType::kHeartbeat, 5));
  settle(core);
  core.step(vote_request(MessageType::kVote, kThird, 6, 4, 5));
  EXPECT_TRUE(settle(core).empty());
  EXPECT_EQ(core.term(), 5u);
  Message transfer = vote_request(MessageType::kVote, kThird, 6, 4, 5);
  transfer.context = Bytes::copy("CampaignTransfer");
  EXPECT_FALSE(answer(core, transfer).reject);
}

TEST(Voting, TimeoutsLieBetweenOneAndTwoElectionTimeoutsAndDiffer) {
  std::vector<int> seen(30);
  Core core = follower();
  settle(core);
  for (Term term = 6; term < 306; ++term) {
    core.step(from(kSecond, MessageType::kHeartbeat, term));
    settle(core);
    int ticks = 0;
    for (; core.role() == Role::kFollower && ticks < 29; ++ticks) core.tick();
    ++seen[static_cast<size_t>(ticks)];
    settle(core);
  }
  for (size_t ticks = 0; ticks < seen.size(); ++ticks) EXPECT_EQ(seen[ticks] > 0, ticks >= 10 && ticks <= 19) << ticks;
}

TEST(Voting, CampaignsOnlyAfterAMajorityWouldVoteForIt) {
  Core core = follower();
  settle(core);
  core.campaign();
  const std::vector<Message> asked = settle(core);
  ASSERT_EQ(asked.size(), 2u) << "learners are not asked";
  EXPECT_EQ(asked[0].type, MessageType::kPreVote);
  EXPECT_EQ(asked[0].term, 6u);
  EXPECT_EQ(core.term(), 5u);
  core.step(from(kSecond, MessageType::kPreVoteResp, 6));
  EXPECT_EQ(core.role(), Role::kCandidate);
  EXPECT_EQ(core.term(), 6u);
}

TEST(Following, AnAppendIsAcknowledgedOnlyAfterItIsDurable) {
  Core core = follower();
  settle(core);
  core.step(append_of(5, 4, 5, {entry_of(5, 6)}, 6));
  const Ready ready = core.ready();
  EXPECT_TRUE(ready.messages.empty());
  ASSERT_EQ(ready.after_persist.size(), 1u);
  EXPECT_EQ(ready.after_persist[0].index, 6u);
  ASSERT_EQ(ready.committed.size(), 2u) << "4 and 5 are durable already";
  core.persisted(ready.sequence);
  EXPECT_EQ(core.ready().committed.size(), 1u);
}

TEST(Following, AConflictingTailIsReplacedThoughItsWriteIsStillUnderWay) {
  Core core = follower();
  settle(core);
  core.step(append_of(5, 4, 5, {entry_of(5, 6, "old"), entry_of(5, 7, "old")}));
  const Ready first = core.ready();
  core.step(append_of(6, 4, 5, {entry_of(6, 6, "new")}, 6));
  const Ready second = core.ready();
  ASSERT_EQ(second.entries.size(), 1u);
  EXPECT_EQ(second.entries[0].index, 6u);
  core.persisted(first.sequence);
  core.applied(5);
  EXPECT_FALSE(core.has_ready()) << "what became durable at 6 was another entry";
  core.persisted(second.sequence);
  const Ready third = core.ready();
  ASSERT_EQ(third.committed.size(), 1u);
  EXPECT_EQ(third.committed[0].data.view(), "new");
}

TEST(Following, CommitsOnlyAsFarAsTheAppendProvesItsLogEqual) {
  Core core = follower();
  core.step(append_of(5, 4, 4, {}, 5));
  EXPECT_EQ(core.commit(), 4u) << "its own 5 may be another than the leader's";
}

TEST(Following, AWriteThatAnImageOvertookMakesNothingDurable) {
  Core core = follower();
  settle(core);
  core.step(append_of(5, 4, 5, {entry_of(5, 6), entry_of(5, 7), entry_of(5, 8), entry_of(5, 9)}));
  const Ready overtaken = core.ready();
  Message message = from(kSecond, MessageType::kSnap, 6);
  message.snapshot.metadata.index = 8;
  message.snapshot.metadata.term = 6;
  message.snapshot.metadata.conf_state.voters = {kSelf, kSecond};
  core.step(message);
  const Ready image = core.ready();
  ASSERT_TRUE(image.snapshot);
  core.persisted(overtaken.sequence);
  core.step(append_of(6, 6, 8, {entry_of(6, 9, "new")}, 9));
  const Ready append = core.ready();
  EXPECT_TRUE(append.committed.empty());
  core.persisted(image.sequence);
  EXPECT_FALSE(core.has_ready());
  core.persisted(append.sequence);
  ASSERT_TRUE(core.has_ready());
  EXPECT_EQ(core.ready().committed.at(0).data.view(), "new");
}

TEST(Following, ARejectionHintsAtTheLastPlaceWhereTheLogsMayAgree) {
  Core core = follower();
  Message response = answer(core, append_of(5, 3, 9));
  EXPECT_TRUE(response.reject);
  EXPECT_EQ(response.index, 9u);
  EXPECT_EQ(response.reject_hint, 3u);
  EXPECT_EQ(response.log_term, 2u);
  response = answer(core, append_of(5, 5, 9));
  EXPECT_EQ(response.reject_hint, 5u);
  EXPECT_EQ(response.log_term, 4u);
}

TEST(Following, AnAppendBelowTheCommitIndexIsAnsweredWithIt) {
  Core core = follower();
  const Message response = answer(core, append_of(5, 1, 1, {entry_of(2, 2)}));
  EXPECT_FALSE(response.reject);
  EXPECT_EQ(response.index, 3u);
}

TEST(Following, ALeaderOfAnOlderTermLearnsTheNewOne) {
  Core core = follower();
  const Message response = answer(core, append_of(4, 4, 5));
  EXPECT_EQ(response.type, MessageType::kAppResp);
  EXPECT_EQ(response.term, 5u);
}

TEST(Following, AHeartbeatIsAnsweredAtOnceWithItsContext) {
  Core core = follower();
  settle(core);
  Message beat = from(kSecond, MessageType::kHeartbeat, 5);
  beat.context = Bytes::copy("any bytes");
  beat.commit = 5;
  core.step(beat);
  const Ready ready = core.ready();
  ASSERT_EQ(ready.messages.size(), 1u);
  EXPECT_EQ(ready.messages[0].context.view(), "any bytes");
  EXPECT_EQ(core.commit(), 5u);
}

TEST(Following, AnImageReplacesTheLogAndIsAcknowledgedWhenDurable) {
  Core core = follower();
  settle(core);
  Message message = from(kSecond, MessageType::kSnap, 6);
  message.snapshot.metadata.index = 20;
  message.snapshot.metadata.term = 6;
  message.snapshot.metadata.conf_state.voters = {kSelf, kSecond};
  core.step(message);
  const Ready ready = core.ready();
  ASSERT_TRUE(ready.snapshot);
  EXPECT_TRUE(ready.must_sync);
  ASSERT_EQ(ready.after_persist.size(), 1u);
  EXPECT_EQ(ready.after_persist[0].index, 20u);
  EXPECT_EQ(core.conf_state().voters, (std::vector<MemberId>{kSelf, kSecond}));
  core.campaign();
  EXPECT_EQ(core.role(), Role::kFollower) << "the image is not applied";
}

TEST(Following, AnImageWithoutThisMemberIsRefused) {
  Core core = follower();
  Message message = from(kSecond, MessageType::kSnap, 6);
  message.snapshot.metadata.index = 20;
  message.snapshot.metadata.term = 6;
  message.snapshot.metadata.conf_state.voters = {kSecond, kThird};
  EXPECT_EQ(answer(core, message).index, 3u);
  EXPECT_EQ(core.last_index(), 5u);
}

TEST(Following, ForwardsProposalsAndReadsWithoutATerm) {
  Core core = follower();
  core.step(from(kSecond, MessageType::kHeartbeat, 5));
  settle(core);
  const Result<Proposed> proposed = core.propose(Bytes::copy("x"));
  ASSERT_TRUE(proposed);
  EXPECT_EQ(proposed->term, 0u);
  core.read(77);
  core.read(78);
  const std::vector<Message> sent = settle(core);
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].type, MessageType::kProp);
  EXPECT_EQ(sent[1].type, MessageType::kReadIndex);
  EXPECT_EQ(sent[0].term + sent[1].term, 0u);
  ASSERT_EQ(sent[1].entries.size(), 1u) << "two reads, one request";
  EXPECT_EQ(sent[1].entries[0].data.size(), 8u);

  Message response = from(kSecond, MessageType::kReadIndexResp, 5);
  response.index = 9;
  response.entries = sent[1].entries;
  core.step(response);
  const Ready ready = core.ready();
  ASSERT_EQ(ready.reads.size(), 2u);
  EXPECT_EQ(ready.reads[1].index, 9u);
}

TEST(Following, FailsReadsThatTheLeaderNeverAnswers) {
  Core core = follower();
  core.step(from(kSecond, MessageType::kHeartbeat, 5));
  core.read(77);
  settle(core);
  for (int i = 0; i < 9; ++i) core.tick();
  EXPECT_FALSE(core.has_ready());
  core.tick();
  ASSERT_TRUE(core.has_ready());
  EXPECT_EQ(core.ready().failed_reads, std::vector<ReadId>{77});
}

TEST(Following, FailsReadsThatItDidNotForwardBeforeItLostTheLeader) {
  Core core = follower();
  core.step(from(kSecond, MessageType::kHeartbeat, 5));
  settle(core);
  core.read(77);
  core.campaign();
  const Ready ready = core.ready();
  EXPECT_EQ(ready.failed_reads, std::vector<ReadId>{77});
  for (const Message& message : ready.messages) EXPECT_NE(message.type, MessageType::kReadIndex);
}

TEST(Leading, DoesNotCommitAnEntryOfAnOlderTermByCounting) {
  Core core = follower(false);
  settle(core);
  core.campaign();
  settle(core);
  core.step(from(kSecond, MessageType::kVoteResp, 6));
  settle(core);
  Message response = from(kSecond, MessageType::kAppResp, 6);
  response.index = 5;
  core.step(response);
  EXPECT_EQ(core.commit(), 3u);
  response.index = 6;
  core.step(response);
  EXPECT_EQ(core.commit(), 6u);
}

TEST(Leading, CommitsByTheOthersWhileItsOwnDiskIsSlow) {
  Core core = leader();
  ASSERT_TRUE(core.propose(Bytes::copy("x")));
  const Ready ready = core.ready();
  EXPECT_FALSE(ready.messages.empty()) << "appends do not wait for the own disk";
  for (const MemberId peer : {kSecond, kThird}) {
    EXPECT_EQ(core.commit(), 6u);
    Message response = from(peer, MessageType::kAppResp, 6);
    response.index = 7;
    core.step(response);
  }
  EXPECT_EQ(core.commit(), 7u);
  EXPECT_TRUE(core.ready().committed.empty()) << "but delivers only what it holds itself";
  core.persisted(ready.sequence);
  EXPECT_EQ(core.ready().committed.size(), 1u);
}

TEST(Leading, NeverTellsAFollowerACommitIndexBeyondItsLogInAHeartbeat) {
  Core core = leader();
  core.tick();
  for (const Message& message : settle(core)) {
    if (message.type != MessageType::kHeartbeat) continue;
    EXPECT_EQ(message.commit, message.to == kSecond ? 6u : 0u);
  }
}

TEST(Leading, ResolvesAReadAfterAMajorityAnsweredItsHeartbeat) {
  Core core = leader();
  core.read(9);
  const Ready asked = core.ready();
  EXPECT_TRUE(asked.reads.empty());
  Message response = from(kThird, MessageType::kHeartbeatResp, 6);
  core.step(response);
  EXPECT_TRUE(core.ready().reads.empty()) << "an answer to an older heartbeat proves nothing";
  for (const Message& message : asked.messages) {
    if (message.type == MessageType::kHeartbeat) response.context = message.context;
  }
  EXPECT_EQ(response.context.size(), 8u);
  core.step(response);
  const Ready ready = core.ready();
  ASSERT_EQ(ready.reads.size(), 1u);
  EXPECT_EQ(ready.reads[0].index, 6u);
}

TEST(Leading, StepsDownWhenNoMajorityAnsweredForAnElectionTimeout) {
  Core core = leader();
  core.read(4);
  for (int i = 0; i < 20; ++i) core.tick();
  EXPECT_EQ(core.role(), Role::kFollower);
  EXPECT_EQ(core.term(), 6u);
  EXPECT_EQ(core.ready().failed_reads, std::vector<ReadId>{4});
}

TEST(Leading, AsksACaughtUpMemberToTakeOverAndTakesNoMoreProposals) {
  Core core = leader();
  core.transfer_leadership(kSecond);
  const std::vector<Message> sent = settle(core);
  ASSERT_FALSE(sent.empty());
  EXPECT_EQ(sent.back().type, MessageType::kTimeoutNow);
  EXPECT_EQ(sent.back().to, kSecond);
  EXPECT_FALSE(core.propose(Bytes::copy("x")));
  for (int i = 0; i < 10; ++i) {
    core.tick();
    core.step(from(kSecond, MessageType::kHeartbeatResp, 6));
  }
  EXPECT_TRUE(core.propose(Bytes::copy("x"))) << "it did not";
}

TEST(Leading, DropsAnswersOfStrangers) {
  Core core = leader();
  core.step(from(99, MessageType::kVoteResp, 50));
  EXPECT_EQ(core.term(), 6u);
}

TEST(Cluster, AMemberCutOffDoesNotDisturbTheLeaderWhenItReturns) {
  TestCluster cluster({.seed = 4});
  cluster.run(60);
  const MemberId led_by = cluster.leader();
  ASSERT_NE(led_by, 0u);
  const Term term = cluster.core(led_by).term();
  const MemberId cut_off = led_by % 3 + 1;
  cluster.isolate(cut_off);
  cluster.run(100);
  cluster.heal();
  cluster.run(30);
  EXPECT_EQ(cluster.leader(), led_by);
  EXPECT_EQ(cluster.core(cut_off).term(), term);
}

TEST(Cluster, AnEmptyMemberCatchesUpByTheFirstImageThatNamesItAndThenByTheLog) {
  TestCluster cluster({.seed = 5, .members = 4, .voters = 3});
  cluster.run(60);
  const MemberId led_by = cluster.leader();
  cluster.propose_change(led_by, ConfChangeType::kAddLearnerNode, 4);
  cluster.run(10);
  EXPECT_EQ(cluster.applied(4), 0u);
  cluster.checkpoint(led_by, 0);
  const Index image = cluster.applied(led_by);
  for (int i = 0; i < 50; ++i) cluster.propose(led_by);
  cluster.run(30);
  EXPECT_EQ(cluster.core(4).first_index(), image + 1);
  EXPECT_EQ(cluster.applied(4), image + 50);
  EXPECT_EQ(cluster.digest(4), cluster.digest(led_by));
}

TEST(Cluster, HandsLeadershipOverWithoutWaitingForATimeout) {
  TestCluster cluster({.seed = 6});
  cluster.run(60);
  const MemberId to = cluster.leader() % 3 + 1;
  cluster.core(cluster.leader()).transfer_leadership(to);
  cluster.run(3, false);
  EXPECT_EQ(cluster.leader(), to);
}

TEST(Cluster, GoesOnWithoutALeaderThatWasRemoved) {
  TestCluster cluster({.seed = 7});
  cluster.run(60);
  const MemberId removed = cluster.leader();
  cluster.propose_change(removed, ConfChangeType::kRemoveNode, removed);
  cluster.run(60);
  EXPECT_NE(cluster.leader(), removed);
  const MemberId led_by = cluster.leader();
  ASSERT_NE(led_by, 0u);
  EXPECT_EQ(cluster.core(led_by).conf_state().voters.size(), 2u);
  const Index before = cluster.committed();
  cluster.propose(led_by);
  cluster.run(2);
  EXPECT_GT(cluster.committed(), before);
}

// Leader and follower are the only voters; the leader removes itself, and every word of the commit is lost.
TEST(Cluster, ALeaderThatRemovedItselfStaysUntilTheLastVoterKnows) {
  TestCluster cluster({.seed = 8, .members = 2, .voters = 2});
  cluster.run(60);
  const MemberId removed = cluster.leader();
  const MemberId other = 3 - removed;
  ConfChange change;
  change.type = ConfChangeType::kRemoveNode;
  change.node_id = removed;
  ASSERT_TRUE(cluster.core(removed).propose_conf_change(change));
  const auto do_all = [&cluster](MemberId id) {
    cluster.collect(id);
    cluster.persist(id, SIZE_MAX);
  };
  do_all(removed);
  while (cluster.in_flight() > 0) cluster.deliver(0, false);
  do_all(other);
  cluster.propose(removed);  // a longer log, by which it will refuse to vote
  do_all(removed);
  while (cluster.in_flight() > 0) {
    if (cluster.message(0).to == removed) {
      cluster.deliver(0, false);
    } else {
      cluster.drop(0);
    }
  }
  do_all(removed);
  cluster.apply(removed, SIZE_MAX);
  do_all(removed);
  while (cluster.in_flight() > 0) cluster.drop(0);
  cluster.run(60);
  EXPECT_EQ(cluster.leader(), other);
  EXPECT_EQ(cluster.core(other).conf_state().voters, std::vector<MemberId>{other});
}

}  // namespace
}  // namespace quorate::raft
