#include "machine/members.h"

#include <gtest/gtest.h>

namespace quorate::machine {
namespace {

pb::ConfChange change(pb::ConfChangeType type, MemberId id, std::string_view context) {
  return {.id = 1, .type = type, .node_id = id, .context = Bytes::copy(context)};
}

Member member(MemberId id, bool learner = false) {
  return {.id = id,
          .peer_urls = {"http://10.0.0." + std::to_string(id) + ":2380"},
          .learner = learner,
          .name = {},
          .client_urls = {}};
}

Status add(Members& members, const Member& m) {
  const auto type = m.learner ? pb::ConfChangeType::kAddLearnerNode : pb::ConfChangeType::kAddNode;
  return members.apply(change(type, m.id, member_json(m)));
}

Status promote(Members& members, MemberId id) {
  return members.apply(change(pb::ConfChangeType::kAddNode, id,
                              "{\"id\":" + std::to_string(id) + ",\"peerURLs\":null,\"isPromote\":true}"));
}

// The context of the first entry of a real single member's log.
TEST(Members, WritesAMemberAsEtcdDoes) {
  Member m{.id = 10276657743932975437u,
           .peer_urls = {"http://localhost:2380"},
           .learner = false,
           .name = "default",
           .client_urls = {}};
  EXPECT_EQ(member_json(m), R"({"id":10276657743932975437,"peerURLs":["http://localhost:2380"],"name":"default"})");
  m.client_urls = {"http://localhost:2379", "http://localhost:4001"};
  m.learner = true;
  EXPECT_EQ(
      member_json(m),
      R"({"id":10276657743932975437,"peerURLs":["http://localhost:2380"],"isLearner":true,"name":"default","clientURLs":["http://localhost:2379","http://localhost:4001"]})");
}

TEST(Members, EscapesANameAsGoDoes) {
  Member m = member(1);
  m.name = "a\"b\\<&>\n\x01\xe2\x80\xa8\xc3\xa9";
  EXPECT_EQ(member_json(m),
            R"({"id":1,"peerURLs":["http://10.0.0.1:2380"],"name":"a\"b\\\u003c\u0026\u003e\n\u0001\u2028)"
            "\xc3\xa9\"}");
}

TEST(Members, ABootstrapMemberKeepsItsName) {
  Members members;
  Member m = member(10276657743932975437u);
  m.name = "default";
  EXPECT_TRUE(add(members, m).ok());
  EXPECT_EQ(*members.find(m.id), m);
}

TEST(Members, AddRefusesAKnownIdAndAUsedUrlAndTooManyLearners) {
  Members members;
  ASSERT_TRUE(add(members, member(1)).ok());
  EXPECT_EQ(add(members, member(1)), errors::MemberExist());
  Member same_url = member(2);
  same_url.peer_urls = {"http://other:2380", member(1).peer_urls[0]};
  EXPECT_EQ(add(members, same_url), errors::PeerURLExist());
  ASSERT_TRUE(add(members, member(3, true)).ok());
  EXPECT_EQ(add(members, member(4, true)), errors::TooManyLearners());
  EXPECT_TRUE(add(members, member(4)).ok());
  Members two(2);
  EXPECT_TRUE(add(two, member(1, true)).ok());
  EXPECT_TRUE(add(two, member(2, true)).ok());
}

TEST(Members, PromotionMakesAVoterOfALearnerAndOfNobodyElse) {
  Members members;
  ASSERT_TRUE(add(members, member(1)).ok());
  ASSERT_TRUE(add(members, member(2, true)).ok());
  EXPECT_EQ(promote(members, 3), errors::MemberNotFound());
  EXPECT_EQ(promote(members, 1), errors::MemberNotLearner());
  EXPECT_TRUE(promote(members, 2).ok());
  EXPECT_EQ(*members.find(2), member(2));
}

TEST(Members, ARemovedIdNeverComesBack) {
  Members members;
  ASSERT_TRUE(add(members, member(1)).ok());
  ASSERT_TRUE(add(members, member(2)).ok());
  EXPECT_EQ(members.apply(change(pb::ConfChangeType::kRemoveNode, 3, "")), errors::MemberNotFound());
  EXPECT_TRUE(members.apply(change(pb::ConfChangeType::kRemoveNode, 2, "")).ok());
  EXPECT_TRUE(members.removed(2));
  EXPECT_EQ(members.find(2), nullptr);
  EXPECT_EQ(members.apply(change(pb::ConfChangeType::kRemoveNode, 2, "")), errors::MemberNotFound());
  EXPECT_EQ(add(members, member(2)), errors::MemberNotFound());
  members.set_attributes(2, "ghost", {});
  EXPECT_EQ(members.all().size(), 1u);
}

TEST(Members, AnUpdateTakesThePeerUrlsOnly) {
  Members members;
  ASSERT_TRUE(add(members, member(1)).ok());
  ASSERT_TRUE(add(members, member(2)).ok());
  members.set_attributes(1, "one", {"http://b:1", "http://a:1"});
  EXPECT_EQ(members.find(1)->client_urls, (std::vector<std::string>{"http://a:1", "http://b:1"}));
  const auto update = [&](MemberId id, std::string_view json) {
    return members.apply(change(pb::ConfChangeType::kUpdateNode, id, json));
  };
  EXPECT_TRUE(update(1, R"({"id":1,"peerURLs":["http://new:1"],"name":"other"})").ok());
  EXPECT_EQ(members.find(1)->peer_urls, std::vector<std::string>{"http://new:1"});
  EXPECT_EQ(members.find(1)->name, "one");
  EXPECT_TRUE(update(1, R"({"id":1,"peerURLs":["http://new:1"]})").ok());  // its own do not count
  EXPECT_EQ(update(1, R"({"id":1,"peerURLs":["http://10.0.0.2:2380"]})"), errors::PeerURLExist());
  EXPECT_EQ(update(9, R"({"id":9,"peerURLs":["http://x:1"]})"), errors::MemberNotFound());
}

TEST(Members, AMalformedContextChangesNothing) {
  Members members;
  for (const char* text : {"", "x", "[]", "{}", R"({"id":-1})", R"({"id":1.0})", R"({"id":"1"})", R"({"id":2})",
                           R"({"id":1,"peerURLs":"x"})", R"({"id":1,"peerURLs":[1]})", R"({"id":1,"isLearner":1})",
                           R"({"id":1,"name":3})", R"({"id":1} x)", R"({"id":18446744073709551616})"}) {
    EXPECT_EQ(members.apply(change(pb::ConfChangeType::kAddNode, 1, text)).code(), Code::kInternal) << text;
  }
  EXPECT_EQ(members.apply(change(static_cast<pb::ConfChangeType>(7), 1, R"({"id":1})")).code(), Code::kInternal);
  EXPECT_TRUE(members.all().empty());
}

TEST(Members, AreOrderedById) {
  Members members;
  for (MemberId id : {30, 10, 20}) ASSERT_TRUE(add(members, member(id)).ok());
  std::vector<MemberId> ids;
  for (const auto& [id, m] : members.all()) ids.push_back(id);
  EXPECT_EQ(ids, (std::vector<MemberId>{10, 20, 30}));
}

}  // namespace
}  // namespace quorate::machine
