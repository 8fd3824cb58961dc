#include "server/lease_keeper.h"

#include "server/testing/bench.h"

namespace quorate::server {
namespace {

using testing::Bench;

TEST(LeaseKeeper, ALeaseEndsThroughTheLogAndNeverEarly) {
  Bench bench;
  bench.serve();
  bench.grant(1, 10);
  bench.settle();
  bench.put("k", "v", 1);
  bench.settle();
  bench.advance(9900ms);
  EXPECT_TRUE(bench.lease(1));
  bench.advance(1s, false);
  EXPECT_TRUE(bench.lease(1)) << "its revoke is not durable";
  EXPECT_EQ(bench.get("k"), "v");
  EXPECT_EQ(bench.disk().pending_writes(), 1u);
  bench.settle();
  EXPECT_FALSE(bench.lease(1));
  EXPECT_EQ(bench.get("k"), std::nullopt);
  EXPECT_EQ(bench.replica().leases().expired_total(), 1u);
}

TEST(LeaseKeeper, RevokesOnceHoweverLongTheDiskTakes) {
  Bench bench;
  bench.serve();
  bench.grant(1, 2);
  bench.settle();
  const Index before = bench.replica().commit();
  bench.advance(6s, false);
  bench.settle();
  EXPECT_EQ(bench.replica().commit(), before + 1);
}

TEST(LeaseKeeper, ARenewedLeaseLivesOn) {
  Bench bench;
  bench.serve();
  bench.grant(1, 10);
  bench.settle();
  for (int i = 0; i < 5; ++i) {
    bench.advance(9s);
    const auto told = bench.renew(1);
    bench.settle();
    EXPECT_EQ(told->times, 1);
    EXPECT_EQ(told->revision, 10);
  }
  EXPECT_TRUE(bench.lease(1));
  EXPECT_EQ(bench.replica().leases().renewed_total(), 5u);
}

TEST(LeaseKeeper, AnUnknownLeaseIsNotFound) {
  Bench bench;
  bench.serve();
  EXPECT_EQ(bench.renew(1)->status, errors::LeaseNotFound());
}

TEST(LeaseKeeper, WithoutALeaderNothingIsRenewed) {
  Bench bench;
  bench.open();
  EXPECT_EQ(bench.renew(1)->status, errors::NoLeader());
}

TEST(LeaseKeeper, ALeaderThatHasNotCommittedIsNotPrimary) {
  Bench bench;
  bench.open();
  while (bench.replica().leader() == 0) bench.finish_write();
  EXPECT_EQ(bench.renew(1)->status, errors::NotPrimaryLessor());
}

TEST(LeaseKeeper, TheRemainingTimeIsReplicatedAsItFalls) {
  Bench bench;
  bench.serve();
  bench.grant(1, 100);
  bench.advance(9s);
  EXPECT_EQ(bench.lease(1)->replicated_ttl_s, 100);
  bench.advance(2s);
  EXPECT_LE(bench.lease(1)->replicated_ttl_s, 90);
  EXPECT_GE(bench.lease(1)->replicated_ttl_s, 89);
}

TEST(LeaseKeeper, ARestartAddsAtMostACheckpointAndAnElectionTimeout) {
  Bench bench;
  bench.serve();
  bench.grant(1, 100);
  bench.advance(50s);
  bench.kill();
  bench.serve();
  ASSERT_TRUE(bench.lease(1));
  EXPECT_GE(bench.lease(1)->remaining_ttl_s, 49);
  EXPECT_LE(bench.lease(1)->remaining_ttl_s, 50 + 10 + 1);
}

TEST(LeaseKeeper, ARenewalAfterACheckpointIsAnsweredWhenItIsReplicated) {
  Bench bench;
  bench.serve();
  bench.grant(1, 100);
  bench.advance(15s);
  ASSERT_LT(bench.lease(1)->replicated_ttl_s, 100);
  const auto told = bench.renew(1);
  bench.turn();
  EXPECT_EQ(told->times, 0);
  bench.settle();
  EXPECT_EQ(told->times, 1);
  EXPECT_EQ(told->revision, 100);
  EXPECT_EQ(bench.lease(1)->replicated_ttl_s, 100);
}

TEST(LeaseKeeper, ARenewalDuringACheckpointIsAnsweredWhenItIsReplicated) {
  Bench bench;
  bench.serve();
  bench.grant(1, 100);
  bench.advance(9s);
  while (bench.disk().pending_writes() == 0) bench.advance(100ms, false);  // the checkpoint's write
  ASSERT_EQ(bench.lease(1)->replicated_ttl_s, 100);
  const auto told = bench.renew(1);
  EXPECT_EQ(told->times, 0);
  bench.settle();
  EXPECT_EQ(told->times, 1);
  EXPECT_EQ(bench.lease(1)->replicated_ttl_s, 100) << "a restart would end the lease early";
}

TEST(LeaseKeeper, ARenewalWhoseEntryFailsIsNotAnsweredWell) {
  Bench bench;
  bench.serve();
  bench.grant(1, 100);
  bench.advance(15s);
  const auto told = bench.renew(1);
  bench.turn();
  bench.disk().fail_write();
  bench.settle();
  EXPECT_EQ(told->times, 1);
  EXPECT_EQ(told->status, errors::Stopped());
}

}  // namespace
}  // namespace quorate::server
