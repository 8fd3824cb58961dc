// How a member starts, and how it refuses to: every refusal says what is wrong, and changes nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "node/testing/test_member.h"
#include "pb/codec.h"

namespace quorate::node {
namespace {

using testing::Answer;
using testing::TemporaryDirectory;
using testing::TestClient;
using testing::TestMember;

Config config_at(const std::string& data_dir) {
  Config config;
  config.data_dir = data_dir;
  config.listen_client_urls = {{.scheme = "http", .host = "127.0.0.1", .port = 0, .path = {}}};
  config.listen_peer_urls = {{.scheme = "http", .host = "127.0.0.1", .port = 0, .path = {}}};
  config.log_level = env::Level::kFatal;
  return config;
}

// What a start with `config` is refused with; OK when it is not.
Status refusal(const Config& config) {
  env::Trace trace;
  env::posix::WorldOptions options;
  options.log.level = config.log_level;
  auto world = env::posix::World::create(options, trace);
  auto node = Node::create((*world)->env(), {(*world)->serving_loop(0)}, config);
  return node ? Status() : node.error();
}

std::string put(TestMember& member, std::string_view key, std::string_view value) {
  TestClient client(member.client_address());
  pb::PutRequest request;
  request.key = key;
  request.value = value;
  return client.call("/etcdserverpb.KV/Put", pb::encode(request)).status.text();
}

std::string get(TestMember& member, std::string_view key) {
  TestClient client(member.client_address());
  pb::RangeRequest request;
  request.key = key;
  const Answer answer = client.call("/etcdserverpb.KV/Range", pb::encode(request));
  pb::RangeResponse response;
  if (!answer.status.ok() || !pb::decode(answer.messages.at(0).view(), response)) return answer.status.text();
  return response.kvs.empty() ? "(none)" : std::string(response.kvs[0].value);
}

bool mentions(const Status& status, std::string_view text) { return status.text().find(text) != std::string::npos; }

// The names and sizes of all files below `path`.
std::string listing(const std::string& path) {
  std::vector<std::string> lines;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    lines.push_back(entry.path().string() + (entry.is_regular_file() ? " " + std::to_string(entry.file_size()) : ""));
  }
  std::sort(lines.begin(), lines.end());
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

// The oldest of the pre-written files in a log's folder.
std::string first_segment(const std::string& folder) {
  std::string first;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const bool segment = entry.file_size() > 1'000'000;
    if (segment && (first.empty() || entry.path().string() < first)) first = entry.path().string();
  }
  return first;
}

TEST(NodeStart, WhatWasAnsweredIsThereAfterARestart) {
  const TemporaryDirectory directory;
  const std::string data = directory.path() + "/data";
  {
    TestMember member({.io_loops = 0, .data_dir = data});
    EXPECT_EQ(put(member, "a", "1"), "");
    EXPECT_EQ(put(member, "b", "2"), "");
  }
  TestMember member({.io_loops = 0, .data_dir = data});
  EXPECT_EQ(get(member, "a"), "1");
  EXPECT_EQ(get(member, "b"), "2");
}

TEST(NodeStart, ABusyPortIsNamedAndTheDataDirectoryIsNotMade) {
  const TemporaryDirectory directory;
  TestMember member({.io_loops = 0, .data_dir = directory.path() + "/first"});
  Config config = config_at(directory.path() + "/second");
  config.listen_client_urls[0].port = member.client_address().port;
  const Status status = refusal(config);
  EXPECT_TRUE(mentions(status, "cannot listen on " + config.listen_client_urls[0].text())) << status.text();
  EXPECT_TRUE(mentions(status, "address already in use")) << status.text();
  EXPECT_FALSE(std::filesystem::exists(config.data_dir));
}

TEST(NodeStart, ASecondMemberOnADirectoryIsRefusedByName) {
  const TemporaryDirectory directory;
  const std::string data = directory.path() + "/data";
  TestMember member({.io_loops = 0, .data_dir = data});
  const Status status = refusal(config_at(data));
  EXPECT_TRUE(mentions(status, data)) << status.text();
  EXPECT_TRUE(mentions(status, "locked by another process")) << status.text();
  EXPECT_EQ(put(member, "a", "1"), "");
}

TEST(NodeStart, ADirectoryOfEtcdsIsRefusedWithTheWayToImportItAndLeftAsItWas) {
  const TemporaryDirectory directory;
  std::filesystem::create_directories(directory.path() + "/member/wal");
  std::ofstream(directory.path() + "/member/wal/0.wal") << "x";
  const std::string before = listing(directory.path());
  const Status status = refusal(config_at(directory.path()));
  EXPECT_TRUE(mentions(status, "etcd")) << status.text();
  EXPECT_TRUE(mentions(status, "import")) << status.text();
  EXPECT_EQ(listing(directory.path()), before);
}

TEST(NodeStart, AForeignDirectoryIsRefusedAndLeftAsItWas) {
  const TemporaryDirectory directory;
  std::ofstream(directory.path() + "/letter.txt") << "dear reader";
  const std::string before = listing(directory.path());
  EXPECT_FALSE(refusal(config_at(directory.path())).ok());
  EXPECT_EQ(listing(directory.path()), before);
}

TEST(NodeStart, APathThatCannotBeADirectoryIsNamed) {
  const TemporaryDirectory directory;
  std::ofstream(directory.path() + "/file") << "x";
  const Status status = refusal(config_at(directory.path() + "/file/data"));
  EXPECT_TRUE(mentions(status, "/file")) << status.text();
}

TEST(NodeStart, DamageInsideTheLogIsRefusedWithFileAndOffsetAndLeftAsItWas) {
  const TemporaryDirectory directory;
  const std::string data = directory.path() + "/data";
  {
    TestMember member({.io_loops = 0, .data_dir = data});
    for (int i = 0; i < 5; ++i) EXPECT_EQ(put(member, "a", std::to_string(i)), "");
  }
  const std::string segment = first_segment(data + "/log");
  ASSERT_FALSE(segment.empty());
  std::fstream file(segment, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(2 * 4096 + 50);  // the second batch; later ones follow it
  const char flipped = static_cast<char>(file.peek() ^ 0x40);
  file.seekp(2 * 4096 + 50);
  file.put(flipped);
  file.close();
  const std::string before = listing(data);
  const Status status = refusal(config_at(data));
  EXPECT_EQ(status.code(), Code::kDataLoss) << status.text();
  EXPECT_TRUE(mentions(status, segment)) << status.text();
  EXPECT_TRUE(mentions(status, "offset")) << status.text();
  EXPECT_EQ(listing(data), before);
}

}  // namespace
}  // namespace quorate::node
