// Plain HTTP on a whole member: each path of the client and of the peer port, to the letter.
#include <gtest/gtest.h>

#include "node/testing/test_member.h"
#include "pb/codec.h"

namespace quorate::node {
namespace {

using testing::TemporaryDirectory;
using testing::TestClient;
using testing::TestMember;

class PlainHttp : public ::testing::TestWithParam<size_t> {
 protected:
  // Status, type and body of what a GET of `path` brings.
  std::string client(std::string_view path) { return essence(TestClient::get(member_.client_address(), path)); }
  std::string peer(std::string_view path) { return essence(TestClient::get(member_.peer_address(), path)); }
  // The value of one header of the peer port's answer.
  std::string peer_header(std::string_view path, std::string_view name) {
    return header_of(TestClient::get(member_.peer_address(), path), name);
  }
  const TestMember& member() const { return member_; }

 private:
  static std::string header_of(const std::string& answer, std::string_view name) {
    std::string lower = answer.substr(0, answer.find("\r\n\r\n") + 2);
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const size_t found = lower.find("\r\n" + std::string(name) + ": ");
    if (found == std::string::npos) return "(none)";
    const size_t begin = found + 2 + name.size() + 2;
    return answer.substr(begin, answer.find("\r\n", begin) - begin);
  }
  static std::string essence(const std::string& answer) {
    return answer.substr(0, answer.find("\r\n")) + " " + header_of(answer, "content-type") + "\n" +
           answer.substr(answer.find("\r\n\r\n") + 4);
  }

  const TemporaryDirectory directory_;
  TestMember member_{{.io_loops = GetParam(), .data_dir = directory_.path() + "/data"}};
};

constexpr const char* kVersion =
    "HTTP/1.1 200 OK application/json\n"
    R"({"etcdserver":"3.7.1","etcdcluster":"3.7.0","storage":"3.7.0"})";

// The first request may come while the member is starting: it waits, and is never told that nothing is decided.
TEST_P(PlainHttp, TheVersionIsDecidedBeforeAnyoneIsAnswered) {
  EXPECT_EQ(client("/version"), kVersion);
  EXPECT_EQ(peer("/version"), kVersion);
}

TEST_P(PlainHttp, TheMemberIsHealthyAliveAndReady) {
  EXPECT_EQ(client("/health"), "HTTP/1.1 200 OK text/plain; charset=utf-8\n{\"health\":\"true\",\"reason\":\"\"}");
  EXPECT_EQ(client("/livez"), "HTTP/1.1 200 OK text/plain; charset=utf-8\nok\n");
  EXPECT_EQ(client("/livez?verbose"), "HTTP/1.1 200 OK text/plain; charset=utf-8\n[+]serializable_read ok\nok\n");
  EXPECT_EQ(client("/readyz"), "HTTP/1.1 200 OK text/plain; charset=utf-8\nok\n");
  EXPECT_EQ(client("/readyz?verbose"),
            "HTTP/1.1 200 OK text/plain; charset=utf-8\n"
            "[+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read ok\n[+]non_learner ok\nok\n");
}

TEST_P(PlainHttp, PeersSeeTheMembers) {
  EXPECT_EQ(client("/version"), kVersion);  // answered once the member has published itself; peers do not wait for that
  EXPECT_EQ(peer("/members"),
            "HTTP/1.1 200 OK application/json\n"
            R"([{"id":10276657743932975437,"peerURLs":["http://localhost:2380"],"name":"default",)"
            R"("clientURLs":["http://localhost:2379"]}])"
            "\n");
  EXPECT_EQ(peer_header("/members", "x-etcd-cluster-id"), "cdf818194e3a8c32");
}

TEST_P(PlainHttp, MetricsCountWhatClientsDid) {
  TestClient client_connection(member().client_address());
  const auto put = client_connection.call("/etcdserverpb.KV/Put", pb::encode(pb::PutRequest{.key = "a", .value = "1"}));
  ASSERT_TRUE(put.status.ok());
  const std::string answer = client("/metrics");
  EXPECT_EQ(answer.substr(0, answer.find('\n')),
            "HTTP/1.1 200 OK text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
  for (
      const char* line : {
          "etcd_server_has_leader 1",
          "etcd_server_is_leader 1",
          "etcd_cluster_version{cluster_version=\"3.7\"} 1",
          "etcd_server_version{server_version=\"3.7.1\"} 1",
          "etcd_mvcc_put_total 1",
          R"(grpc_server_handled_total{grpc_code="OK",grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary"} 1)",
      }) {
    EXPECT_NE(answer.find("\n" + std::string(line) + "\n"), std::string::npos) << line;
  }
}

TEST_P(PlainHttp, WhatIsNotThereIsNotFound) {
  for (const std::string& answer : {client("/nothing"), client("/members"), peer("/health"), peer("/metrics")}) {
    EXPECT_EQ(answer, "HTTP/1.1 404 Not Found text/plain; charset=utf-8\n404 page not found\n");
  }
}

INSTANTIATE_TEST_SUITE_P(IoLoops, PlainHttp, ::testing::Values(0, 2));

}  // namespace
}  // namespace quorate::node
