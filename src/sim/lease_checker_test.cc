#include <gtest/gtest.h>

#include "sim/check.h"
#include "sim/testing/tiny_cluster.h"
#include "sim/testing/verdict.h"

namespace quorate::sim {
namespace {

Index last_entry(const TinyCluster& cluster) { return cluster.log.size(); }

// When the entry was proposed, to be moved.
MonoTime& proposed(TinyCluster& cluster, Index index) {
  return cluster.history.proposed_at.at({cluster.log[index - 1].term, index});
}

// A lease of 10 s with a key, which expires.
struct Expired {
  TinyCluster cluster;
  size_t granted = 0, renewed = 0;
  Index revoke = 0;
  explicit Expired(bool renew) {
    granted = cluster.grant(7, 10);
    cluster.put("a", "1", 7);
    if (renew) {
      cluster.advance(4s);
      renewed = cluster.keep_alive(7);
    }
    const Index before = last_entry(cluster);
    cluster.advance(11s);
    revoke = last_entry(cluster);
    EXPECT_GT(revoke, before);
  }
};

TEST(LeaseChecks, AllowALeaseThatExpiresInTime) {
  for (const bool renew : {false, true}) {
    Expired test(renew);
    test.cluster.finish();
    EXPECT_EQ(texts(test.cluster.check()), "");
  }
}

TEST(LeaseChecks, SeeALeaseThatEndsBeforeItsGrantAllows) {
  Expired test(false);
  proposed(test.cluster, test.revoke) = test.cluster.history.operations[test.granted].begin + 9990ms;
  test.cluster.finish();
  EXPECT_EQ(kinds(test.cluster.check()), "lease early") << texts(test.cluster.check());
}

TEST(LeaseChecks, SeeALeaseThatEndsBeforeItsRenewalAllows) {
  Expired test(true);
  proposed(test.cluster, test.revoke) = test.cluster.history.operations[test.renewed].begin + 9990ms;
  test.cluster.finish();
  EXPECT_EQ(kinds(test.cluster.check()), "lease early") << texts(test.cluster.check());
  test.cluster.history.operations[test.renewed].answered = false;  // then nobody was promised anything
  EXPECT_EQ(texts(test.cluster.check()), "");
}

TEST(LeaseChecks, AllowClocksThatRunFastWithinTheirBound) {
  Expired test(false);
  proposed(test.cluster, test.revoke) = proposed(test.cluster, 2) + 9999ms;
  test.cluster.history.drift_ppm = 200;
  test.cluster.finish();
  EXPECT_EQ(texts(test.cluster.check()), "");
  test.cluster.history.drift_ppm = 50;
  EXPECT_EQ(kinds(test.cluster.check()), "lease early") << texts(test.cluster.check());
}

TEST(LeaseChecks, AllowAClientToRevokeAtAnyTime) {
  TinyCluster cluster;
  cluster.grant(7, 10);
  cluster.put("a", "1", 7);
  cluster.revoke(7);
  cluster.get("a");
  cluster.finish();
  EXPECT_EQ(texts(cluster.check()), "");
}

TEST(LeaseChecks, SeeALeaseThatEndsLate) {
  Expired test(false);
  proposed(test.cluster, test.revoke) += 3s;
  test.cluster.advance(10s);
  test.cluster.finish();
  EXPECT_EQ(kinds(test.cluster.check()), "lease late") << texts(test.cluster.check());
}

TEST(LeaseChecks, SeeALeaseThatLivesForEver) {
  TinyCluster cluster;
  cluster.grant(7, 10);
  cluster.finish();
  cluster.history.ended_at = cluster.now() + 11s;
  EXPECT_EQ(texts(cluster.check()), "");
  cluster.history.ended_at = cluster.now() + 13s;
  EXPECT_EQ(kinds(cluster.check()), "lease late") << texts(cluster.check());
  cluster.history.healed_at = cluster.history.ended_at - 1s;
  EXPECT_EQ(texts(cluster.check()), "");
}

TEST(LeaseChecks, AllowEachStartItsShareAndNoMore) {
  TinyCluster cluster;
  cluster.grant(7, 60);
  for (int i = 0; i < 5; ++i) {
    cluster.advance(9s);
    cluster.crash(5s);
  }
  cluster.advance(60s);
  cluster.finish();
  EXPECT_EQ(texts(cluster.check()), "");
  const Index revoke = last_entry(cluster);
  // As if each start had begun the whole time anew.
  proposed(cluster, revoke) = proposed(cluster, 2) + 5 * 14s + 60s;
  EXPECT_EQ(kinds(cluster.check()), "lease late") << texts(cluster.check());
}

TEST(LeaseChecks, SeeARenewalOfALeaseThatIsGone) {
  TinyCluster cluster;
  cluster.grant(7, 10);
  const size_t alive = cluster.keep_alive(7);
  cluster.revoke(7);
  const size_t gone = cluster.keep_alive(7);
  auto& operations = cluster.history.operations;
  EXPECT_EQ(texts(cluster.check()), "");
  const std::string good = operations[gone].response;
  operations[gone].response = operations[alive].response;
  EXPECT_EQ(kinds(cluster.check()), "lease answer") << texts(cluster.check());
  operations[gone].response = good;
  operations[alive].response = good;
  EXPECT_EQ(kinds(cluster.check()), "lease answer") << texts(cluster.check());
}

TEST(LeaseChecks, SeeARenewalToAnotherTime) {
  TinyCluster cluster;
  cluster.grant(7, 10);
  const size_t renewed = cluster.keep_alive(7);
  auto& response = cluster.history.operations[renewed].response;
  response = changed<pb::LeaseKeepAliveResponse>(response, [](auto& m) { m.ttl_s = 11; });
  EXPECT_EQ(kinds(cluster.check()), "lease answer") << texts(cluster.check());
}

TEST(LeaseChecks, SeeARemainingTimeThatCannotBe) {
  for (const auto& [told, right] : {std::pair(9, true), {10, false}, {5, false}, {6, true}, {30, false}}) {
    TinyCluster cluster;
    cluster.grant(7, 10);
    cluster.advance(told == 9 || told == 10 ? 100ms : 3500ms);
    const size_t asked = cluster.time_to_live(7);
    EXPECT_EQ(texts(cluster.check()), "");
    auto& response = cluster.history.operations[asked].response;
    response = changed<pb::LeaseTimeToLiveResponse>(response, [ttl_s = told](auto& m) { m.ttl_s = ttl_s; });
    cluster.options.lease_slack = {};
    EXPECT_EQ(kinds(cluster.check()), right ? "" : "lease answer") << told << texts(cluster.check());
  }
}

TEST(LeaseChecks, SeeKeysThatAreNotTheLeases) {
  TinyCluster cluster;
  cluster.grant(7, 10);
  cluster.put("a", "1", 7);
  cluster.put("b", "1", 7);
  cluster.put("a", "2");
  const size_t asked = cluster.time_to_live(7);
  EXPECT_EQ(texts(cluster.check()), "");
  auto& response = cluster.history.operations[asked].response;
  response = changed<pb::LeaseTimeToLiveResponse>(response, [](auto& m) { m.keys.push_back("a"); });
  EXPECT_EQ(kinds(cluster.check()), "lease answer") << texts(cluster.check());
}

TEST(LeaseChecks, SeeAnOldAnswerAboutALease) {
  TinyCluster cluster;
  const size_t before = cluster.time_to_live(7);
  cluster.grant(7, 10);
  cluster.put("a", "1", 7);
  const size_t after = cluster.time_to_live(7);
  auto& operations = cluster.history.operations;
  EXPECT_EQ(texts(cluster.check()), "");
  operations[after].response = operations[before].response;
  EXPECT_EQ(kinds(cluster.check()), "stale read") << texts(cluster.check());
  operations[after].response =
      changed<pb::LeaseTimeToLiveResponse>(operations[before].response, [](auto& m) { m.header->revision = 2; });
  EXPECT_EQ(kinds(cluster.check()), "lease answer") << texts(cluster.check());
}

TEST(LeaseChecks, SeeAListThatNeverWas) {
  TinyCluster cluster;
  cluster.grant(7, 10);
  cluster.grant(8, 10);
  const size_t both = cluster.call(Kind::kLeaseLeases, "");
  cluster.revoke(7);
  const size_t one = cluster.call(Kind::kLeaseLeases, "");
  auto& operations = cluster.history.operations;
  EXPECT_EQ(texts(cluster.check()), "");
  operations[one].response = operations[both].response;  // old, which a list may be
  EXPECT_EQ(texts(cluster.check()), "");
  operations[both].response =
      changed<pb::LeaseLeasesResponse>(operations[both].response, [](auto& m) { m.leases = {8}; });
  EXPECT_EQ(kinds(cluster.check()), "lease answer") << texts(cluster.check());
}

TEST(LeaseChecks, SeeKeysThatDoNotGoWithTheirLease) {
  Expired test(false);
  test.cluster.get("a");
  test.cluster.finish();
  const Revision last = 3;
  EXPECT_EQ(texts(test.cluster.check()), "");
  auto& contents = test.cluster.history.final_contents[0].response;
  contents = changed<pb::RangeResponse>(contents, [&](auto& m) {
    m.kvs.push_back({.key = "a", .create_revision = 2, .mod_revision = 2, .version = 1, .value = "1", .lease = 7});
    m.count = 1;
    EXPECT_EQ(m.header->revision, last);
  });
  EXPECT_EQ(kinds(test.cluster.check()), "contents") << texts(test.cluster.check());
}

TEST(LeaseChecks, TellTheLivesOfAnIdThatIsGrantedAgainApart) {
  TinyCluster cluster;
  cluster.grant(7, 10);
  cluster.keep_alive(7);
  cluster.revoke(7);
  cluster.time_to_live(7);
  cluster.grant(7, 20);
  cluster.put("a", "1", 7);
  cluster.time_to_live(7);
  cluster.advance(30s);
  cluster.time_to_live(7);
  cluster.keep_alive(7);
  cluster.finish();
  EXPECT_EQ(texts(cluster.check()), "");
}

}  // namespace
}  // namespace quorate::sim
