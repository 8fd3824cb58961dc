#include "base/ids.h"

#include <gtest/gtest.h>

namespace quorate {
namespace {

// What real etcd 3.7.1 shows for a default single member.
TEST(Ids, BootstrapMemberIdIsEtcdsForTheDefaultMember) {
  EXPECT_EQ(hex(member_id_of({"http://localhost:2380"}, "etcd-cluster")), "8e9e05c52164694d");
  EXPECT_EQ(member_id_of({"http://localhost:2380"}, "etcd-cluster"), 10276657743932975437u);
}

TEST(Ids, ClusterIdIsEtcdsForTheDefaultMember) {
  EXPECT_EQ(cluster_id_of({10276657743932975437u}), 14841639068965178418u);
}

TEST(Ids, MemberIdDoesNotDependOnTheOrderOfUrls) {
  EXPECT_EQ(member_id_of({"http://a:1", "http://b:1"}, "t"), member_id_of({"http://b:1", "http://a:1"}, "t"));
  EXPECT_NE(member_id_of({"http://a:1"}, "t"), member_id_of({"http://a:1"}, "u"));
  EXPECT_NE(member_id_of({"http://a:1"}, "", "1700000000"), member_id_of({"http://a:1"}, "", "1700000001"));
}

TEST(Ids, ClusterIdDoesNotDependOnTheOrderOfMembers) { EXPECT_EQ(cluster_id_of({1, 2, 3}), cluster_id_of({3, 1, 2})); }

TEST(Ids, HexHasNoLeadingZeros) {
  EXPECT_EQ(hex(0xb527faadbe6ee78u), "b527faadbe6ee78");
  EXPECT_EQ(hex(0), "0");
}

TEST(Ids, RequestIdsCarryTheMemberAndNeverRepeat) {
  RequestIds ids(0x1234, 1'700'000'000'000);
  const RequestId first = ids.next();
  EXPECT_EQ(first >> 48, 0x1234u);
  EXPECT_EQ(ids.next(), first + 1);
}

}  // namespace
}  // namespace quorate
