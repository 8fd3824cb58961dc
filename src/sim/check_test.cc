#include "sim/check.h"

#include <gtest/gtest.h>

#include "sim/testing/tiny_cluster.h"
#include "sim/testing/verdict.h"

namespace quorate::sim {
namespace {

std::string put_of(std::string_view key, std::string_view value) {
  return pb::encode(pb::PutRequest{.key = key, .value = value});
}

std::string txn_of(std::vector<pb::RequestOp> ops) {
  pb::TxnRequest txn;
  txn.success = std::move(ops);
  return pb::encode(txn);
}

// Two keys in one revision.
std::string two_puts() {
  std::vector<pb::RequestOp> ops(2);
  ops[0].request = pb::PutRequest{.key = "x", .value = "1"};
  ops[1].request = pb::PutRequest{.key = "y", .value = "1"};
  return txn_of(std::move(ops));
}

void drop_last_entry(TinyCluster& cluster) {
  cluster.history.proposed_at.erase({cluster.log.back().term, cluster.log.back().index});
  cluster.log.pop_back();
}

TEST(Check, FindsNothingWrongWithACorrectHistory) {
  TinyCluster cluster;
  cluster.watch({.key = "a", .range_end = "z", .prev_kv = true});
  cluster.put("a", "1");
  cluster.put("b", "2");
  cluster.get("a", "z");
  cluster.grant(7, 10);
  cluster.put("c", "3", 7);
  cluster.time_to_live(7);
  cluster.keep_alive(7);
  cluster.crash();
  cluster.get("a", "z", 2);
  cluster.remove("a", "c");
  cluster.revoke(7);
  cluster.compact(3);
  cluster.get("a", "z", 2);  // compacted
  cluster.get("a", "z", 99);
  cluster.put("d", "4", 99);  // no such lease
  cluster.call(Kind::kTxn, two_puts());
  cluster.call_unanswered(Kind::kPut, put_of("e", "5"), true);
  cluster.call_unanswered(Kind::kPut, put_of("f", "6"), false);
  cluster.advance(30s);
  cluster.finish();
  EXPECT_EQ(texts(cluster.check()), "");
}

TEST(Check, AllowsWhatIsUnderWayWhenItIsCalledAfterACrash) {
  TinyCluster cluster;
  cluster.put("a", "1");
  cluster.call_unanswered(Kind::kPut, put_of("b", "2"), true);
  cluster.call_unanswered(Kind::kPut, put_of("c", "2"), false);
  EXPECT_EQ(texts(cluster.check()), "");
}

TEST(Durability, MissesAnAcknowledgedWriteThatTheLogLacks) {
  TinyCluster cluster;
  cluster.put("a", "1");
  cluster.put("b", "2");
  drop_last_entry(cluster);
  EXPECT_EQ(kinds(cluster.check()), "lost, revision") << texts(cluster.check());
}

TEST(Durability, MissesAnErrorThatOnlyAnEntryCanGive) {
  TinyCluster cluster;
  cluster.put("a", "1", 99);
  drop_last_entry(cluster);
  EXPECT_EQ(kinds(cluster.check()), "lost") << texts(cluster.check());
}

TEST(Durability, SeesAnEntryThatIsThereTwice) {
  TinyCluster cluster;
  cluster.put("a", "1");
  pb::Entry again = cluster.log.back();
  ++again.index;
  cluster.log.push_back(again);
  EXPECT_EQ(kinds(cluster.check()), "repeated") << texts(cluster.check());
}

TEST(Durability, SeesAnEntryOfAnOperationThatNobodySent) {
  TinyCluster cluster;
  cluster.put("a", "1");
  cluster.history.operations.clear();
  EXPECT_EQ(kinds(cluster.check()), "phantom") << texts(cluster.check());
}

TEST(Durability, SeesAnEntryThatHoldsAnotherRequest) {
  TinyCluster cluster;
  const size_t put = cluster.put("a", "1");
  cluster.history.operations[put].request = put_of("a", "2");
  EXPECT_EQ(kinds(cluster.check()), "phantom") << texts(cluster.check());
}

TEST(Durability, SeesThatAnOperationThatWasRefusedIsInTheLog) {
  TinyCluster cluster;
  const size_t put = cluster.put("a", "1");
  cluster.history.operations[put].status = errors::RequestTooManyRequests();
  cluster.history.operations[put].response.clear();
  EXPECT_EQ(kinds(cluster.check()), "answer") << texts(cluster.check());
}

TEST(Durability, SeesAGapInTheLogAndATermThatFalls) {
  TinyCluster cluster;
  cluster.put("a", "1");
  cluster.put("b", "1");
  ++cluster.log.back().index;
  cluster.log[0].term = 9;
  EXPECT_EQ(kinds(cluster.check()), "log") << texts(cluster.check());
}

TEST(Durability, ForgivesAcknowledgedEntriesInABatchWhoseMediumWasDamaged) {
  TinyCluster cluster;
  cluster.put("a", "1");
  const Index kept = cluster.log.size();
  cluster.put("b", "2");
  cluster.get("b");
  drop_last_entry(cluster);
  cluster.history.forgiven.push_back({.when = cluster.now() + 1ms, .from = kept + 1});
  EXPECT_EQ(texts(cluster.check()), "");
  cluster.history.forgiven[0].from = kept + 2;
  EXPECT_NE(texts(cluster.check()), "");
  cluster.history.forgiven[0] = {.when = MonoTime(), .from = kept + 1};
  EXPECT_NE(texts(cluster.check()), "");
}

TEST(Durability, ForgivesARefusalByAnEntryInABatchWhoseMediumWasDamaged) {
  TinyCluster cluster;
  cluster.put("a", "1");
  const Index kept = cluster.log.size();
  cluster.call(Kind::kPut, pb::encode(pb::PutRequest{.key = "b", .ignore_value = true}));
  drop_last_entry(cluster);
  EXPECT_NE(texts(cluster.check()), "");
  cluster.history.forgiven.push_back({.when = cluster.now() + 1ms, .from = kept + 1});
  EXPECT_EQ(texts(cluster.check()), "");
}

TEST(Answers, SwappedBetweenTwoWritesAreSeen) {
  TinyCluster cluster;
  const size_t first = cluster.put("a", "1"), second = cluster.put("b", "1");
  std::swap(cluster.history.operations[first].response, cluster.history.operations[second].response);
  EXPECT_EQ(kinds(cluster.check()), "answer") << texts(cluster.check());
}

TEST(Answers, AreSeenToBeErrorsWhereASuccessWasDueAndTheOtherWayRound) {
  TinyCluster cluster;
  const size_t good = cluster.put("a", "1"), bad = cluster.put("b", "1", 99);
  auto& operations = cluster.history.operations;
  std::swap(operations[good].response, operations[bad].response);
  std::swap(operations[good].status, operations[bad].status);
  EXPECT_EQ(cluster.check().size(), 2U) << texts(cluster.check());
  EXPECT_EQ(kinds(cluster.check()), "answer") << texts(cluster.check());
}

TEST(Answers, OfAGuardAreCompared) {
  TinyCluster cluster;
  auto& operations = cluster.history.operations;
  operations.push_back({.id = 50,
                        .client = 1,
                        .kind = Kind::kPut,
                        .answered = true,
                        .request = put_of("", "1"),
                        .status = errors::EmptyKey()});
  EXPECT_EQ(texts(cluster.check()), "");
  operations[0].request = put_of("a", "1");
  EXPECT_EQ(kinds(cluster.check()), "answer") << texts(cluster.check());
  operations[0].request = put_of("", "1");
  operations[0].status = errors::DuplicateKey();
  EXPECT_EQ(kinds(cluster.check()), "answer") << texts(cluster.check());
}

TEST(Answers, OfADeleteThatCountsWrongIsSeen) {
  TinyCluster cluster;
  cluster.put("a", "1");
  const size_t removed = cluster.remove("a");
  auto& response = cluster.history.operations[removed].response;
  response = changed<pb::DeleteRangeResponse>(response, [](auto& m) { m.deleted = 2; });
  EXPECT_EQ(kinds(cluster.check()), "answer") << texts(cluster.check());
}

TEST(Revisions, TwoWritesThatClaimTheSameAreSeen) {
  TinyCluster cluster;
  cluster.put("a", "1");
  const size_t second = cluster.put("b", "1");
  auto& response = cluster.history.operations[second].response;
  response = changed<pb::PutResponse>(response, [](auto& m) { --m.header->revision; });
  EXPECT_EQ(kinds(cluster.check()), "answer, revision") << texts(cluster.check());
}

TEST(Revisions, ATermThatFallsIsSeen) {
  TinyCluster cluster;
  cluster.crash();
  cluster.put("a", "1");
  const size_t second = cluster.put("b", "1");
  auto& response = cluster.history.operations[second].response;
  response = changed<pb::PutResponse>(response, [](auto& m) { m.header->raft_term = 1; });
  EXPECT_EQ(texts(cluster.check()), "");  // the answers touch: no order between different clients is known
  cluster.advance(1ms);
  const size_t third = cluster.put("c", "1");
  auto& later = cluster.history.operations[third].response;
  later = changed<pb::PutResponse>(later, [](auto& m) { m.header->raft_term = 1; });
  EXPECT_EQ(kinds(cluster.check()), "term") << texts(cluster.check());
}

TEST(Order, OfTheLogThatContradictsRealTimeIsSeen) {
  TinyCluster cluster;
  const size_t first = cluster.put("a", "1", 0, 1);
  cluster.advance(5ms);
  const size_t second = cluster.put("b", "1", 0, 2);
  auto& operations = cluster.history.operations;
  // As if the second, sent after the first was answered, had overtaken it.
  std::swap(cluster.log[1].data, cluster.log[2].data);
  std::swap(operations[first].response, operations[second].response);
  cluster.history.proposed_at.clear();
  EXPECT_EQ(kinds(cluster.check()), "order") << texts(cluster.check());
}

TEST(Order, OfOneClientCountsWhereTheClockStandsStill) {
  TinyCluster cluster;
  const size_t first = cluster.call_at_once(Kind::kPut, put_of("a", "1"), 1, {}, {});
  const size_t second = cluster.call_at_once(Kind::kPut, put_of("b", "1"), 1, {}, {});
  EXPECT_EQ(texts(cluster.check()), "");
  auto& operations = cluster.history.operations;
  std::swap(cluster.log[1].data, cluster.log[2].data);
  std::swap(operations[first].response, operations[second].response);
  EXPECT_EQ(kinds(cluster.check()), "order") << texts(cluster.check());
  operations[second].client = 2;
  EXPECT_EQ(texts(cluster.check()), "");
}

TEST(Order, AllowsConcurrentWritesEitherWay) {
  TinyCluster cluster;
  cluster.advance(1s);
  cluster.call_at_once(Kind::kPut, put_of("a", "1"), 1, 0ms, 50ms);
  cluster.advance(10ms);
  cluster.call_at_once(Kind::kPut, put_of("b", "1"), 2, 30ms, 0ms);
  cluster.finish();
  EXPECT_EQ(texts(cluster.check()), "");
}

TEST(Order, AWriteAnsweredBeforeItWasProposedIsSeen) {
  TinyCluster cluster;
  const size_t put = cluster.put("a", "1");
  cluster.history.operations[put].end = cluster.history.operations[put].begin;
  EXPECT_EQ(kinds(cluster.check()), "order") << texts(cluster.check());
}

// A read of "a" right after two puts, whose answer is replaced by that of a read from before.
struct ReadCase {
  TinyCluster cluster;
  size_t early, late;
  explicit ReadCase(bool serializable) {
    cluster.put("a", "1");
    early = cluster.get("a", {}, 0, serializable);
    cluster.put("a", "2");
    cluster.advance(5ms);
    late = cluster.get("a", {}, 0, serializable);
  }
};

TEST(Reads, OlderThanAnAnsweredWriteAreSeen) {
  ReadCase test(false);
  auto& operations = test.cluster.history.operations;
  EXPECT_EQ(texts(test.cluster.check()), "");
  operations[test.late].response = operations[test.early].response;
  EXPECT_EQ(kinds(test.cluster.check()), "stale read") << texts(test.cluster.check());
}

TEST(Reads, MayBeOldWhereTheyAreSerializable) {
  ReadCase test(true);
  auto& operations = test.cluster.history.operations;
  operations[test.late].response = operations[test.early].response;
  EXPECT_EQ(texts(test.cluster.check()), "");
}

TEST(Reads, OfWhatNobodyHadProposedAreSeen) {
  for (const bool serializable : {false, true}) {
    ReadCase test(serializable);
    auto& operations = test.cluster.history.operations;
    operations[test.early].response = operations[test.late].response;
    EXPECT_EQ(kinds(test.cluster.check()), "order, future read") << texts(test.cluster.check());
  }
}

TEST(Reads, OlderThanAnotherReadAreSeen) {
  TinyCluster cluster;
  cluster.advance(1s);
  const size_t old = cluster.get("a");
  const size_t put = cluster.call_unanswered(Kind::kPut, put_of("a", "1"), true, 2);
  cluster.advance(5ms);
  cluster.get("a");
  cluster.advance(5ms);
  const size_t late = cluster.get("a");
  auto& operations = cluster.history.operations;
  ASSERT_FALSE(operations[put].answered);
  EXPECT_EQ(texts(cluster.check()), "");
  operations[late].response = operations[old].response;
  EXPECT_EQ(kinds(cluster.check()), "stale read") << texts(cluster.check());
}

TEST(Reads, OlderThanWhatAWatchToldAreSeen) {
  TinyCluster cluster;
  const size_t old = cluster.get("a");
  cluster.watch({.key = "a"});
  cluster.call_unanswered(Kind::kPut, put_of("a", "1"), true, 2);
  cluster.advance(5ms);
  const size_t late = cluster.get("a");
  auto& operations = cluster.history.operations;
  EXPECT_EQ(texts(cluster.check()), "");
  operations[late].response = operations[old].response;
  EXPECT_EQ(kinds(cluster.check()), "stale read") << texts(cluster.check());
}

TEST(Reads, OfHalfATransactionAreSeen) {
  TinyCluster cluster;
  cluster.call(Kind::kTxn, two_puts());
  const size_t read = cluster.get("x", "z");
  auto& response = cluster.history.operations[read].response;
  response = changed<pb::RangeResponse>(response, [](auto& m) {
    m.kvs.pop_back();
    m.count = 1;
  });
  EXPECT_EQ(kinds(cluster.check()), "wrong read") << texts(cluster.check());
}

TEST(Reads, InATransactionAreComparedToo) {
  TinyCluster cluster;
  cluster.put("a", "1");
  std::vector<pb::RequestOp> ops(1);
  ops[0].request = pb::RangeRequest{.key = "a"};
  const size_t read = cluster.call(Kind::kTxn, txn_of(std::move(ops)));
  EXPECT_EQ(texts(cluster.check()), "");
  auto& response = cluster.history.operations[read].response;
  response = changed<pb::TxnResponse>(response, [](auto& m) { m.succeeded = false; });
  EXPECT_EQ(kinds(cluster.check()), "wrong read") << texts(cluster.check());
}

TEST(Reads, BelowACompactionThatWasAnsweredAreSeen) {
  TinyCluster cluster;
  cluster.put("a", "1");
  cluster.put("a", "2");
  const size_t before = cluster.get("a", {}, 2);
  cluster.compact(3);
  cluster.advance(5ms);
  const size_t after = cluster.get("a", {}, 2);
  auto& operations = cluster.history.operations;
  ASSERT_EQ(operations[after].status, errors::Compacted());
  EXPECT_EQ(texts(cluster.check()), "");
  const Operation good = operations[before];
  operations[before].status = operations[after].status;
  EXPECT_EQ(kinds(cluster.check()), "wrong read") << texts(cluster.check());
  operations[before].status = good.status;
  operations[after].status = good.status;
  operations[after].response = good.response;
  EXPECT_EQ(kinds(cluster.check()), "wrong read") << texts(cluster.check());
}

TEST(Contents, ThatDifferAtTheEndAreSeen) {
  TinyCluster cluster;
  cluster.put("a", "1");
  cluster.put("b", "1");
  cluster.finish();
  EXPECT_EQ(texts(cluster.check()), "");
  auto& response = cluster.history.final_contents[0].response;
  const std::string good = response;
  response = changed<pb::RangeResponse>(good, [](auto& m) { m.kvs[1].value = "2"; });
  EXPECT_EQ(kinds(cluster.check()), "contents") << texts(cluster.check());
  response = changed<pb::RangeResponse>(good, [](auto& m) { ++m.header->revision; });
  EXPECT_EQ(kinds(cluster.check()), "contents") << texts(cluster.check());
}

TEST(Progress, IsDueWithinItsBoundAfterHealing) {
  TinyCluster cluster;
  cluster.call_unanswered(Kind::kPut, put_of("a", "1"), true);
  cluster.history.ended_at = cluster.now() + 10s;
  cluster.options.progress_bound = 5s;
  EXPECT_EQ(kinds(cluster.check()), "stuck") << texts(cluster.check());
  cluster.history.healed_at = cluster.now();
  EXPECT_EQ(texts(cluster.check()), "");
  cluster.history.healed_at = {};
  cluster.history.ended_at = cluster.now() + 1s;
  EXPECT_EQ(texts(cluster.check()), "");
}

TEST(History, ThatContradictsItselfIsBlamedOnTheObserver) {
  TinyCluster cluster;
  const size_t first = cluster.put("a", "1"), second = cluster.get("a");
  auto& operations = cluster.history.operations;
  operations[second].begin = operations[first].begin;
  EXPECT_EQ(kinds(cluster.check()), "history") << texts(cluster.check());
}

}  // namespace
}  // namespace quorate::sim
