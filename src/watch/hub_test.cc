#include "watch/hub.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/check.h"
#include "base/limits.h"
#include "watch/inbox.h"

namespace quorate::watch {
namespace {

using namespace std::string_view_literals;

constexpr auto kOneZero = "\0"sv;
constexpr MonoTime kStart = MonoTime{} + 1h;

// 6.1 and 6.2: requests.

TEST_F(HubTest, CreatedCarriesTheRevisionOfTheStoreAndComesBeforeEvents) {
  put("a", "1");
  create({.key = "a", .start_revision = 1});
  EXPECT_EQ(inbox.answers[0].response.header->cluster_id, 7);
  EXPECT_EQ(inbox.answers[0].response.header->member_id, 8);
  EXPECT_EQ(inbox.answers[0].response.header->raft_term, 3);
  put("a", "2");
  catch_up();
  EXPECT_EQ(inbox.take(), Strings({"0@2 created", "0@3 put a=1/2 put a=2/3"}));
}

TEST_F(HubTest, WithoutAStartOnlyLaterEventsAreTold) {
  put("a", "1");
  create({.key = "a"});
  catch_up();
  EXPECT_EQ(inbox.take(), Strings({"0@2 created"}));
  put("a", "2");
  EXPECT_EQ(inbox.take(), Strings({"0@3 put a=2/3"}));
}

TEST_F(HubTest, WhatWasAppliedBeforeTheCreationIsNotToldEvenIfTheHubWasNotAskedToAdvance) {
  create({.key = "a"});
  CHECK(store.put({.key = "a", .value = "1"}, leases).has_value());
  create({.key = "a"});
  hub.advance();
  EXPECT_EQ(inbox.take(), Strings({"0@1 created", "0@2 put a=1/2", "1@2 created"}));
}

TEST_F(HubTest, AStartInThePastReplaysFromThatRevisionOn) {
  for (const char* value : {"1", "2", "3"}) put("a", value);
  create({.key = "a", .start_revision = 3});
  catch_up();
  EXPECT_EQ(inbox.take(), Strings({"0@4 created", "0@4 put a=2/3 put a=3/4"}));
}

TEST_F(HubTest, AStartAtTheCurrentRevisionTellsThatRevision) {
  put("a", "1");
  create({.key = "a", .start_revision = 2});
  catch_up();
  EXPECT_EQ(inbox.take(), Strings({"0@2 created", "0@2 put a=1/2"}));
}

TEST_F(HubTest, AStartInTheFutureSuppressesWhatComesBefore) {
  create({.key = "a", .start_revision = 4});
  for (const char* value : {"1", "2", "3", "4"}) put("a", value);
  EXPECT_EQ(inbox.take(), Strings({"0@1 created", "0@4 put a=3/4", "0@5 put a=4/5"}));
}

TEST_F(HubTest, ANegativeStartIsRefusedAsCompacted) {
  create({.key = "a", .start_revision = -1});
  EXPECT_EQ(inbox.take(), Strings({"-1@1 created canceled etcdserver: mvcc: required revision has been compacted"}));
  EXPECT_EQ(hub.counters().watchers, 0);
}

TEST_F(HubTest, AnEmptyRangeIsRefused) {
  create({.key = "b", .range_end = "a"});
  create({.key = "b", .range_end = "b"});
  EXPECT_EQ(inbox.take(), Strings({"-1@1 created canceled mvcc: watcher range is empty",
                                   "-1@1 created canceled mvcc: watcher range is empty"}));
  create({.key = "b", .range_end = "c"});
  EXPECT_EQ(inbox.take(), Strings({"0@1 created"}));
}

TEST_F(HubTest, RangesSelectKeysAsRangeRequestsDo) {
  create({.key = "b"});
  create({.key = "b", .range_end = "d"});
  create({.key = "b", .range_end = kOneZero});
  create({.key = kOneZero, .range_end = kOneZero});
  create({.key = "", .range_end = kOneZero});
  create({.key = ""});  // the key of one zero byte
  inbox.take();
  auto told = [&](std::string_view key) {
    put(key, "");
    std::vector<int64_t> ids;
    for (const auto& answer : inbox.answers) ids.push_back(answer.response.watch_id);
    std::sort(ids.begin(), ids.end());
    inbox.take();
    return ids;
  };
  using Ids = std::vector<int64_t>;
  EXPECT_EQ(told(kOneZero), Ids({3, 4, 5}));
  EXPECT_EQ(told("a"), Ids({3, 4}));
  EXPECT_EQ(told("b"), Ids({0, 1, 2, 3, 4}));
  EXPECT_EQ(told("bb"), Ids({1, 2, 3, 4}));
  EXPECT_EQ(told("d"), Ids({2, 3, 4}));
  EXPECT_EQ(told("\xff\xff"), Ids({2, 3, 4}));
}

TEST_F(HubTest, AnIdInUseIsRefusedAndTheStreamStaysUsable) {
  create({.key = "a", .watch_id = 5});
  create({.key = "b", .watch_id = 5});
  put("b", "1");
  put("a", "1");
  EXPECT_EQ(inbox.take(),
            Strings({"5@1 created", "-1@1 created canceled mvcc: duplicate watch ID provided on the WatchStream",
                     "5@3 put a=1/3"}));
}

TEST_F(HubTest, PickedIdsSkipThoseInUseAndNeverReuseFreedOnes) {
  create({.key = "a", .watch_id = 1});
  create({.key = "a"});
  create({.key = "a"});
  cancel(0);
  cancel(1);
  cancel(2);
  create({.key = "a"});
  EXPECT_EQ(inbox.take(), Strings({"1@1 created", "0@1 created", "2@1 created", "0@1 canceled", "1@1 canceled",
                                   "2@1 canceled", "3@1 created"}));
}

TEST_F(HubTest, ARefusedCreationTakesNoId) {
  create({.key = "a", .start_revision = -5});
  create({.key = "b", .range_end = "a"});
  create({.key = "a"});
  inbox.answers.erase(inbox.answers.begin(), inbox.answers.begin() + 2);
  EXPECT_EQ(inbox.take(), Strings({"0@1 created"}));
}

TEST_F(HubTest, IdsOfDifferentStreamsAreIndependent) {
  Inbox other;
  const StreamId second = hub.open(other);
  create({.key = "a"});
  create_on(second, {.key = "a"});
  put("a", "1");
  EXPECT_EQ(inbox.take(), Strings({"0@1 created", "0@2 put a=1/2"}));
  EXPECT_EQ(other.take(), Strings({"0@1 created", "0@2 put a=1/2"}));
}

TEST_F(HubTest, CancelEndsAWatcherAndTellsTheCurrentRevision) {
  create({.key = "a"});
  put("b", "1");
  cancel(0);
  put("a", "1");
  EXPECT_EQ(inbox.take(), Strings({"0@1 created", "0@2 canceled"}));
  EXPECT_EQ(hub.counters().watchers, 0);
}

TEST_F(HubTest, CancelOfAnUnknownIdIsIgnored) {
  cancel(0);
  create({.key = "a"});
  cancel(1);
  EXPECT_EQ(inbox.take(), Strings({"0@1 created"}));
}

TEST_F(HubTest, ALaggingWatcherCanBeCancelled) {
  put("a", "1");
  create({.key = "a", .start_revision = 1});
  cancel(0);
  catch_up();
  EXPECT_EQ(inbox.take(), Strings({"0@2 created", "0@2 canceled"}));
  EXPECT_EQ(hub.counters().slow_watchers, 0);
}

// Progress.

TEST_F(HubTest, ProgressIsToldForTheWholeStreamWhenAllAreSynced) {
  create({.key = "a"});
  create({.key = "b"});
  put("c", "1");
  inbox.take();
  ask_progress();
  EXPECT_EQ(inbox.take(), Strings({"-1@2"}));
}

TEST_F(HubTest, ProgressOfAStreamWithoutWatchersIsNotTold) {
  ask_progress();
  EXPECT_EQ(inbox.take(), Strings({}));
}

TEST_F(HubTest, ProgressIsNotToldWhileOneWatcherLagsAndNotLaterEither) {
  put("a", "1");
  create({.key = "a"});
  create({.key = "a", .start_revision = 1});
  ask_progress();
  catch_up();
  EXPECT_EQ(inbox.take(), Strings({"0@2 created", "1@2 created", "1@2 put a=1/2"}));
  ask_progress();
  EXPECT_EQ(inbox.take(), Strings({"-1@2"}));
}

TEST_F(HubTest, ProgressNeverGoesAheadOfEvents) {
  create({.key = "a"});
  CHECK(store.put({.key = "a", .value = "1"}, leases).has_value());
  ask_progress();
  EXPECT_EQ(inbox.take(), Strings({"0@1 created", "0@2 put a=1/2", "-1@2"}));
}

TEST_F(HubTest, ProgressIsNotToldWhileAStartIsStillToCome) {
  create({.key = "a", .start_revision = 3});
  ask_progress();
  EXPECT_EQ(inbox.take(), Strings({"0@1 created"}));
  put("b", "1");
  ask_progress();
  EXPECT_EQ(inbox.take(), Strings({}));
  put("b", "2");
  ask_progress();
  EXPECT_EQ(inbox.take(), Strings({"-1@3"}));
}

TEST_F(HubTest, ProgressIsMutedWhileAWatcherThatCompactionEndedHoldsItsId) {
  for (const char* value : {"1", "2", "3"}) put("a", value);
  compact(4);
  create({.key = "a"});
  create({.key = "a", .start_revision = 2});
  catch_up();
  inbox.take();
  ask_progress();
  EXPECT_EQ(inbox.take(), Strings({}));
  create({.key = "a", .watch_id = 1});
  EXPECT_EQ(inbox.take(), Strings({"-1@4 created canceled mvcc: duplicate watch ID provided on the WatchStream"}));
  cancel(1);
  EXPECT_EQ(inbox.take(), Strings({"1@4 canceled"}));
  ask_progress();
  EXPECT_EQ(inbox.take(), Strings({"-1@4"}));
}

TEST_F(HubTest, ProgressNotifyComesOncePerIntervalToThoseWhoAskedAndWereToldNothing) {
  create({.key = "a", .progress_notify = true});
  create({.key = "b", .progress_notify = true});
  create({.key = "c"});
  hub.tick(kStart);
  put("a", "1");
  inbox.take();
  hub.tick(kStart + 10min - 1s);
  EXPECT_EQ(inbox.take(), Strings({}));
  hub.tick(kStart + 11min);
  EXPECT_EQ(inbox.take(), Strings({"1@2"}));
  hub.tick(kStart + 12min);
  EXPECT_EQ(inbox.take(), Strings({}));
  hub.tick(kStart + 21min);
  EXPECT_EQ(inbox.take(), Strings({"0@2", "1@2"}));
}

TEST_F(HubTest, ProgressNotifyIsNotToldToALaggingWatcher) {
  hub.tick(kStart);
  put("a", "1");
  create({.key = "a", .start_revision = 1, .progress_notify = true});
  inbox.take();
  hub.tick(kStart + 11min);
  EXPECT_EQ(inbox.take(), Strings({}));
  catch_up();
  hub.tick(kStart + 22min);
  hub.tick(kStart + 33min);
  EXPECT_EQ(inbox.take(), Strings({"0@2 put a=1/2", "0@2"}));
}

// Filters and previous values.

TEST_F(HubTest, FiltersLeaveOutPutsOrDeletes) {
  using enum pb::WatchFilter;
  create({.key = "a", .filters = {kNoPut}});
  create({.key = "a", .filters = {kNoDelete, kNoDelete}});
  create({.key = "a", .filters = {kNoPut, kNoDelete}});
  create({.key = "a", .filters = {static_cast<pb::WatchFilter>(7)}});
  put("a", "1");
  remove("a");
  inbox.answers.erase(inbox.answers.begin(), inbox.answers.begin() + 4);
  EXPECT_EQ(inbox.take(), Strings({"1@2 put a=1/2", "3@2 put a=1/2", "0@3 delete a/3", "3@3 delete a/3"}));
}

TEST_F(HubTest, FiltersHoldInHistoryAndEmptyAnswersAreNotSent) {
  using enum pb::WatchFilter;
  put("a", "1");
  remove("a");
  create({.key = "a", .start_revision = 1, .filters = {kNoPut}});
  create({.key = "a", .start_revision = 1, .filters = {kNoDelete}});
  create({.key = "a", .start_revision = 1, .filters = {kNoPut, kNoDelete}});
  catch_up();
  inbox.answers.erase(inbox.answers.begin(), inbox.answers.begin() + 3);
  EXPECT_EQ(inbox.take(), Strings({"0@3 delete a/3", "1@3 put a=1/2"}));
  EXPECT_EQ(hub.counters().slow_watchers, 0);
}

TEST_F(HubTest, AMixedRevisionIsFilteredEventByEvent) {
  put("a", "1");
  create({.key = "a", .range_end = "z", .filters = {pb::WatchFilter::kNoPut}});
  create({.key = "a", .range_end = "z", .filters = {pb::WatchFilter::kNoDelete}, .prev_kv = true});
  create({.key = "a", .range_end = "z"});
  inbox.take();
  pb::TxnRequest request;
  request.success.resize(2);
  request.success[0].request = pb::DeleteRangeRequest{.key = "a"};
  request.success[1].request = pb::PutRequest{.key = "b", .value = "2"};
  CHECK(store.txn(request, leases).has_value());
  hub.advance();
  EXPECT_EQ(inbox.take(), Strings({"0@3 delete a/3", "1@3 put b=2/3", "2@3 delete a/3 put b=2/3"}));
}

TEST_F(HubTest, PreviousValuesAreForThoseWhoAskedAndNotForCreations) {
  create({.key = "a", .prev_kv = true});
  create({.key = "a"});
  put("a", "1");
  put("a", "2");
  remove("a");
  put("a", "3");
  inbox.answers.erase(inbox.answers.begin(), inbox.answers.begin() + 2);
  EXPECT_EQ(inbox.take(), Strings({"0@2 put a=1/2", "1@2 put a=1/2", "0@3 put a=2/3<1", "1@3 put a=2/3",
                                   "0@4 delete a/4<2", "1@4 delete a/4", "0@5 put a=3/5", "1@5 put a=3/5"}));
}

TEST_F(HubTest, PreviousValuesOfHistoryAreLeftOutWhereCompactionTookThem) {
  for (const char* value : {"1", "2", "3"}) put("a", value);
  compact(3);
  create({.key = "a", .start_revision = 3, .prev_kv = true});
  catch_up();
  EXPECT_EQ(inbox.take(), Strings({"0@4 created", "0@4 put a=2/3 put a=3/4<2"}));
}

TEST_F(HubTest, ADeletedKeyIsToldByItsNameAndRevisionAlone) {
  put("a", "1");
  create({.key = "a"});
  remove("a");
  const pb::KeyValue& kv = inbox.answers.back().response.events[0].kv;
  EXPECT_EQ(kv.mod_revision, 3);
  EXPECT_EQ(kv.create_revision, 0);
  EXPECT_EQ(kv.version, 0);
  EXPECT_EQ(kv.value, "");
}

TEST_F(HubTest, APutIsToldWithItsLease) {
  create({.key = "a"});
  CHECK(store.put({.key = "a", .value = "1", .lease = 9}, leases).has_value());
  hub.advance();
  EXPECT_EQ(inbox.answers.back().response.events[0].kv.lease, 9);
  EXPECT_EQ(inbox.answers.back().response.events[0].kv.create_revision, 2);
  EXPECT_EQ(inbox.answers.back().response.events[0].kv.version, 1);
}

// 6.3: delivery.

TEST_F(HubTest, AllEventsOfOneRevisionComeInOneAnswerInTheirOrder) {
  create({.key = "a", .range_end = "z"});
  put_all({{"b", "1"}, {"c", "2"}, {"a", "3"}});
  put_all({{"c", "4"}, {"b", "5"}});
  EXPECT_EQ(inbox.take(), Strings({"0@1 created", "0@2 put b=1/2 put c=2/2 put a=3/2", "0@3 put c=4/3 put b=5/3"}));
}

TEST_F(HubTest, SyncedWatchersAreToldTheRevisionOfEachWriteEvenIfTheStoreIsFurther) {
  create({.key = "a"});
  CHECK(store.put({.key = "a", .value = "1"}, leases).has_value());
  CHECK(store.put({.key = "a", .value = "2"}, leases).has_value());
  hub.advance();
  EXPECT_EQ(inbox.take(), Strings({"0@1 created", "0@2 put a=1/2", "0@3 put a=2/3"}));
}

TEST_F(HubTest, CatchingUpIsToldTheCurrentRevisionInAnswersOfAThousandRevisions) {
  for (int i = 0; i < 1500; ++i) put("a", "1");
  put("b", "1");
  create({.key = "a", .start_revision = 1});
  inbox.take();
  while (hub.step(100'000)) {}
  ASSERT_EQ(inbox.answers.size(), 2);
  EXPECT_EQ(inbox.answers[0].response.header->revision, 1502);
  EXPECT_EQ(inbox.answers[0].response.events.size(), 1000);
  EXPECT_EQ(inbox.answers[1].response.header->revision, 1502);
  EXPECT_EQ(inbox.answers[1].response.events.size(), 500);
}

TEST_F(HubTest, AnAnswerWhileCatchingUpIsBoundedInBytesAtARevision) {
  const std::string large(limits::kWatchCatchUpBytes / 4, 'x');
  for (int i = 0; i < 10; ++i) put_all({{"a", large}, {"b", large}});
  create({.key = "a", .range_end = "z", .start_revision = 1});
  inbox.take();
  catch_up();
  EXPECT_EQ(inbox.answers.size(), 5);
  for (const auto& answer : inbox.answers) EXPECT_EQ(answer.response.events.size(), 4);
  EXPECT_LT(inbox.largest, limits::kWatchCatchUpBytes * 5 / 4);
}

TEST_F(HubTest, AStepDoesAboutWhatItWasAskedFor) {
  for (int i = 0; i < 100; ++i) put("a", "1");
  create({.key = "a", .start_revision = 1});
  create({.key = "a", .start_revision = 1});
  inbox.take();
  EXPECT_TRUE(hub.step(10));
  size_t events = 0;
  for (const auto& answer : inbox.answers) events += answer.response.events.size();
  EXPECT_LE(events, 10);
  EXPECT_GE(events, 5);
}

TEST_F(HubTest, AStepThatFindsNothingIsBoundedToo) {
  create({.key = "nothing else"});
  for (int i = 0; i < 100'000; ++i) CHECK(store.put({.key = "a", .value = "1"}, leases).has_value());
  hub.advance();
  create({.key = "b", .start_revision = 1});
  inbox.take();
  int steps = 1;
  while (hub.step(1000)) ++steps;
  EXPECT_GE(steps, 5);
  EXPECT_LE(steps, 10);
}

TEST_F(HubTest, LaggingWatchersTakeTurns) {
  for (int i = 0; i < 3000; ++i) put("a", "1");
  create({.key = "a", .start_revision = 1});
  create({.key = "a", .start_revision = 1});
  inbox.take();
  catch_up();
  std::vector<int64_t> ids;
  for (const auto& answer : inbox.answers) {
    if (ids.empty() || ids.back() != answer.response.watch_id) ids.push_back(answer.response.watch_id);
  }
  EXPECT_GE(ids.size(), 6);
}

TEST_F(HubTest, ALaggingWatcherThatHasCaughtUpIsToldOfNewEventsAtOnce) {
  put("a", "1");
  create({.key = "a", .start_revision = 1});
  put("a", "2");
  catch_up();
  put("a", "3");
  EXPECT_EQ(inbox.take(), Strings({"0@2 created", "0@3 put a=1/2 put a=2/3", "0@4 put a=3/4"}));
}

// Compaction.

TEST_F(HubTest, ACompactionThatOvertakesALaggingWatcherEndsIt) {
  for (const char* value : {"1", "2", "3"}) put("a", value);
  create({.key = "a", .start_revision = 2});
  compact(3);
  catch_up();
  EXPECT_EQ(inbox.take(), Strings({"0@4 created", "0@0 canceled compacted=3"}));
  put("a", "4");
  EXPECT_EQ(inbox.take(), Strings({}));
  EXPECT_EQ(hub.counters().watchers, 1);
  EXPECT_EQ(hub.counters().slow_watchers, 0);
}

TEST_F(HubTest, AStartAtTheCompactRevisionIsStillFine) {
  for (const char* value : {"1", "2", "3"}) put("a", value);
  compact(3);
  create({.key = "a", .start_revision = 3});
  catch_up();
  EXPECT_EQ(inbox.take(), Strings({"0@4 created", "0@4 put a=2/3 put a=3/4"}));
}

TEST_F(HubTest, CompactionNeverDropsEventsOfSyncedWatchers) {
  create({.key = "a"});
  inbox.take();
  for (int i = 0; i < 5; ++i) compact(put("a", std::to_string(i)));
  EXPECT_EQ(inbox.take(),
            Strings({"0@2 put a=0/2", "0@3 put a=1/3", "0@4 put a=2/4", "0@5 put a=3/5", "0@6 put a=4/6"}));
}

TEST_F(HubTest, ACompactionAheadOfWhatWasToldEndsSyncedWatchersAndNoneOfTheFuture) {
  create({.key = "a"});
  create({.key = "a", .start_revision = 4});
  for (int i = 0; i < 3; ++i) CHECK(store.put({.key = "a", .value = "1"}, leases).has_value());
  CHECK(store.compact(3).ok());
  hub.advance();
  catch_up();
  EXPECT_EQ(inbox.take(), Strings({"0@1 created", "1@1 created", "0@0 canceled compacted=3", "1@4 put a=1/4"}));
}

// Fragments.

class FragmentTest : public HubTest {
 protected:
  FragmentTest() : HubTest({.cluster = 7, .member = 8, .fragment_bytes = 200}) {}
};

TEST_F(FragmentTest, AllButTheLastFragmentAreMarkedAndNoneReachesTheBound) {
  create({.key = "a", .range_end = "z", .fragment = true});
  inbox.take();
  std::vector<std::pair<std::string, std::string>> kvs;
  for (char c = 'a'; c < 'k'; ++c) kvs.emplace_back(std::string(1, c), std::string(40, c));
  put_all(kvs);
  ASSERT_GE(inbox.answers.size(), 4);
  size_t event = 0;
  for (size_t i = 0; i < inbox.answers.size(); ++i) {
    const pb::WatchResponse& response = inbox.answers[i].response;
    EXPECT_EQ(response.fragment, i + 1 < inbox.answers.size());
    EXPECT_LT(inbox.answers[i].bytes->size(), 200);
    EXPECT_EQ(response.header->revision, 2);
    EXPECT_EQ(response.watch_id, 0);
    for (const pb::Event& e : response.events) EXPECT_EQ(e.kv.key, kvs[event++].first);
  }
  EXPECT_EQ(event, kvs.size());
}

TEST_F(FragmentTest, OneLargeEventIsWholeAndWithoutAMark) {
  create({.key = "a", .fragment = true});
  inbox.take();
  put("a", std::string(1000, 'x'));
  ASSERT_EQ(inbox.answers.size(), 1);
  EXPECT_FALSE(inbox.answers[0].response.fragment);
}

TEST_F(FragmentTest, EachEventAboveTheBoundIsAFragmentOfItsOwn) {
  create({.key = "a", .range_end = "z", .fragment = true});
  inbox.take();
  put_all({{"a", std::string(300, 'x')}, {"b", std::string(300, 'x')}});
  ASSERT_EQ(inbox.answers.size(), 2);
  EXPECT_TRUE(inbox.answers[0].response.fragment);
  EXPECT_FALSE(inbox.answers[1].response.fragment);
}

TEST_F(FragmentTest, WhoDidNotAskGetsOneAnswer) {
  create({.key = "a", .range_end = "z"});
  inbox.take();
  put_all({{"a", std::string(300, 'x')}, {"b", std::string(300, 'x')}});
  ASSERT_EQ(inbox.answers.size(), 1);
}

TEST_F(FragmentTest, HistoryIsFragmentedToo) {
  for (int i = 0; i < 10; ++i) put("a", std::string(50, 'x'));
  create({.key = "a", .start_revision = 1, .fragment = true});
  inbox.take();
  catch_up();
  ASSERT_GE(inbox.answers.size(), 4);
  for (size_t i = 0; i < inbox.answers.size(); ++i) {
    EXPECT_EQ(inbox.answers[i].response.fragment, i + 1 < inbox.answers.size());
  }
}

TEST_F(HubTest, StreamIdsAreNeverUsedAgain) {
  hub.close(stream);
  EXPECT_NE(hub.open(inbox), stream);
}

TEST_F(HubTest, CountersTellOfWatchersAndEvents) {
  put("a", "1");
  create({.key = "a"});
  create({.key = "a", .start_revision = 1});
  EXPECT_EQ(hub.counters().watchers, 2);
  EXPECT_EQ(hub.counters().slow_watchers, 1);
  catch_up();
  put("a", "2");
  EXPECT_EQ(hub.counters().slow_watchers, 0);
  EXPECT_EQ(hub.counters().events, 3);
  EXPECT_EQ(hub.counters().streams, 1);
}

}  // namespace
}  // namespace quorate::watch
