#include "sim/replay.h"

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <vector>

#include "base/check.h"
#include "base/prng.h"
#include "env/posix/clock.h"
#include "node/testing/test_member.h"
#include "pb/codec.h"

namespace quorate::sim {
namespace {

using node::testing::TemporaryDirectory;
using node::testing::TestClient;
using node::testing::TestMember;

const pb::RangeRequest kAll{.key = std::string_view("\0", 1), .range_end = std::string_view("\0", 1)};

std::string file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

// Everything but the header, which tells the revision apart.
std::string contents(const pb::RangeResponse& response) {
  std::string out = std::to_string(response.count);
  for (const pb::KeyValue& kv : response.kvs) out += pb::encode(kv) + "\n";
  return out;
}

void load(TestClient& client, Prng& random) {
  for (int i = 0; i < 300; ++i) {
    const std::string key = "k" + std::to_string(random.below(20));
    const std::string value = random.bytes(random.below(200));
    const pb::PutRequest put{.key = key, .value = value};
    switch (random.below(4)) {
      case 0:
        client.call("/etcdserverpb.KV/DeleteRange", pb::encode(pb::DeleteRangeRequest{.key = key, .range_end = {}}));
        break;
      case 1: client.call("/etcdserverpb.KV/Range", pb::encode(kAll)); break;
      default: ASSERT_TRUE(client.call("/etcdserverpb.KV/Put", pb::encode(put)).status.ok()); break;
    }
    if (i == 100) {
      const pb::LeaseGrantRequest grant{.ttl_s = 1000, .id = 77};
      ASSERT_TRUE(client.call("/etcdserverpb.Lease/LeaseGrant", pb::encode(grant)).status.ok());
      const pb::PutRequest leased{.key = "leased", .value = "x", .lease = 77};
      ASSERT_TRUE(client.call("/etcdserverpb.KV/Put", pb::encode(leased)).status.ok());
    }
  }
}

class ReplayTest : public ::testing::TestWithParam<size_t> {};

// With several io loops one connection is used: between connections their order is not recorded.
TEST_P(ReplayTest, TheReplayedMemberHoldsWhatTheRecordedOneHeld) {
  const uint64_t seed = 5;
  SCOPED_TRACE(seed);
  Prng random(seed);
  const TemporaryDirectory directory;
  env::posix::PosixClock clock;
  env::Recorder recorder(clock, 16 << 20);
  TestMember member({.io_loops = GetParam(), .data_dir = directory.path() + "/data", .recorder = &recorder});
  std::string real;
  Revision revision = 0;
  {
    TestClient client(member.client_address());
    load(client, random);
    const auto answer = client.call("/etcdserverpb.KV/Range", pb::encode(kAll));
    ASSERT_TRUE(answer.status.ok());
    pb::RangeResponse response;
    ASSERT_TRUE(pb::decode(answer.messages.at(0).view(), response));
    real = contents(response);
    revision = response.header->revision;
  }
  const std::string path = directory.path() + "/flight.qrec";
  ASSERT_TRUE(recorder.dump(path).ok());
  member.stop();

  const std::string bytes = file(path);
  const auto recording = env::decode_recording(bytes);
  ASSERT_TRUE(recording) << recording.error().text();
  std::string replayed;
  ReplayOptions options;
  options.at_end = [&](const node::Node& node) { replayed = contents(*node.replica().machine().store().range(kAll)); };
  const auto report = replay(*recording, std::move(options));
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->revision, revision);
  EXPECT_EQ(replayed, real);
  EXPECT_EQ(report->connections, 1u);
  EXPECT_EQ(report->skipped, 0u);
}

INSTANTIATE_TEST_SUITE_P(IoLoops, ReplayTest, ::testing::Values(0, 2));

// Takes turns on three connections, while a fourth one watches everything: transactions whose compares look at what
// another connection wrote, leases that one grants and another attaches to, deletes and compactions.
class Crowd {
 public:
  Crowd(const env::Address& member, uint64_t seed) : random_(seed), watcher_(member) {
    for (auto& client : clients_) client = std::make_unique<TestClient>(member);
    watcher_.open_stream("/etcdserverpb.Watch/Watch");
    pb::WatchCreateRequest everything;
    everything.key = kAll.key;
    everything.range_end = kAll.range_end;
    everything.start_revision = 1;
    everything.prev_kv = true;
    pb::WatchRequest request;
    request.request = std::move(everything);
    watcher_.send(pb::encode(request));
    (void)watcher_.next();
  }

  void act(int steps) {
    for (int i = 0; i < steps; ++i) {
      TestClient& client = *clients_.at(random_.below(clients_.size()));
      switch (random_.below(6)) {
        case 0: grant(client); break;
        case 1: attach(client); break;
        case 2: compact(client); break;
        default: transact(client); break;
      }
    }
  }

  // Keys, revision and leases, as a client sees them.
  std::string seen() {
    const auto range = clients_[0]->call("/etcdserverpb.KV/Range", pb::encode(kAll));
    const auto leases = clients_[0]->call("/etcdserverpb.Lease/LeaseLeases", {});
    pb::RangeResponse keys;
    pb::LeaseLeasesResponse list;
    EXPECT_TRUE(range.status.ok() && pb::decode(range.messages.at(0).view(), keys));
    EXPECT_TRUE(leases.status.ok() && pb::decode(leases.messages.at(0).view(), list));
    std::set<LeaseId> ids(list.leases.begin(), list.leases.end());
    return text(keys, ids);
  }
  static std::string text(const pb::RangeResponse& keys, const std::set<LeaseId>& leases) {
    std::string out = contents(keys);
    for (const LeaseId lease : leases) out += " " + std::to_string(lease);
    return out;
  }

 private:
  std::string key() { return "k" + std::to_string(random_.below(12)); }

  void grant(TestClient& client) {
    // The member chooses the id: the replayed one has to choose the same.
    const pb::LeaseGrantRequest request{.ttl_s = 1000, .id = 0};
    const auto answer = client.call("/etcdserverpb.Lease/LeaseGrant", pb::encode(request));
    pb::LeaseGrantResponse response;
    ASSERT_TRUE(answer.status.ok() && pb::decode(answer.messages.at(0).view(), response));
    leases_.push_back(response.id);
  }

  void attach(TestClient& client) {
    if (leases_.empty()) return;
    const std::string name = key();
    const pb::PutRequest put{.key = name, .value = "leased", .lease = leases_.at(random_.below(leases_.size()))};
    ASSERT_TRUE(client.call("/etcdserverpb.KV/Put", pb::encode(put)).status.ok());
  }

  void compact(TestClient& client) {
    const auto range = client.call("/etcdserverpb.KV/Range", pb::encode(kAll));
    pb::RangeResponse response;
    ASSERT_TRUE(range.status.ok() && pb::decode(range.messages.at(0).view(), response));
    client.call("/etcdserverpb.KV/Compact",
                pb::encode(pb::CompactionRequest{.revision = response.header->revision - 5, .physical = false}));
  }

  void transact(TestClient& client) {
    const std::string seen = key(), written = key(), other = key(), value = std::to_string(random_.below(4));
    pb::TxnRequest txn;
    pb::Compare compare;
    compare.key = seen;
    compare.target = pb::CompareTarget::kValue;
    compare.union_field = 7;
    compare.value = value;
    txn.compare.push_back(compare);
    txn.success.push_back({pb::DeleteRangeRequest{.key = written, .range_end = {}}});
    txn.failure.push_back({pb::PutRequest{.key = written, .value = value}});
    if (other != written) txn.failure.push_back({pb::PutRequest{.key = other, .value = value, .prev_kv = true}});
    ASSERT_TRUE(client.call("/etcdserverpb.KV/Txn", pb::encode(txn)).status.ok());
  }

  Prng random_;
  std::array<std::unique_ptr<TestClient>, 3> clients_;
  TestClient watcher_;
  std::vector<LeaseId> leases_;
};

TEST(Replay, SeveralConnectionsWithTransactionsLeasesAndAWatchGiveTheSameState) {
  const TemporaryDirectory directory;
  env::posix::PosixClock clock;
  env::Recorder recorder(clock, 16 << 20);
  TestMember member({.data_dir = directory.path() + "/data", .recorder = &recorder});
  std::string real;
  {
    Crowd crowd(member.client_address(), 7);
    crowd.act(300);
    real = crowd.seen();
  }
  ASSERT_TRUE(recorder.dump(directory.path() + "/flight.qrec").ok());
  member.stop();

  const std::string bytes = file(directory.path() + "/flight.qrec");
  const auto recording = env::decode_recording(bytes);
  ASSERT_TRUE(recording) << recording.error().text();
  for (int time = 0; time < 2; ++time) {
    std::string replayed;
    uint64_t watchers = 0;
    ReplayOptions options;
    options.at_end = [&](const node::Node& node) {
      const machine::Machine& machine = node.replica().machine();
      const std::vector<LeaseId> leases = machine.lessor().leases();
      replayed = Crowd::text(*machine.store().range(kAll), {leases.begin(), leases.end()});
      watchers = node.replica().hub().counters().events;
    };
    const auto report = replay(*recording, std::move(options));
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_EQ(replayed, real);
    EXPECT_EQ(report->connections, 4u);
    EXPECT_GT(watchers, 100u) << "the watch was played too";
  }
}

TEST(Replay, AConnectionWithoutItsBeginningIsLeftOutAndCounted) {
  const TemporaryDirectory directory;
  env::posix::PosixClock clock;
  env::Recorder recorder(clock, 2000);
  TestMember member({.data_dir = directory.path() + "/data", .recorder = &recorder});
  {
    TestClient client(member.client_address());
    const std::string value(400, 'x');
    for (int i = 0; i < 10; ++i) {
      client.call("/etcdserverpb.KV/Put", pb::encode(pb::PutRequest{.key = "a", .value = value}));
    }
  }
  ASSERT_TRUE(recorder.dump(directory.path() + "/flight.qrec").ok());
  member.stop();
  const std::string bytes = file(directory.path() + "/flight.qrec");
  const auto recording = env::decode_recording(bytes);
  ASSERT_TRUE(recording);
  const auto report = replay(*recording, {});
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->connections, 0u);
  EXPECT_EQ(report->skipped, 1u);
  EXPECT_GT(report->lost, 0u);
  EXPECT_EQ(report->revision, 1);
}

env::Recorder* dying = nullptr;

TEST(FlightRecorderDeathTest, AFailedCheckLeavesItsTextAndAFile) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const std::string path = ::testing::TempDir() + "flight-death.qrec";
  EXPECT_DEATH(
      {
        env::posix::PosixClock clock;
        env::Recorder recorder(clock, 4096);
        recorder.input(env::Input::kRead, 1, "poison");
        dying = &recorder;
        set_check_failure_hook([](std::string_view) { (void)dying->dump(::testing::TempDir() + "flight-death.qrec"); });
        CHECK(dying == nullptr);
      },
      "CHECK failed: dying == nullptr");
  const std::string bytes = file(path);
  const auto recording = env::decode_recording(bytes);
  ASSERT_TRUE(recording);
  EXPECT_EQ(recording->inputs.at(0).bytes, "poison");
  std::remove(path.c_str());
}

}  // namespace
}  // namespace quorate::sim
