// Random histories of small clusters: the promises are checked by TestCluster after every event, and at the
// end a healed cluster must agree and go on.

#include <gtest/gtest.h>

#include <set>

#include "raft/configuration.h"
#include "raft/test_cluster.h"

namespace quorate::raft {
namespace {

struct Totals {
  Index committed = 0;
  size_t reads_resolved = 0;
  uint64_t trace = 0;
};

void expect_progress_after_healing(TestCluster& cluster) {
  cluster.heal();
  for (MemberId id = 1; id <= cluster.size(); ++id) cluster.restart(id);
  cluster.run(150);
  for (int i = 0; i < 3; ++i) {
    if (cluster.leader() != 0) cluster.checkpoint(cluster.leader(), 4);
    cluster.run(60);
  }
  const MemberId leader = cluster.leader();
  ASSERT_NE(leader, 0u);
  const size_t resolved = cluster.reads_resolved();
  const Index before = cluster.applied(leader);
  cluster.propose(leader);
  cluster.read(leader);
  cluster.run(5);
  EXPECT_GT(cluster.applied(leader), before);
  EXPECT_GT(cluster.reads_resolved(), resolved);
  const ConfState conf = cluster.core(leader).conf_state();
  for (MemberId id = 1; id <= cluster.size(); ++id) {
    if (!is_voter(conf, id) && !is_learner(conf, id)) continue;
    EXPECT_EQ(cluster.applied(id), cluster.applied(leader)) << "member " << id;
    EXPECT_EQ(cluster.digest(id), cluster.digest(leader)) << "member " << id;
    EXPECT_EQ(cluster.core(id).conf_state(), conf) << "member " << id;
  }
}

Totals run_history(const TestCluster::Setup& setup, size_t events) {
  Prng prng(setup.seed);
  const TestCluster::Weights weights = TestCluster::Weights::drawn_from(prng);
  TestCluster cluster(setup);
  for (size_t i = 0; i < events && !::testing::Test::HasFailure(); ++i) cluster.random_event(prng, weights);
  if (!::testing::Test::HasFailure()) expect_progress_after_healing(cluster);
  return {cluster.committed(), cluster.reads_resolved(), cluster.trace()};
}

Totals run_histories(TestCluster::Setup setup, uint64_t seeds, size_t events) {
  Totals sum;
  for (uint64_t seed = 1; seed <= seeds && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    setup.seed = seed;
    setup.pre_vote = seed % 4 != 0;
    const Totals one = run_history(setup, events);
    sum.committed += one.committed;
    sum.reads_resolved += one.reads_resolved;
  }
  return sum;
}

TEST(Nemesis, OneVoterKeepsEveryPromiseThroughLateWritesAndCrashes) {
  const Totals totals = run_histories({.members = 1, .voters = 1}, 200, 3000);
  EXPECT_GT(totals.committed, 10'000u);
  EXPECT_GT(totals.reads_resolved, 1'000u);
}

TEST(Nemesis, ThreeVotersKeepEveryPromise) {
  const Totals totals = run_histories({.members = 3, .voters = 3}, 400, 6000);
  EXPECT_GT(totals.committed, 1'000u);
  EXPECT_GT(totals.reads_resolved, 100u);
}

TEST(Nemesis, FiveMembersThatComeAndGoKeepEveryPromise) {
  const Totals totals = run_histories({.members = 5, .voters = 3}, 400, 10'000);
  EXPECT_GT(totals.committed, 1'000u);
  EXPECT_GT(totals.reads_resolved, 100u);
}

TEST(Nemesis, TheSameSeedGivesTheSameHistory) {
  const TestCluster::Setup setup{.seed = 99, .members = 3, .voters = 3};
  EXPECT_EQ(run_history(setup, 3000).trace, run_history(setup, 3000).trace);
}

}  // namespace
}  // namespace quorate::raft
