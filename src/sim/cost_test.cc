// What a put, a get and an event cost a member: allocations, calls of the system, bytes. Numbers, not times: one that
// rises is found here before a benchmark shows it, and one that falls is to be written down.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "base/testing/heap.h"
#include "client/net_channel.h"
#include "env/sim/process.h"
#include "node/node.h"
#include "pb/codec.h"
#include "sim/testing/metered.h"

namespace quorate::sim {
namespace {

constexpr std::string_view kHost = "10.0.0.1";

// The smallest of each of several alike: of one whose bytes came in one piece and during which nothing had to grow.
Costs smallest(const std::vector<Costs>& all) {
  Costs least = all.front();
  for (const Costs& each : all) {
    for (const auto field : {&Costs::allocations, &Costs::allocated_bytes, &Costs::reads, &Costs::writes,
                             &Costs::sent_bytes, &Costs::log_writes, &Costs::log_bytes, &Costs::turns}) {
      least.*field = std::min(least.*field, each.*field);
    }
  }
  return least;
}

class EventCounter final : public client::CallEvents {
 public:
  void on_message(Bytes message) override {
    pb::WatchResponse response;
    ASSERT_TRUE(pb::decode(message.view(), response));
    ready = ready || response.created;
    events += response.events.size();
  }
  void on_end(const Status& status, const http::Headers& /*trailers*/) override { ADD_FAILURE() << status.text(); }

  bool ready = false;
  size_t events = 0;
};

// A member in simulated surroundings without faults, and one connection to it.
class CostTest : public testing::Test {
 protected:
  CostTest() {
    process_.core().watch_turns(&turns_);
    const env::Env env = process_.env();
    const env::Env metered{env.clock, env.core, net_, disk_, env.pool, env.log, env.metrics, env.trace, env.seed};
    node_ = std::move(node::Node::create(metered, {metered.core_loop()}, config()).value());
    bool serving = false;
    node_->on_serving([&serving] { serving = true; });
    process_.core().post([this] { node_->start([](const Status& status) { ADD_FAILURE() << status.text(); }); });
    EXPECT_TRUE(universe_.run_until([&serving] { return serving; }, 10s));
    channel_ = std::make_unique<client::NetChannel>(
        client_.env().core_loop(),
        client::NetChannelOptions{.endpoints = {{.host = std::string(kHost), .port = 2379, .path = {}}},
                                  .patience = {}});
    for (int i = 0; i < 200; ++i) put("k" + std::to_string(i), std::string(256, 'v'));
    for (int i = 0; i < 20; ++i) get("k1");
  }
  ~CostTest() override {
    channel_.reset();
    client_.kill(env::sim::Death::kKilled);
    process_.kill(env::sim::Death::kKilled);
    process_.core().watch_turns(nullptr);
    node_.reset();
  }

  static node::Config config() {
    node::Config config;
    config.name = "one";
    config.data_dir = "/data";
    const std::string host(kHost);
    config.listen_client_urls = {{.scheme = "http", .host = host, .port = 2379, .path = {}}};
    config.listen_peer_urls = {{.scheme = "http", .host = host, .port = 2380, .path = {}}};
    config.advertise_client_urls = {"http://" + host + ":2379"};
    config.initial_advertise_peer_urls = {"http://" + host + ":2380"};
    return config;
  }

  void call(std::string_view path, const std::string& request) {
    bool done = false;
    client::unary(*channel_, path, Bytes::copy(request), {.timeout = 5s, .metadata = {}},
                  [&done](const Result<Bytes>& answer) { done = answer.has_value(); });
    ASSERT_TRUE(universe_.run_until([&done] { return done; }, 10s)) << path;
    // What follows an answer: acknowledgements, the turn's end.
    universe_.run_for(5ms);
  }
  void put(const std::string& key, const std::string& value) {
    call("/etcdserverpb.KV/Put", pb::encode(pb::PutRequest{.key = key, .value = value}));
  }
  void get(const std::string& key) { call("/etcdserverpb.KV/Range", pb::encode(pb::RangeRequest{.key = key})); }

  // Until it is cancelled.
  client::CallId watch(EventCounter& counter) {
    const client::CallId stream = channel_->open("/etcdserverpb.Watch/Watch", {.timeout = {}, .metadata = {}}, counter);
    pb::WatchCreateRequest create;
    create.key = "k";
    create.range_end = "l";
    pb::WatchRequest request;
    request.request = create;
    channel_->send(stream, Bytes::copy(pb::encode(request)));
    EXPECT_TRUE(universe_.run_until([&counter] { return counter.ready; }, 10s));
    return stream;
  }

  // Of one of many of the same kind.
  template <class Operation>
  Costs cost(Operation operation) {
    std::vector<Costs> all;
    for (int i = 0; i < 64; ++i) {
      Meter::start();
      operation(i);
      all.push_back(Meter::since_start());
    }
    return smallest(all);
  }
  Costs cost_of_a_put(size_t value_bytes = 256) {
    const std::string value(value_bytes, 'w');
    return cost([this, &value](int i) { put("k" + std::to_string(i), value); });
  }

  env::sim::Universe universe_{7};
  env::sim::SimNetwork network_{universe_};
  env::sim::SimDrive drive_{universe_, 1}, client_drive_{universe_, 2};
  env::NullLog log_;
  env::Trace trace_;
  MeteredTurns turns_;
  env::sim::Process process_{universe_, network_, drive_, {.host = std::string(kHost)}, log_, trace_};
  env::sim::Process client_{universe_, network_, client_drive_, {.host = "10.1.0.1"}, log_, trace_};
  MeteredNet net_{process_.env().net};
  MeteredDisk disk_{process_.env().disk};
  std::unique_ptr<node::Node> node_;
  std::unique_ptr<client::NetChannel> channel_;
};

TEST_F(CostTest, APut) {
  const Costs put = cost_of_a_put();
  EXPECT_EQ(put.reads, 1u);
  EXPECT_EQ(put.log_writes, 1u);
  EXPECT_EQ(put.log_bytes, 4096u);
  EXPECT_EQ(put.writes, 1u);
  EXPECT_EQ(put.sent_bytes, 64u);
  EXPECT_EQ(put.turns, 4u);
  if (!Heap::counts()) GTEST_SKIP();
  EXPECT_EQ(put.allocations, 14u);
  EXPECT_EQ(put.allocated_bytes, 1528u);
}

TEST_F(CostTest, AGet) {
  const Costs got = cost([this](int i) { get("k" + std::to_string(i)); });
  EXPECT_EQ(got.reads, 1u);
  EXPECT_EQ(got.writes, 1u);
  EXPECT_EQ(got.log_writes, 0u);
  EXPECT_EQ(got.sent_bytes, 338u);
  EXPECT_EQ(got.turns, 2u);
  if (!Heap::counts()) GTEST_SKIP();
  EXPECT_EQ(got.allocations, 9u);
  EXPECT_EQ(got.allocated_bytes, 1351u);
}

TEST_F(CostTest, AnEvent) {
  const Costs without = cost_of_a_put();
  EventCounter one, two;
  const client::CallId first = watch(one);
  const Costs with_one = cost_of_a_put();
  const client::CallId second = watch(two);
  const Costs with_two = cost_of_a_put();
  for (const client::CallId stream : {first, second}) channel_->cancel(stream);
  EXPECT_EQ(one.events, 128u);
  EXPECT_EQ(with_one.writes - without.writes, 0u);
  EXPECT_EQ(with_one.sent_bytes - without.sent_bytes, 318u);
  if (!Heap::counts()) GTEST_SKIP();
  EXPECT_EQ(with_one.allocations - without.allocations, 6u);
  EXPECT_EQ(with_two.allocations - with_one.allocations, 3u);
  EXPECT_EQ(with_two.allocated_bytes - with_one.allocated_bytes, 119u);
}

// As bytes that are allocated for it beyond what any put takes; the log's own buffer lives on and is not among them.
TEST_F(CostTest, AValueIsCopiedAFixedNumberOfTimes) {
  constexpr size_t kBytes = 16 * 1024;
  const Costs small = cost_of_a_put(kBytes), large = cost_of_a_put(2 * kBytes);
  const double copies = static_cast<double>(large.allocated_bytes - small.allocated_bytes) / kBytes;
  if (!Heap::counts()) GTEST_SKIP();
  EXPECT_EQ(copies, 4);
}

}  // namespace
}  // namespace quorate::sim
