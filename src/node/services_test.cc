// Every gRPC method, called on a whole member through its socket: what comes back, to the letter.
//
// The member is a fresh one with default URLs and token, so its ids are known, and its first term is 2.
#include <gtest/gtest.h>

#include <set>

#include "api/methods.h"
#include "health.pb.h"
#include "node/testing/test_member.h"
#include "rpc.pb.h"

namespace quorate::node {
namespace {

using testing::Answer;
using testing::TemporaryDirectory;
using testing::TestClient;
using testing::TestMember;

namespace rpc = etcdserverpb;
namespace health = grpc::health::v1;

constexpr std::string_view kIds = "cluster_id: 14841639068965178418 member_id: 10276657743932975437";

// A response header's text; membership has no revision.
std::string header(Revision revision) {
  const std::string at = revision == 0 ? "" : " revision: " + std::to_string(revision);
  return "header { " + std::string(kIds) + at + " raft_term: 2 }";
}

std::string text_of(const Status& status) {
  return std::string(code_name(status.code())) + (status.ok() ? "" : ": " + status.text());
}

// The fields of all messages in the order of their numbers, then how the call ended unless it went well.
template <class Response>
std::string text_of(const Answer& answer) {
  std::string out;
  for (const Bytes& message : answer.messages) {
    Response response;
    if (!response.ParseFromArray(message.data(), static_cast<int>(message.size()))) return "(malformed)";
    out += (out.empty() ? "" : " | ") + response.ShortDebugString();
  }
  if (!answer.status.ok()) out += text_of(answer.status);
  return out;
}

class Services : public ::testing::TestWithParam<size_t> {
 protected:
  static void SetUpTestSuite() { called().clear(); }
  // A method that is added to the table has to be called here too.
  static void TearDownTestSuite() {
    if (GTEST_FLAG_GET(filter) != "*") return;
    for (const api::MethodRow& row : api::all_methods()) {
      const std::string path = "/" + std::string(row.service) + "/" + std::string(row.name);
      EXPECT_TRUE(called().contains(path)) << path;
    }
  }

  template <class Response, class Request>
  std::string call(const std::string& path, const Request& request) {
    return text_of<Response>(answer(path, request));
  }
  template <class Request>
  Answer answer(const std::string& path, const Request& request) {
    called().insert(path);
    return client.call(path, request.SerializeAsString());
  }

  void open(const std::string& path) {
    called().insert(path);
    stream.open_stream(path);
  }
  template <class Response, class Request>
  std::string exchange(const Request& request) {
    stream.send(request.SerializeAsString());
    return next<Response>();
  }
  template <class Response>
  std::string next() {
    return text_of<Response>(stream.next());
  }

  std::string put(const std::string& key, const std::string& value, int64_t lease = 0) {
    rpc::PutRequest request;
    request.set_key(key);
    request.set_value(value);
    request.set_lease(lease);
    return call<rpc::PutResponse>("/etcdserverpb.KV/Put", request);
  }

 private:
  static std::set<std::string>& called() {
    static std::set<std::string> paths;
    return paths;
  }

  const TemporaryDirectory directory_;
  TestMember member_{{.io_loops = GetParam(), .data_dir = directory_.path() + "/data"}};

 protected:
  TestClient client{member_.client_address()}, stream{member_.client_address()};
};

TEST_P(Services, ARangeThatIsSentInPartsArrivesAsOneAnswer) {
  const std::string value(100'000, 'v');
  for (int i = 0; i < 40; ++i) ASSERT_EQ(put("k" + std::to_string(10 + i), value), header(2 + i));
  rpc::RangeRequest request;
  request.set_key("k");
  request.set_range_end("l");
  const Answer answered = answer("/etcdserverpb.KV/Range", request);
  ASSERT_TRUE(answered.status.ok()) << text_of(answered.status);
  ASSERT_EQ(answered.messages.size(), 1u);
  rpc::RangeResponse response;
  ASSERT_TRUE(response.ParseFromArray(answered.messages[0].data(), static_cast<int>(answered.messages[0].size())));
  ASSERT_EQ(response.kvs_size(), 40);
  EXPECT_EQ(response.count(), 40);
  EXPECT_EQ(response.header().revision(), 41);
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(response.kvs(i).key(), "k" + std::to_string(10 + i));
    EXPECT_TRUE(response.kvs(i).value() == value);
  }
}

TEST_P(Services, KeysArePutReadDeletedAndCompacted) {
  EXPECT_EQ(put("a", "1"), header(2));
  rpc::PutRequest again;
  again.set_key("a");
  again.set_value("2");
  again.set_prev_kv(true);
  EXPECT_EQ(call<rpc::PutResponse>("/etcdserverpb.KV/Put", again),
            header(3) + R"( prev_kv { key: "a" create_revision: 2 mod_revision: 2 version: 1 value: "1" })");

  rpc::RangeRequest range;
  range.set_key("a");
  EXPECT_EQ(call<rpc::RangeResponse>("/etcdserverpb.KV/Range", range),
            header(3) + R"( kvs { key: "a" create_revision: 2 mod_revision: 3 version: 2 value: "2" } count: 1)");

  rpc::DeleteRangeRequest gone;
  gone.set_key("a");
  EXPECT_EQ(call<rpc::DeleteRangeResponse>("/etcdserverpb.KV/DeleteRange", gone), header(4) + " deleted: 1");

  rpc::CompactionRequest compact;
  compact.set_revision(3);
  EXPECT_EQ(call<rpc::CompactionResponse>("/etcdserverpb.KV/Compact", compact), header(4));
  range.set_revision(2);
  EXPECT_EQ(call<rpc::RangeResponse>("/etcdserverpb.KV/Range", range),
            "OutOfRange: etcdserver: mvcc: required revision has been compacted");
}

TEST_P(Services, ATransactionComparesAndThenDoesOneThingOrTheOther) {
  ASSERT_EQ(put("a", "1"), header(2));
  rpc::TxnRequest txn;
  rpc::Compare& compare = *txn.add_compare();
  compare.set_key("a");
  compare.set_target(rpc::Compare::VALUE);
  compare.set_value("1");
  rpc::PutRequest& then = *txn.add_success()->mutable_request_put();
  then.set_key("a");
  then.set_value("2");
  txn.add_failure()->mutable_request_range()->set_key("a");
  EXPECT_EQ(call<rpc::TxnResponse>("/etcdserverpb.KV/Txn", txn),
            header(3) + " succeeded: true responses { response_put { header { revision: 3 } } }");
  EXPECT_EQ(call<rpc::TxnResponse>("/etcdserverpb.KV/Txn", txn),
            header(3) +
                " responses { response_range { header { revision: 3 } "
                R"(kvs { key: "a" create_revision: 2 mod_revision: 3 version: 2 value: "2" } count: 1 } })");
}

// Each level has one operation of the share that the level around it left.
TEST_P(Services, TransactionsNestAsDeepAsTheShareOfOperationsGoes) {
  for (const auto& [levels, end] :
       {std::pair(128, "OK"), std::pair(129, "InvalidArgument: etcdserver: too many operations in txn request")}) {
    rpc::TxnRequest txn;
    rpc::TxnRequest* innermost = &txn;
    for (int level = 1; level < levels; ++level) innermost = innermost->add_success()->mutable_request_txn();
    innermost->add_success()->mutable_request_put()->set_key("a");
    EXPECT_EQ(text_of(answer("/etcdserverpb.KV/Txn", txn).status), end);
  }
}

// The header and the count come last (v3 API, section 4.3).
TEST_P(Services, ARangeComesAsAStream) {
  for (char key = 'a'; key < 'l'; ++key) ASSERT_EQ(put(std::string(1, key), ""), header(2 + key - 'a'));
  rpc::RangeRequest range;
  range.set_key("a");
  range.set_range_end("z");
  range.set_keys_only(true);
  const Answer answered = answer("/etcdserverpb.KV/RangeStream", range);
  ASSERT_EQ(answered.messages.size(), 2u);
  rpc::RangeStreamResponse response;
  ASSERT_TRUE(response.ParseFromString(std::string(answered.messages[0].view())));
  EXPECT_FALSE(response.range_response().has_header());
  std::string keys;
  for (const auto& kv : response.range_response().kvs()) keys += kv.key();
  EXPECT_EQ(keys, "abcdefghij");
  EXPECT_EQ(text_of<rpc::RangeStreamResponse>({answered.status, {answered.messages[1]}}),
            "range_response { " + header(12) +
                R"( kvs { key: "k" create_revision: 12 mod_revision: 12 version: 1 } count: 11 })");
}

TEST_P(Services, AWatcherIsToldOfEventsAndProgressUntilItCancels) {
  open("/etcdserverpb.Watch/Watch");
  rpc::WatchRequest request;
  request.mutable_create_request()->set_key("a");
  EXPECT_EQ(exchange<rpc::WatchResponse>(request), header(1) + " created: true");
  ASSERT_EQ(put("a", "1"), header(2));
  EXPECT_EQ(next<rpc::WatchResponse>(),
            header(2) + R"( events { kv { key: "a" create_revision: 2 mod_revision: 2 version: 1 value: "1" } })");
  request.mutable_progress_request();
  EXPECT_EQ(exchange<rpc::WatchResponse>(request), header(2) + " watch_id: -1");
  request.mutable_cancel_request()->set_watch_id(0);
  EXPECT_EQ(exchange<rpc::WatchResponse>(request), header(2) + " canceled: true");
}

TEST_P(Services, ALeaseIsGrantedKeptAliveAndRevoked) {
  rpc::LeaseGrantRequest grant;
  grant.set_id(7);
  grant.set_ttl(3600);
  EXPECT_EQ(call<rpc::LeaseGrantResponse>("/etcdserverpb.Lease/LeaseGrant", grant), header(1) + " ID: 7 TTL: 3600");
  ASSERT_EQ(put("b", "1", 7), header(2));
  ASSERT_EQ(put("a", "1", 7), header(3));

  rpc::LeaseLeasesRequest all;
  EXPECT_EQ(call<rpc::LeaseLeasesResponse>("/etcdserverpb.Lease/LeaseLeases", all), header(3) + " leases { ID: 7 }");

  open("/etcdserverpb.Lease/LeaseKeepAlive");
  rpc::LeaseKeepAliveRequest renew;
  renew.set_id(7);
  EXPECT_EQ(exchange<rpc::LeaseKeepAliveResponse>(renew), header(3) + " ID: 7 TTL: 3600");
  renew.set_id(8);
  EXPECT_EQ(exchange<rpc::LeaseKeepAliveResponse>(renew), header(3) + " ID: 8");

  rpc::LeaseTimeToLiveRequest ask;
  ask.set_id(7);
  ask.set_keys(true);
  const Answer answered = answer("/etcdserverpb.Lease/LeaseTimeToLive", ask);
  ASSERT_EQ(answered.messages.size(), 1u) << text_of(answered.status);
  rpc::LeaseTimeToLiveResponse left;
  ASSERT_TRUE(left.ParseFromString(std::string(answered.messages[0].view())));
  EXPECT_GT(left.ttl(), 3000);  // how much of it is left, the clock decides
  EXPECT_LE(left.ttl(), 3600);
  left.set_ttl(1);
  EXPECT_EQ(left.ShortDebugString(), header(3) + R"( ID: 7 TTL: 1 grantedTTL: 3600 keys: "a" keys: "b")");

  rpc::LeaseRevokeRequest revoke;
  revoke.set_id(7);
  EXPECT_EQ(call<rpc::LeaseRevokeResponse>("/etcdserverpb.Lease/LeaseRevoke", revoke), header(4));
  EXPECT_EQ(call<rpc::LeaseRevokeResponse>("/etcdserverpb.Lease/LeaseRevoke", revoke),
            "NotFound: etcdserver: requested lease not found");
}

TEST_P(Services, AMemberTellsItsStatus) {
  const Answer answered = answer("/etcdserverpb.Maintenance/Status", rpc::StatusRequest());
  ASSERT_EQ(answered.messages.size(), 1u) << text_of(answered.status);
  rpc::StatusResponse status;
  ASSERT_TRUE(status.ParseFromString(std::string(answered.messages[0].view())));
  EXPECT_GT(status.dbsize(), status.dbsizeinuse());  // its size is the store's own business
  EXPECT_GT(status.dbsizeinuse(), 0);
  status.clear_dbsize();
  status.clear_dbsizeinuse();
  EXPECT_EQ(status.ShortDebugString(),
            header(1) + R"( version: "3.7.1" leader: 10276657743932975437 raftIndex: 4 raftTerm: 2 raftAppliedIndex: 4)"
                        R"( storageVersion: "3.7.0" dbSizeQuota: 2147483648 downgradeInfo { })");

  EXPECT_EQ(call<rpc::AlarmResponse>("/etcdserverpb.Maintenance/Alarm", rpc::AlarmRequest()), header(1));
}

TEST_P(Services, DefragmentAnswersAtOnceAndHashWithAHash) {
  EXPECT_EQ(call<rpc::DefragmentResponse>("/etcdserverpb.Maintenance/Defragment", rpc::DefragmentRequest()), "");
  const Answer answered = answer("/etcdserverpb.Maintenance/Hash", rpc::HashRequest());
  ASSERT_EQ(answered.messages.size(), 1u) << text_of(answered.status);
  rpc::HashResponse hash;
  ASSERT_TRUE(hash.ParseFromString(std::string(answered.messages[0].view())));
  EXPECT_NE(hash.hash(), 0u);
  EXPECT_EQ("header { " + hash.header().ShortDebugString() + " }", header(1));
}

// The hash of no keys is that of the bucket's name (peer protocol, section 5).
TEST_P(Services, HashKvIsOfTheKeysAtARevision) {
  EXPECT_EQ(call<rpc::HashKVResponse>("/etcdserverpb.Maintenance/HashKV", rpc::HashKVRequest()),
            header(1) + " hash: 1084519789 compact_revision: -1 hash_revision: 1");
  rpc::HashKVRequest later;
  later.set_revision(9);
  EXPECT_EQ(answer("/etcdserverpb.Maintenance/HashKV", later).status, errors::FutureRev());
}

TEST_P(Services, TheClusterHasOneMember) {
  rpc::MemberListRequest request;
  request.set_linearizable(true);
  EXPECT_EQ(call<rpc::MemberListResponse>("/etcdserverpb.Cluster/MemberList", request),
            header(0) + R"( members { ID: 10276657743932975437 name: "default" peerURLs: "http://localhost:2380")"
                        R"( clientURLs: "http://localhost:2379" })");
}

TEST_P(Services, AuthenticationIsOff) {
  EXPECT_EQ(call<rpc::AuthStatusResponse>("/etcdserverpb.Auth/AuthStatus", rpc::AuthStatusRequest()),
            header(1) + " authRevision: 1");
  rpc::AuthenticateRequest request;
  request.set_name("root");
  request.set_password("secret");
  EXPECT_EQ(call<rpc::AuthenticateResponse>("/etcdserverpb.Auth/Authenticate", request),
            "FailedPrecondition: etcdserver: authentication is not enabled");
}

TEST_P(Services, HealthIsServing) {
  health::HealthCheckRequest request;
  EXPECT_EQ(call<health::HealthCheckResponse>("/grpc.health.v1.Health/Check", request), "status: SERVING");
  EXPECT_EQ(call<health::HealthListResponse>("/grpc.health.v1.Health/List", health::HealthListRequest()),
            R"(statuses { key: "" value { status: SERVING } })");
  open("/grpc.health.v1.Health/Watch");
  stream.send(request.SerializeAsString());
  stream.half_close();
  EXPECT_EQ(next<health::HealthCheckResponse>(), "status: SERVING");
  request.set_service("another");
  EXPECT_EQ(call<health::HealthCheckResponse>("/grpc.health.v1.Health/Check", request), "NotFound: unknown service");
}

TEST_P(Services, AnUnknownMethodIsUnimplemented) {
  EXPECT_EQ(text_of(client.call("/etcdserverpb.KV/Guess", "").status),
            "Unimplemented: unknown method Guess for service etcdserverpb.KV");
  EXPECT_EQ(text_of(client.call("/etcdserverpb.Nothing/Guess", "").status),
            "Unimplemented: unknown service etcdserverpb.Nothing");
}

INSTANTIATE_TEST_SUITE_P(IoLoops, Services, ::testing::Values(0, 2));

}  // namespace
}  // namespace quorate::node
