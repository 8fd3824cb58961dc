// The put's path, as docs/ARCHITECTURE.md walks it: these stages, in this order, on a real member.
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <mutex>
#include <sstream>

#include "api/stage_stamps.h"
#include "http/server.h"
#include "node/testing/test_member.h"
#include "pb/codec.h"

namespace quorate::node {
namespace {

using testing::Answer;
using testing::TemporaryDirectory;
using testing::TestClient;
using testing::TestMember;

// Collects the marks of all loops.
class Recorder final : public env::Trace {
 public:
  void mark(env::Stage stage, uint64_t /*call*/, uint64_t /*index*/) override {
    const std::lock_guard lock(mutex_);
    stages_.emplace_back(env::stage_name(stage));
  }
  std::vector<std::string> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(stages_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> stages_;
};

class PathOfAPut : public ::testing::TestWithParam<size_t> {};

TEST_P(PathOfAPut, PassesEveryStageInOrderAndIsDurableBeforeItIsAnswered) {
  const TemporaryDirectory directory;
  Recorder recorder;
  TestMember member({.io_loops = GetParam(), .data_dir = directory.path() + "/data", .trace = &recorder});
  {
    TestClient client(member.client_address());
    // Whatever the start still writes is over once a first put is answered.
    ASSERT_TRUE(client.call("/etcdserverpb.KV/Put", pb::encode(pb::PutRequest{.key = "a", .value = "1"})).status.ok());
    recorder.take();

    const Answer answer = client.call("/etcdserverpb.KV/Put", pb::encode(pb::PutRequest{.key = "a", .value = "2"}));
    ASSERT_TRUE(answer.status.ok()) << answer.status.text();
    pb::PutResponse response;
    ASSERT_TRUE(pb::decode(answer.messages.at(0).view(), response));
    EXPECT_EQ(response.header->revision, 3);
  }
  member.stop();

  std::vector<std::string> stages = recorder.take();
  // The seal of the tail comes after the answer and carries no entry, so it has no mark.
  const std::vector<std::string> path = {"parse",  "guard", "propose", "log", "durable",
                                         "commit", "apply", "reply",   "send"};
  EXPECT_EQ(stages, path);
}

// "parse=3, queue=12, ..." as it stands in a trailer.
std::map<std::string, int64_t> parts_of(const std::string& text) {
  std::map<std::string, int64_t> parts;
  std::istringstream in(text);
  for (std::string part; in >> part;)
    parts[part.substr(0, part.find('='))] = std::stoll(part.substr(part.find('=') + 1));
  return parts;
}

TEST_P(PathOfAPut, TellsWhereItsTimeWentWhoeverAsks) {
  const TemporaryDirectory directory;
  TestMember member({.io_loops = GetParam(), .data_dir = directory.path() + "/data"});
  TestClient client(member.client_address());
  const auto ask = [&client](std::string_view path, const std::string& request, const char* trace) {
    const auto began = std::chrono::steady_clock::now();
    const Answer answer = client.call(path, request, {{std::string(api::kTraceHeader), trace}});
    const auto took = std::chrono::steady_clock::now() - began;
    auto parts = parts_of(std::string(http::header_of(answer.trailers, api::kTraceHeader)));
    int64_t sum = 0;
    for (const auto& [name, us] : parts) sum += us;
    EXPECT_LE(sum, std::chrono::duration_cast<std::chrono::microseconds>(took).count());
    return parts;
  };
  const std::vector<std::string> names = {"apply", "commit", "log", "parse", "queue", "send"};
  const auto put = ask("/etcdserverpb.KV/Put", pb::encode(pb::PutRequest{.key = "a", .value = "1"}), "1");
  std::vector<std::string> told;
  for (const auto& [name, us] : put) told.push_back(name);
  EXPECT_EQ(told, names);
  EXPECT_GT(put.at("log"), 0);
  const auto get = ask("/etcdserverpb.KV/Range", pb::encode(pb::RangeRequest{.key = "a", .range_end = {}}), "1");
  ASSERT_EQ(get.size(), names.size());
  EXPECT_EQ(get.at("log"), 0);
  // What is refused tells it too; who does not ask is told nothing.
  EXPECT_EQ(ask("/etcdserverpb.KV/Put", pb::encode(pb::PutRequest{.key = {}, .value = {}}), "1").size(), names.size());
  EXPECT_TRUE(ask("/etcdserverpb.KV/Put", pb::encode(pb::PutRequest{.key = "a", .value = {}}), "0").empty());
}

INSTANTIATE_TEST_SUITE_P(IoLoops, PathOfAPut, ::testing::Values(0, 2));

}  // namespace
}  // namespace quorate::node
