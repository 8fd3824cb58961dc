#include "machine/alarms.h"

#include <gtest/gtest.h>

#include <memory>

namespace quorate::machine {
namespace {

constexpr auto kGet = pb::AlarmAction::kGet;
constexpr auto kActivate = pb::AlarmAction::kActivate;
constexpr auto kDeactivate = pb::AlarmAction::kDeactivate;
constexpr auto kNone = pb::AlarmType::kNone;
constexpr auto kNoSpace = pb::AlarmType::kNoSpace;
constexpr auto kCorrupt = pb::AlarmType::kCorrupt;
using List = std::vector<Alarm>;

class AlarmsTest : public ::testing::Test {
 protected:
  List ask(pb::AlarmAction action, pb::AlarmType type, MemberId member = 0) {
    return alarms.apply({.action = action, .member_id = member, .alarm = type});
  }
  template <class Body>
  Status refusal(Body body) {
    pb::InternalRequest request;
    request.body = std::move(body);
    return alarms.refusal(request);
  }
  static pb::TxnRequest txn_that_puts_deep_in_its_failure_branch() {
    auto inner = std::make_unique<pb::TxnRequest>();
    inner->failure.emplace_back().request = pb::PutRequest{.key = "k"};
    pb::TxnRequest out;
    out.failure.emplace_back().request = std::move(inner);
    return out;
  }

  Alarms alarms;
};

TEST_F(AlarmsTest, AreListedByTypeAndAllByNone) {
  ask(kActivate, kCorrupt, 1);
  ask(kActivate, kNoSpace, 7);
  ask(kActivate, kNoSpace, 3);
  EXPECT_EQ(ask(kGet, kNone), (List{{kNoSpace, 3}, {kNoSpace, 7}, {kCorrupt, 1}}));
  EXPECT_EQ(ask(kGet, kNoSpace, 99), (List{{kNoSpace, 3}, {kNoSpace, 7}}));
  EXPECT_EQ(ask(kGet, static_cast<pb::AlarmType>(9)), List());
}

TEST_F(AlarmsTest, AnswerWithWhatIsRaisedEvenIfItWas) {
  EXPECT_EQ(ask(kActivate, kNoSpace, 3), (List{{kNoSpace, 3}}));
  EXPECT_EQ(ask(kActivate, kNoSpace, 3), (List{{kNoSpace, 3}}));
  EXPECT_EQ(ask(kActivate, kNone, 3), List());
  EXPECT_EQ(alarms.all().size(), 1u);
}

TEST_F(AlarmsTest, AnswerWithWhatWasLoweredAndNothingOtherwise) {
  ask(kActivate, kNoSpace, 3);
  EXPECT_EQ(ask(kDeactivate, kNoSpace, 4), List());
  EXPECT_EQ(ask(kDeactivate, kCorrupt, 3), List());
  EXPECT_EQ(ask(kDeactivate, kNoSpace, 3), (List{{kNoSpace, 3}}));
  EXPECT_EQ(ask(kDeactivate, kNoSpace, 3), List());
}

TEST_F(AlarmsTest, KeepTypesThatNobodyKnowsAndForbidNothingForThem) {
  EXPECT_EQ(ask(kActivate, static_cast<pb::AlarmType>(-1), 3).size(), 1u);
  EXPECT_EQ(ask(kGet, kNone).size(), 1u);
  EXPECT_TRUE(refusal(pb::PutRequest{}).ok());
}

TEST_F(AlarmsTest, NoSpaceForbidsWhatTakesSpaceAndNoMore) {
  ask(kActivate, kNoSpace, 3);
  EXPECT_EQ(refusal(pb::PutRequest{}), errors::NoSpace());
  EXPECT_EQ(refusal(pb::LeaseGrantRequest{}), errors::NoSpace());
  EXPECT_EQ(refusal(txn_that_puts_deep_in_its_failure_branch()), errors::NoSpace());
  EXPECT_TRUE(refusal(pb::TxnRequest{}).ok());
  EXPECT_TRUE(refusal(pb::RangeRequest{}).ok());
  EXPECT_TRUE(refusal(pb::DeleteRangeRequest{}).ok());
  EXPECT_TRUE(refusal(pb::CompactionRequest{}).ok());
  EXPECT_TRUE(refusal(pb::LeaseRevokeRequest{}).ok());
  EXPECT_TRUE(refusal(pb::AlarmRequest{}).ok());
}

TEST_F(AlarmsTest, CorruptForbidsAllThatTouchesKeysAndComesFirst) {
  ask(kActivate, kNoSpace, 3);
  ask(kActivate, kCorrupt, 3);
  EXPECT_EQ(refusal(pb::PutRequest{}), errors::Corrupt());
  EXPECT_EQ(refusal(pb::RangeRequest{}), errors::Corrupt());
  EXPECT_EQ(refusal(pb::DeleteRangeRequest{}), errors::Corrupt());
  EXPECT_EQ(refusal(pb::TxnRequest{}), errors::Corrupt());
  EXPECT_EQ(refusal(pb::CompactionRequest{}), errors::Corrupt());
  EXPECT_EQ(refusal(pb::LeaseGrantRequest{}), errors::Corrupt());
  EXPECT_EQ(refusal(pb::LeaseRevokeRequest{}), errors::Corrupt());
  EXPECT_TRUE(refusal(pb::AlarmRequest{}).ok());
  EXPECT_TRUE(refusal(pb::LeaseCheckpointRequest{}).ok());
  EXPECT_TRUE(refusal(pb::ClusterVersionSetRequest{}).ok());
}

}  // namespace
}  // namespace quorate::machine
