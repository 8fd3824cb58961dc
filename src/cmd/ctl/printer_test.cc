#include "cmd/ctl/printer.h"

#include <gtest/gtest.h>

#include <sstream>

namespace quorate::cmd::ctl {
namespace {

pb::KeyValue kv(std::string_view key, std::string_view value, Revision revision) {
  pb::KeyValue kv;
  kv.key = key;
  kv.value = value;
  kv.create_revision = kv.mod_revision = revision;
  kv.version = 1;
  return kv;
}

pb::ResponseHeader header() {
  pb::ResponseHeader header;
  header.cluster_id = 14841639068965178418u;
  header.member_id = 10276657743932975437u;
  header.revision = 7;
  header.raft_term = 2;
  return header;
}

template <class Message>
std::string simple(const Message& message, bool hex = false, bool values_only = false) {
  std::ostringstream out;
  PrinterSimple printer(out, hex);
  printer.values_only(values_only);
  printer.print(message);
  return out.str();
}

pb::RangeResponse two_keys() {
  pb::RangeResponse response;
  response.header = header();
  response.kvs = {kv("a", "1", 3), kv("b", std::string_view("\0\xFF", 2), 4)};
  response.count = 5;
  response.more = true;
  return response;
}

TEST(PrinterSimple, AKeyAndItsValueAreLinesOfTheirOwn) {
  EXPECT_EQ(simple(two_keys()), std::string("a\n1\nb\n\0\xFF\n", 9));
  EXPECT_EQ(simple(two_keys(), true), "\\x61\n\\x31\n\\x62\n\\x00\\xff\n");
  EXPECT_EQ(simple(two_keys(), true, true), "\\x31\n\\x00\\xff\n");
}

TEST(PrinterSimple, AnswersOfATransactionFollowEmptyLines) {
  pb::TxnResponse response;
  response.succeeded = true;
  response.responses.emplace_back().response = pb::PutResponse{};
  pb::DeleteRangeResponse deleted;
  deleted.deleted = 1;
  deleted.prev_kvs = {kv("a", "1", 3)};
  response.responses.emplace_back().response = std::move(deleted);
  response.responses.emplace_back().response = pb::RangeResponse{};
  EXPECT_EQ(simple(response), "SUCCESS\n\nOK\n\n1\na\n1\n\n");
}

TEST(PrinterSimple, EventsSayWhatHappenedAndProgressHowFarTheServerIs) {
  pb::WatchResponse response;
  response.header = header();
  EXPECT_EQ(simple(response), "progress notify: 7\n");
  response.created = true;
  EXPECT_EQ(simple(response), "");
  response.created = false;
  pb::Event put, gone;
  put.kv = kv("a", "2", 4);
  put.prev_kv = kv("a", "1", 3);
  gone.type = pb::EventType::kDelete;
  gone.kv.key = "a";
  response.events = {put, gone};
  EXPECT_EQ(simple(response), "PUT\na\n1\na\n2\nDELETE\na\n\n");
}

TEST(PrinterSimple, LeasesAreShownInSixteenDigits) {
  std::ostringstream out;
  PrinterSimple printer(out, false);
  pb::LeaseGrantResponse granted;
  granted.id = 0x694d;
  granted.ttl_s = 60;
  printer.print(granted);
  pb::LeaseTimeToLiveResponse left;
  left.id = 0x694d;
  left.ttl_s = 58;
  left.granted_ttl_s = 60;
  left.keys = {"k1", "k2"};
  printer.print(left, false);
  printer.print(left, true);
  left.ttl_s = -1;
  left.granted_ttl_s = 0;
  printer.print(left, true);
  pb::LeaseLeasesResponse leases;
  leases.leases = {0x694d, 1};
  printer.print(leases);
  EXPECT_EQ(out.str(),
            "lease 000000000000694d granted with TTL(60s)\n"
            "lease 000000000000694d granted with TTL(60s), remaining(58s)\n"
            "lease 000000000000694d granted with TTL(60s), remaining(58s), attached keys([k1 k2])\n"
            "lease 000000000000694d already expired\n"
            "found 2 leases\n000000000000694d\n0000000000000001\n");
}

TEST(PrinterFields, EachFieldIsALine) {
  std::ostringstream out;
  pb::RangeResponse response = two_keys();
  response.kvs.pop_back();
  PrinterFields(out, false).print(response);
  EXPECT_EQ(
      out.str(),
      "\"ClusterID\" : 14841639068965178418\n\"MemberID\" : 10276657743932975437\n\"Revision\" : 7\n\"RaftTerm\" : 2\n"
      "\"Key\" : \"a\"\n\"CreateRevision\" : 3\n\"ModRevision\" : 3\n\"Version\" : 1\n\"Value\" : \"1\"\n\"Lease\" : "
      "0\n"
      "\"More\" : true\n\"Count\" : 5\n");
}

TEST(PrinterJson, IsOneLineWithoutDefaults) {
  std::ostringstream out;
  PrinterJson(out).print(two_keys());
  const std::string head =
      "{\"header\":{\"cluster_id\":14841639068965178418,\"member_id\":10276657743932975437,\"revision\":7,\"raft_"
      "term\":2}";
  EXPECT_EQ(
      out.str(),
      head +
          ",\"kvs\":[{\"key\":\"YQ==\",\"create_revision\":3,\"mod_revision\":3,\"version\":1,\"value\":\"MQ==\"},"
          "{\"key\":\"Yg==\",\"create_revision\":4,\"mod_revision\":4,\"version\":1,\"value\":\"AP8=\"}],"
          "\"more\":true,\"count\":5}\n");
  out.str("");
  pb::PutResponse put;
  put.header = header();
  PrinterJson(out).print(put);
  EXPECT_EQ(out.str(), head + "}\n");
}

}  // namespace
}  // namespace quorate::cmd::ctl
