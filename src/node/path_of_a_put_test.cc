// The put's path, as docs/ARCHITECTURE.md walks it: these stages, in this order, on a real member.
#include <gtest/gtest.h>

#include <mutex>

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

INSTANTIATE_TEST_SUITE_P(IoLoops, PathOfAPut, ::testing::Values(0, 2));

}  // namespace
}  // namespace quorate::node
