#include <gtest/gtest.h>

#include <functional>

#include "sim/check.h"
#include "sim/testing/tiny_cluster.h"
#include "sim/testing/verdict.h"

namespace quorate::sim {
namespace {

std::string txn_of_two(std::string_view first, std::string_view second) {
  pb::TxnRequest txn;
  txn.success.resize(2);
  txn.success[0].request = pb::PutRequest{.key = first, .value = "1"};
  txn.success[1].request = pb::PutRequest{.key = second, .value = "1"};
  return pb::encode(txn);
}

pb::WatchResponse decoded(const Delivery& delivery, pb::WatchResponse out = {}) {
  EXPECT_TRUE(pb::decode(delivery.response, out));
  return out;
}

using Deliveries = std::vector<Delivery>;
using Change = std::function<void(pb::WatchResponse&)>;

void change(Delivery& delivery, const Change& how) {
  delivery.response = changed<pb::WatchResponse>(delivery.response, how);
}

// A watch that is told: created, a=1 at 2, a=2 at 3, the two keys of 4, the end of a at 5, each in its own answer.
struct Told {
  TinyCluster cluster;
  size_t watch;
  explicit Told(Watch asked = {.key = "a", .range_end = "z", .prev_kv = true}) {
    watch = cluster.watch(std::move(asked));
    cluster.put("a", "1");
    cluster.put("a", "2");
    cluster.call(Kind::kTxn, txn_of_two("b", "c"));
    cluster.remove("a");
    cluster.finish();
  }
  Deliveries& deliveries() { return cluster.history.watches[watch].deliveries; }
  std::string kinds() { return sim::kinds(cluster.check()); }
  std::string texts() { return sim::texts(cluster.check()); }
};

TEST(Watches, ThatAreToldAllAreRight) {
  Told test;
  ASSERT_EQ(test.deliveries().size(), 5U);
  EXPECT_EQ(test.texts(), "");
}

TEST(Watches, ThatMissSomethingInTheMiddleAreSeen) {
  Told test;
  test.deliveries().erase(test.deliveries().begin() + 2);
  EXPECT_EQ(test.kinds(), "watch gap") << test.texts();
}

TEST(Watches, ThatMissSomethingAtTheEndAreSeenWhereTheyHadToHaveIt) {
  Told test;
  test.deliveries().pop_back();
  EXPECT_EQ(test.kinds(), "watch gap") << test.texts();
  test.cluster.history.watches[test.watch].to_the_end = false;
  EXPECT_EQ(test.texts(), "");
}

TEST(Watches, ThatAreNeverCreatedAreSeen) {
  Told test;
  test.deliveries().clear();
  EXPECT_EQ(test.kinds(), "watch gap") << test.texts();
}

TEST(Watches, ThatAreToldTwiceAreSeen) {
  Told test;
  test.deliveries().insert(test.deliveries().begin() + 2, test.deliveries()[1]);
  EXPECT_EQ(test.kinds(), "watch order") << test.texts();
}

TEST(Watches, ThatAreToldOutOfOrderAreSeen) {
  Told test;
  std::swap(test.deliveries()[2].response, test.deliveries()[1].response);
  // What comes too soon had not been proposed either; put the whole later to see the order alone.
  for (Delivery& delivery : test.deliveries()) delivery.at = test.cluster.now();
  EXPECT_EQ(test.kinds(), "watch gap") << test.texts();
}

TEST(Watches, ThatAreToldOfARevisionInTwoAnswersAreSeen) {
  Told test;
  Delivery second = test.deliveries()[3];
  change(test.deliveries()[3], [](auto& m) { m.events.pop_back(); });
  change(second, [](auto& m) { m.events.erase(m.events.begin()); });
  test.deliveries().insert(test.deliveries().begin() + 4, second);
  EXPECT_EQ(test.kinds(), "watch order") << test.texts();
}

TEST(Watches, MayBeToldOfARevisionInFragmentsWhereTheyAskedForThem) {
  for (const bool asked : {true, false}) {
    Told test({.key = "a", .range_end = "z", .fragment = asked});
    Delivery second = test.deliveries()[3];
    change(test.deliveries()[3], [](auto& m) {
      m.events.pop_back();
      m.fragment = true;
    });
    change(second, [](auto& m) { m.events.erase(m.events.begin()); });
    test.deliveries().insert(test.deliveries().begin() + 4, second);
    EXPECT_EQ(test.kinds(), asked ? "" : "watch order") << test.texts();
    // The second part never comes.
    test.deliveries().erase(test.deliveries().begin() + 4);
    EXPECT_EQ(test.kinds(), asked ? "watch gap" : "watch order") << test.texts();
  }
}

TEST(Watches, ThatAreToldOtherwiseThanItWasAreSeen) {
  const std::vector<Change> ways = {
      [](auto& m) { m.events[0].kv.value = "9"; },         [](auto& m) { m.events[0].kv.version = 9; },
      [](auto& m) { m.events[0].kv.create_revision = 1; }, [](auto& m) { m.events[0].kv.lease = 9; },
      [](auto& m) { m.events[0].kv.key = "b"; },           [](auto& m) { m.events[0].type = pb::EventType::kDelete; },
      [](auto& m) { m.events[0].prev_kv->value = "9"; },   [](auto& m) { m.events[0].prev_kv.reset(); },
      [](auto& m) { m.events.push_back(m.events[0]); },
  };
  for (size_t way = 0; way < ways.size(); ++way) {
    Told test;
    change(test.deliveries()[2], ways[way]);
    EXPECT_EQ(test.kinds(), "watch event") << way << test.texts();
  }
}

TEST(Watches, ThatDidNotAskForWhatWasBeforeAreNotToldIt) {
  Told test;
  test.cluster.history.watches[test.watch].prev_kv = false;
  EXPECT_EQ(test.kinds(), "watch event") << test.texts();
}

TEST(Watches, MayLackWhatWasBeforeOnceTheRevisionIsCompacted) {
  TinyCluster cluster;
  cluster.put("a", "1");
  cluster.put("a", "2");
  cluster.compact(3);
  const size_t watch = cluster.watch({.key = "a", .start_revision = 3, .prev_kv = true});
  cluster.finish();
  const auto& delivery = cluster.history.watches[watch].deliveries.at(1);
  ASSERT_FALSE(decoded(delivery).events.at(0).prev_kv);
  EXPECT_EQ(texts(cluster.check()), "");
}

TEST(Watches, ThatFilterAreToldOfTheRestAlone) {
  for (const bool puts : {true, false}) {
    Told test({.key = "a", .puts = puts, .deletes = !puts});
    EXPECT_EQ(test.texts(), "");
    test.cluster.history.watches[test.watch].puts = test.cluster.history.watches[test.watch].deletes = true;
    EXPECT_EQ(test.kinds(), "watch gap") << test.texts();
    test.cluster.history.watches[test.watch].puts = !puts;
    test.cluster.history.watches[test.watch].deletes = puts;
    EXPECT_NE(test.kinds(), "") << test.texts();
  }
}

TEST(Watches, ThatAreToldOfOtherKeysAreSeen) {
  Told test;
  test.cluster.history.watches[test.watch].range_end = "b";
  EXPECT_EQ(test.kinds(), "watch event") << test.texts();
}

TEST(Watches, ThatSeeWhatNobodyHadProposedAreSeen) {
  Told test;
  for (Delivery& delivery : test.deliveries()) delivery.at = {};
  EXPECT_EQ(test.kinds(), "order, watch event") << test.texts();
}

TEST(Watches, FromThePastAreToldItAll) {
  TinyCluster cluster;
  cluster.put("a", "1");
  cluster.put("a", "2");
  const size_t watch = cluster.watch({.key = "a", .start_revision = 2});
  cluster.finish();
  EXPECT_EQ(texts(cluster.check()), "");
  change(cluster.history.watches[watch].deliveries.at(1), [](auto& m) { m.events.erase(m.events.begin()); });
  EXPECT_EQ(kinds(cluster.check()), "watch gap") << texts(cluster.check());
}

TEST(Watches, ThatAreToldProgressAheadOfEventsAreSeen) {
  TinyCluster cluster;
  const size_t watch = cluster.watch({.key = "a"});
  cluster.put("a", "1");
  cluster.put("b", "1");
  cluster.ask_progress(watch);
  cluster.finish();
  auto& deliveries = cluster.history.watches[watch].deliveries;
  ASSERT_EQ(deliveries.size(), 3U);
  EXPECT_EQ(texts(cluster.check()), "");
  Deliveries good = deliveries;
  std::swap(deliveries[1].response, deliveries[2].response);
  for (Delivery& delivery : deliveries) delivery.at = cluster.now();
  EXPECT_EQ(kinds(cluster.check()), "watch progress") << texts(cluster.check());
  deliveries = good;
  deliveries.erase(deliveries.begin() + 1);
  EXPECT_EQ(kinds(cluster.check()), "watch progress") << texts(cluster.check());
}

// A watch that is cut off after revision 2 and goes on from `start`.
std::string resumed_from(Revision start, bool other_key_only = false) {
  TinyCluster cluster;
  const size_t first = cluster.watch({.key = "a"});
  cluster.put("a", "1");
  cluster.end_watch(first);
  cluster.put(other_key_only ? "b" : "a", "2");
  cluster.put("a", "3");
  cluster.watch({.key = "a", .start_revision = start, .resumes = 1});
  cluster.finish();
  return kinds(cluster.check());
}

TEST(Watches, ThatAreResumedNeitherSkipNorRepeat) {
  EXPECT_EQ(resumed_from(3), "");
  EXPECT_EQ(resumed_from(2), "watch resume");
  EXPECT_EQ(resumed_from(4), "watch resume");
  EXPECT_EQ(resumed_from(4, true), "");
  EXPECT_EQ(resumed_from(0), "watch resume");
}

TEST(Watches, ThatRepeatAfterTheyWereResumedAreSeen) {
  TinyCluster cluster;
  const size_t first = cluster.watch({.key = "a"});
  cluster.put("a", "1");
  cluster.end_watch(first);
  cluster.put("a", "2");
  const size_t second = cluster.watch({.key = "a", .start_revision = 3, .resumes = 1});
  cluster.finish();
  EXPECT_EQ(texts(cluster.check()), "");
  auto& deliveries = cluster.history.watches[second].deliveries;
  Delivery again = cluster.history.watches[first].deliveries[1];
  again.at = deliveries[0].at;
  deliveries.insert(deliveries.begin() + 1, again);
  EXPECT_EQ(kinds(cluster.check()), "watch order") << texts(cluster.check());
}

TEST(Watches, AreCancelledByCompactionOnlyWhereItTookWhatTheyNeed) {
  TinyCluster cluster;
  cluster.put("a", "1");
  cluster.put("a", "2");
  cluster.compact(3);
  const size_t late = cluster.watch({.key = "a", .start_revision = 2});
  const size_t next = cluster.watch({.key = "a", .start_revision = 3, .resumes = 1});
  cluster.finish();
  ASSERT_TRUE(decoded(cluster.history.watches[late].deliveries.back()).canceled);
  EXPECT_EQ(texts(cluster.check()), "");
  auto& first = cluster.history.watches[late];
  const Watch good = first;
  change(first.deliveries.back(), [](auto& m) { m.compact_revision = 2; });
  EXPECT_EQ(kinds(cluster.check()), "watch cancel") << texts(cluster.check());
  first = good;
  cluster.history.watches[next].deliveries.push_back(first.deliveries.back());
  EXPECT_EQ(kinds(cluster.check()), "watch cancel") << texts(cluster.check());
}

TEST(Watches, ThatAreResumedAfterACompactionStartThere) {
  TinyCluster cluster;
  cluster.put("a", "1");
  cluster.put("a", "2");
  cluster.put("a", "3");
  cluster.compact(3);
  cluster.watch({.key = "a", .start_revision = 2});
  cluster.watch({.key = "a", .start_revision = 4, .resumes = 1});
  cluster.finish();
  EXPECT_EQ(kinds(cluster.check()), "watch resume") << texts(cluster.check());
}

TEST(Watches, ThatAreRefusedWithoutReasonAreSeen) {
  TinyCluster cluster;
  const size_t past = cluster.watch({.key = "a", .start_revision = -1});
  cluster.watch({.key = "b", .range_end = "a"});
  cluster.finish();
  EXPECT_EQ(texts(cluster.check()), "");
  cluster.history.watches[past].start_revision = 1;
  EXPECT_EQ(kinds(cluster.check()), "watch cancel") << texts(cluster.check());
}

TEST(Watches, AreNotJudgedBeyondWhatWasForgiven) {
  TinyCluster cluster;
  const size_t first = cluster.watch({.key = "a"});
  cluster.put("a", "1");
  const Index kept = cluster.log.size();
  cluster.put("a", "lost");
  cluster.history.proposed_at.erase({1, kept + 1});
  cluster.log.pop_back();
  cluster.history.forgiven.push_back({.when = cluster.now() + 1ms, .from = kept + 1});
  EXPECT_EQ(texts(cluster.check()), "");
  cluster.history.watches[first].deliveries.erase(cluster.history.watches[first].deliveries.begin() + 1);
  EXPECT_EQ(texts(cluster.check()), "");
  cluster.history.forgiven.clear();
  EXPECT_NE(texts(cluster.check()), "");
}

}  // namespace
}  // namespace quorate::sim
