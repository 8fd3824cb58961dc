#include "server/replica.h"

#include <algorithm>

#include "base/limits.h"
#include "base/prng.h"
#include "machine/members.h"
#include "server/testing/bench.h"

namespace quorate::server {
namespace {

using testing::Bench;

TEST(Replica, AnswersAProposalOnlyWhenItsWriteIsDurable) {
  Bench bench;
  bench.serve();
  const auto told = bench.put("k", "v");
  bench.turn();
  EXPECT_EQ(bench.disk().pending_writes(), 1u);
  EXPECT_EQ(told->times, 0);
  EXPECT_EQ(bench.get("k"), std::nullopt);
  bench.finish_write();
  EXPECT_EQ(told->times, 1);
  EXPECT_TRUE(told->status.ok());
  EXPECT_EQ(told->revision, 2);
  EXPECT_EQ(bench.get("k"), "v");
}

TEST(Replica, TellsEachOutcomeBeforeTheNextEntryIsApplied) {
  Bench bench;
  bench.serve();
  std::vector<std::shared_ptr<testing::Told>> told;
  for (int i = 0; i < 10; ++i) told.push_back(bench.put("k", std::to_string(i)));
  bench.settle();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(told[static_cast<size_t>(i)]->revision, 2 + i);
    EXPECT_EQ(told[static_cast<size_t>(i)]->applied, told[0]->applied + static_cast<Index>(i));
  }
}

// Fifty keys, deleted ten a turn.
void fill_for_a_long_delete(Bench& bench) {
  bench.options.deleted_keys_at_once = 10;
  bench.options.deleted_keys_per_turn = 10;
  bench.serve();
  bench.grant(7, 1000);
  for (int i = 0; i < 50; ++i) bench.put("k" + std::to_string(10 + i), "v", 7);
  bench.settle();
}

TEST(Replica, ALongDeleteIsAppliedOverTurnsAndNothingOfItIsSeenBeforeItsEnd) {
  Bench bench;
  fill_for_a_long_delete(bench);
  const Revision before = bench.replica().machine().store().revision();
  const auto deleted = bench.propose(pb::Payload::kDeleteRange, pb::DeleteRangeRequest{.key = "k", .range_end = "l"});
  const auto later = bench.put("later", "v");
  bench.loop().turn();
  bench.disk().finish_write();
  int turns = 0;
  std::shared_ptr<testing::Told> read, settled = std::make_shared<testing::Told>();
  for (; deleted->times == 0; ++turns) {
    ASSERT_LT(turns, 20);
    bench.loop().turn();
    if (deleted->times != 0) break;
    EXPECT_EQ(later->times, 0);
    EXPECT_EQ(bench.get("k10"), "v");
    EXPECT_EQ(bench.get("k59"), "v");
    EXPECT_EQ(bench.replica().machine().store().revision(), before);
    if (!bench.replica().machine().applying()) continue;
    if (!read) {
      read = bench.read();
      bench.replica().settled([settled](const Status&) { ++settled->times; });
    }
    EXPECT_EQ(read->times + settled->times, 0);
  }
  EXPECT_GE(turns, 5);
  bench.settle();
  EXPECT_EQ(deleted->revision, before + 1);
  EXPECT_EQ(later->revision, before + 2);
  EXPECT_EQ(later->applied, deleted->applied + 1);
  EXPECT_EQ(bench.get("k10"), std::nullopt);
  EXPECT_EQ(read->times, 1);
  EXPECT_EQ(settled->times, 1);
  EXPECT_TRUE(bench.lease(7)->keys->empty());
}

TEST(Replica, ALongDeleteThatACrashCutsIsWholeAfterIt) {
  Bench bench;
  fill_for_a_long_delete(bench);
  const auto told = bench.propose(pb::Payload::kLeaseRevoke, pb::LeaseRevokeRequest{.id = 7});
  bench.loop().turn();
  bench.disk().finish_write();
  while (!bench.replica().machine().applying()) bench.loop().turn();
  EXPECT_EQ(told->times, 0);
  bench.kill();
  bench.open();
  bench.settle();
  EXPECT_EQ(bench.get("k10"), std::nullopt);
  EXPECT_FALSE(bench.lease(7));
}

TEST(Replica, AStopDuringALongDeleteAnswersEverything) {
  Bench bench;
  fill_for_a_long_delete(bench);
  const auto told = bench.propose(pb::Payload::kDeleteRange, pb::DeleteRangeRequest{.key = "k", .range_end = "l"});
  bench.loop().turn();
  bench.disk().finish_write();
  while (!bench.replica().machine().applying()) bench.loop().turn();
  Status settled;
  bench.replica().settled([&](const Status& status) { settled = status; });
  bool stopped = false;
  bench.replica().stop([&](const Status& status) { stopped = status.ok(); });
  bench.settle();
  EXPECT_EQ(told->status, errors::Stopped());
  EXPECT_EQ(settled, errors::Stopped());
  EXPECT_TRUE(stopped);
}

TEST(Replica, GathersWhatComesDuringAWriteIntoTheNext) {
  Bench bench;
  bench.serve();
  const uint64_t writes = bench.replica().log_counters().writes;
  bench.put("a", "1");
  bench.turn();
  for (int i = 0; i < 100; ++i) {
    bench.put("b", "2");
    bench.turn();
  }
  bench.settle();
  EXPECT_EQ(bench.replica().log_counters().writes, writes + 2);
}

TEST(Replica, AnswersAReadInTheTurnInWhichItCame) {
  Bench bench;
  bench.serve();
  bench.put("k", "v");
  bench.turn();
  const auto told = bench.read();
  EXPECT_EQ(told->times, 0);
  bench.turn();
  EXPECT_EQ(told->times, 1);
  EXPECT_TRUE(told->status.ok());
}

TEST(Replica, AReadWaitsForTheFirstEntryOfTheTermToBeApplied) {
  Bench bench;
  bench.serve();
  bench.put("k", "v");
  bench.settle();
  bench.kill();
  bench.open();
  while (bench.replica().leader() == 0) bench.finish_write();
  const auto told = bench.read();
  bench.turn();
  EXPECT_EQ(told->times, 0);
  bench.settle();
  EXPECT_EQ(told->times, 1);
  EXPECT_TRUE(told->status.ok());
  EXPECT_EQ(bench.get("k"), "v");
}

TEST(Replica, AReadWithoutALeaderFails) {
  Bench bench;
  bench.open();
  ASSERT_EQ(bench.replica().leader(), 0u);
  const auto told = bench.read();
  bench.turn();
  EXPECT_EQ(told->times, 1);
  EXPECT_EQ(told->status, errors::LeaderChanged());
  EXPECT_EQ(bench.put("k", "v")->status, errors::NoLeader());
}

TEST(Replica, SucceedsInNothingAfterAFailedLogWrite) {
  Bench bench;
  bench.serve();
  const auto written = bench.put("a", "1");
  bench.turn();
  const auto waiting = bench.put("b", "2");
  bench.turn();
  bench.disk().fail_write();
  bench.settle();
  EXPECT_EQ(written->status, errors::Stopped());
  EXPECT_EQ(waiting->status, errors::Stopped());
  EXPECT_EQ(written->times + waiting->times, 2);
  EXPECT_EQ(bench.failures, 1);
  EXPECT_EQ(bench.put("c", "3")->status, errors::Stopped());
  EXPECT_EQ(bench.read()->status, errors::Stopped());
  bench.advance(20s);
  EXPECT_EQ(bench.failures, 1);
  EXPECT_EQ(bench.get("a"), std::nullopt);
  bool stopped = false;
  bench.replica().stop([&](const Status& status) { stopped = !status.ok(); });
  EXPECT_TRUE(stopped);
}

TEST(Replica, AProposalTimesOutOnceAndMayStillBeApplied) {
  Bench bench;
  bench.serve();
  const auto told = bench.put("k", "v");
  bench.advance(bench.options.request_timeout() - 100ms, false);
  EXPECT_EQ(told->times, 0);
  bench.advance(200ms, false);
  EXPECT_EQ(told->times, 1);
  EXPECT_EQ(told->status, errors::Timeout());
  bench.settle();
  EXPECT_EQ(told->times, 1);
  EXPECT_EQ(bench.get("k"), "v");
}

TEST(Replica, AReadTimesOutOnce) {
  Bench bench;
  bench.open();
  while (bench.replica().leader() == 0) bench.finish_write();
  const auto early = bench.read();
  bench.advance(1s, false);
  const auto late = bench.read();
  bench.advance(bench.options.request_timeout() - 900ms, false);
  EXPECT_EQ(early->times, 1);
  EXPECT_EQ(early->status, errors::Timeout());
  EXPECT_EQ(late->times, 0);
  bench.settle();
  EXPECT_EQ(early->times, 1);
  EXPECT_EQ(late->times, 1);
  EXPECT_TRUE(late->status.ok());
}

TEST(Replica, RefusesAProposalThatIsTooLarge) {
  Bench bench;
  bench.options.max_request_bytes = 1000;
  bench.serve();
  EXPECT_EQ(bench.put("k", std::string(1000, 'x'))->status, errors::RequestTooLarge());
  const auto told = bench.put("k", std::string(900, 'x'));
  bench.settle();
  EXPECT_TRUE(told->status.ok());
}

TEST(Replica, RefusesProposalsWhileTooManyBytesAreNotApplied) {
  Bench bench;
  bench.options.unapplied_bytes_max = 10'000;
  bench.serve();
  const std::string value(1000, 'x');
  int refused = 0;
  for (int i = 0; i < 20; ++i) refused += bench.put("k", value)->status == errors::RequestTooManyRequests();
  EXPECT_GT(refused, 8);
  EXPECT_LT(refused, 12);
  bench.settle();
  const auto told = bench.put("k", value);
  bench.settle();
  EXPECT_TRUE(told->status.ok());
}

TEST(Replica, StopAnswersEverythingWithStoppedAndSealsTheLog) {
  Bench bench;
  bench.serve();
  const auto in_flight = bench.put("a", "1");
  bench.turn();
  const auto fresh = bench.put("b", "2");
  const auto read = bench.read();
  bool stopped = false;
  bench.replica().stop([&](const Status& status) { stopped = status.ok(); });
  for (const auto& told : {in_flight, fresh}) {
    EXPECT_EQ(told->times, 1);
    EXPECT_EQ(told->status, errors::Stopped());
  }
  EXPECT_EQ(read->times, 1);  // its index was known already
  EXPECT_EQ(bench.put("c", "3")->status, errors::Stopped());
  EXPECT_FALSE(stopped);
  bench.settle();
  EXPECT_TRUE(stopped);
  const uint64_t writes = bench.replica().log_counters().writes;
  bench.advance(1s);
  EXPECT_EQ(bench.replica().log_counters().writes, writes) << "written after the seal";
  bench.kill();
  bench.serve();
  EXPECT_EQ(bench.get("b"), "2") << "what was proposed in the turn of the stop is before the seal";
}

TEST(Replica, AStopWhoseSealFailsSaysSo) {
  Bench bench;
  bench.serve();
  bench.put("a", "1");
  bench.settle();
  Status how;
  bench.replica().stop([&](const Status& status) { how = status; });
  bench.turn();
  bench.disk().fail_write();
  bench.turn();
  EXPECT_FALSE(how.ok());
}

TEST(Replica, AStoppedMemberStartsWithAllThatWasAnswered) {
  Bench bench;
  bench.serve();
  bench.put("a", "1");
  bench.settle();
  bool stopped = false;
  bench.replica().stop([&](const Status& status) { stopped = status.ok(); });
  bench.settle();
  ASSERT_TRUE(stopped);
  bench.kill();
  bench.serve();
  EXPECT_EQ(bench.get("a"), "1");
  EXPECT_EQ(bench.replica().machine().store().revision(), 2);
}

// Whatever a power failure does to writes under way, nothing that was acknowledged is lost.
TEST(Replica, KeepsWhatItAcknowledgedThroughCrashes) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Prng prng(seed);
    Bench bench;
    std::map<std::string, std::shared_ptr<testing::Told>> puts;
    std::set<std::string> acknowledged;
    for (int life = 0; life < 4; ++life) {
      bench.open();
      for (int step = 0; step < 60; ++step) {
        if (prng.chance(1, 2) && bench.replica().is_leader()) {
          const std::string key = std::to_string(puts.size());
          puts[key] = bench.put(key, prng.bytes(prng.below(6000)));
        }
        if (prng.chance(1, 2)) bench.turn();
        if (prng.chance(1, 2) && bench.disk().pending_writes() != 0) bench.finish_write();
        if (prng.chance(1, 20)) bench.advance(100ms, false);
      }
      for (const auto& [key, told] : puts) {
        if (told->times == 1 && told->status.ok()) acknowledged.insert(key);
      }
      bench.crash(prng);
    }
    bench.open();
    bench.settle();
    for (const std::string& key : acknowledged) EXPECT_TRUE(bench.get(key)) << "seed " << seed << " lost " << key;
    EXPECT_FALSE(acknowledged.empty()) << seed;
  }
}

TEST(Replica, AFreshClusterBeginsAsEtcdsDo) {
  Bench bench;
  bench.options.client_urls = {"http://b:1", "http://a:1"};
  bench.serve();
  bench.advance(1s);
  bench.kill();
  bench.open();
  ASSERT_EQ(bench.recovered.entries.size(), 4u);
  const pb::Entry& first = bench.recovered.entries[0];
  EXPECT_EQ(first.type, pb::EntryType::kConfChange);
  EXPECT_EQ(first.term, 1u);
  pb::ConfChange change;
  ASSERT_TRUE(pb::decode(first.data, change));
  EXPECT_EQ(change.type, pb::ConfChangeType::kAddNode);
  EXPECT_EQ(change.node_id, 0x11u);
  EXPECT_EQ(change.context.view(),
            R"({"id":17,"peerURLs":["http://127.0.0.1:2380","http://127.0.0.1:2381"],"name":"default"})");
  EXPECT_TRUE(bench.recovered.entries[1].data.empty());
  EXPECT_EQ(bench.recovered.entries[1].term, 2u);
  pb::InternalRequest attributes, version;
  ASSERT_TRUE(pb::decode(bench.recovered.entries[2].data.view(), attributes));
  EXPECT_EQ(std::get<pb::ClusterMemberAttrSetRequest>(attributes.body).client_urls,
            (std::vector<std::string_view>{"http://a:1", "http://b:1"}));
  EXPECT_EQ(attributes.payload, pb::Payload::kClusterMemberAttrSet);
  ASSERT_TRUE(pb::decode(bench.recovered.entries[3].data.view(), version));
  EXPECT_EQ(version.payload, pb::Payload::kClusterVersionSet);
}

TEST(Replica, PublishesItsNameAndUrlsAtEveryStart) {
  Bench bench;
  bench.serve();
  bench.kill();
  bench.options.name = "renamed";
  bench.options.client_urls = {"http://b:1", "http://a:1"};
  bench.serve();
  const machine::Member* self = bench.replica().machine().members().find(0x11);
  ASSERT_NE(self, nullptr);
  EXPECT_EQ(self->name, "renamed");
  EXPECT_EQ(self->client_urls, (std::vector<std::string>{"http://a:1", "http://b:1"}));
  EXPECT_EQ(self->peer_urls, (std::vector<std::string>{"http://127.0.0.1:2380", "http://127.0.0.1:2381"}));
  EXPECT_EQ(bench.replica().machine().members().cluster_version(), "3.7.0");
  bench.advance(30s);
  EXPECT_EQ(bench.published, 1);
}

TEST(Replica, ServesOnlyWhenTheClustersVersionIsDecided) {
  Bench bench;
  bench.open();
  while (bench.published == 0) {
    ASSERT_NE(bench.disk().pending_writes(), 0u);
    bench.finish_write();
  }
  EXPECT_EQ(bench.replica().machine().members().cluster_version(), "3.7.0");
}

TEST(Replica, CompactsByItselfWhenTold) {
  Bench bench;
  bench.options.auto_compaction = {.mode = AutoCompaction::Mode::kRevision, .period = {}, .revisions = 2};
  bench.serve();
  for (int i = 0; i < 5; ++i) bench.put("k", "v");
  bench.advance(4min);
  EXPECT_LE(bench.replica().machine().store().compacted(), 0);
  bench.advance(2min);
  EXPECT_EQ(bench.replica().machine().store().compacted(), 4);
}

TEST(Replica, CompactsOverManyTurnsAndAnswersAPhysicalCompactionAtItsEnd) {
  Bench bench;
  bench.serve();
  for (int i = 0; i < 10'000; ++i) bench.put("k", "v");
  bench.settle();
  std::vector<std::string> told;
  const auto propose = [&](Revision revision, bool physical, const char* what) {
    bench.replica().propose(pb::Payload::kCompaction,
                            pb::encode(pb::CompactionRequest{.revision = revision, .physical = physical}), 0,
                            [&, what](machine::Outcome& outcome) {
                              const bool under_way = bench.replica().machine().store().compacting();
                              told.push_back(what + std::string(under_way ? " while it goes on " : " at its end ") +
                                             std::string(outcome.status.text()));
                            });
  };
  propose(9'000, true, "physical");
  propose(9'500, false, "logical");
  propose(9'000, true, "refused");
  bench.settle();
  const std::string compacted(errors::Compacted().text());
  EXPECT_EQ(told, (std::vector<std::string>{"logical while it goes on ", "physical at its end ",
                                            "refused at its end " + compacted}));
  EXPECT_EQ(bench.replica().machine().store().compacted(), 9'500);
}

TEST(Replica, HashesOneAfterTheOtherOverManyTurns) {
  Bench bench;
  bench.serve();
  for (int i = 0; i < 10'000; ++i) bench.put(std::to_string(i), "v");
  bench.settle();
  const Revision revision = bench.replica().machine().store().revision();
  std::vector<Result<mvcc::KeyHash>> told;
  for (size_t i = 0; i <= limits::kHashesWaitingMax; ++i) {
    bench.replica().hash(0, [&](const Result<mvcc::KeyHash>& hash) { told.push_back(hash); });
  }
  bench.replica().hash(revision + 1, [&](const Result<mvcc::KeyHash>& hash) { told.push_back(hash); });
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].error(), errors::RequestTooManyRequests());
  bench.put("later", "v");
  bench.settle();
  ASSERT_EQ(told.size(), 2 + limits::kHashesWaitingMax);
  for (size_t i = 2; i < told.size(); ++i) {
    EXPECT_EQ(told[i]->revision, revision);
    EXPECT_EQ(told[i]->hash, told[2]->hash);
  }
}

TEST(Replica, ForgetsOldEntriesButKeepsServing) {
  Bench bench;
  bench.serve();
  const std::string value(1024 * 1024, 'x');
  const size_t puts = limits::kRecentEntriesBytes / value.size() + 2;
  for (size_t i = 0; i < puts; ++i) {
    bench.put("k", value);
    bench.settle();
    if (i % 8 == 0)
      bench.propose(pb::Payload::kCompaction,
                    pb::CompactionRequest{.revision = bench.replica().machine().store().revision()});
  }
  EXPECT_GT(bench.replica().oldest_kept_index(), 1u);
  EXPECT_LT(bench.replica().oldest_kept_index(), bench.replica().commit());
  const auto told = bench.put("k", "small");
  bench.settle();
  EXPECT_TRUE(told->status.ok());
  EXPECT_EQ(bench.get("k"), "small");
}

TEST(Replica, MeasuresTheLogsWrites) {
  Bench bench;
  bench.serve();
  const auto count = [&] {
    const env::Histogram& seconds = bench.metrics().histogram("etcd_disk_wal_fsync_duration_seconds",
                                                              "How long the log's writes take to be durable.",
                                                              env::exponential_bounds(0.001, 2, 14));
    uint64_t all = 0;
    for (const uint64_t each : seconds.counts()) all += each;
    return all;
  };
  const uint64_t before = count();
  bench.put("k", "v");
  bench.turn();
  EXPECT_EQ(count(), before);
  bench.settle();
  EXPECT_EQ(count(), before + 1);
}

}  // namespace
}  // namespace quorate::server
