// The payload of log entries against generated protobuf, and to the byte.
#include "pb/internal.h"

#include <algorithm>
#include <utility>

#include "pb/oracle.h"
#include "raft_internal.pb.h"

namespace quorate::pb {

using oracle::expect_agreement;
using oracle::hex_of;
using oracle::same_enum;
using oracle::same_list;

bool same(const AlarmRequest& h, const etcdserverpb::AlarmRequest& g) {
  return same_enum(h.action, g.action()) && h.member_id == g.memberid() && same_enum(h.alarm, g.alarm());
}
bool same(const ClusterVersionSetRequest& h, const membershippb::ClusterVersionSetRequest& g) {
  return h.version == g.ver();
}
bool same(const ClusterMemberAttrSetRequest& h, const membershippb::ClusterMemberAttrSetRequest& g) {
  return h.member_id == g.member_id() && h.name == g.member_attributes().name() &&
         same_list(h.client_urls, g.member_attributes().client_urls());
}

namespace {

TEST(InternalCodec, AgreesWithProtobufOnPayloadsOfItsOwn) {
  expect_agreement<AlarmRequest, etcdserverpb::AlarmRequest>(40);
  expect_agreement<ClusterVersionSetRequest, membershippb::ClusterVersionSetRequest>(41);
  expect_agreement<ClusterMemberAttrSetRequest, membershippb::ClusterMemberAttrSetRequest>(42);
}

TEST(InternalCodec, WritesAlarmsAsProtobufDoes) {
  AlarmResponse hand;
  etcdserverpb::AlarmResponse generated;
  EXPECT_EQ(encode(hand), generated.SerializeAsString());
  hand.header = ResponseHeader{.cluster_id = 1, .member_id = 2, .revision = 3, .raft_term = 4};
  generated.mutable_header()->set_cluster_id(1);
  generated.mutable_header()->set_member_id(2);
  generated.mutable_header()->set_revision(3);
  generated.mutable_header()->set_raft_term(4);
  for (const auto& [type, member] : {Alarm(AlarmType::kNoSpace, 0), Alarm(static_cast<AlarmType>(-1), 300)}) {
    hand.alarms.emplace_back(type, member);
    generated.add_alarms()->set_memberid(member);
    generated.mutable_alarms()->rbegin()->set_alarm(static_cast<etcdserverpb::AlarmType>(type));
  }
  EXPECT_EQ(hex_of(encode(hand)), hex_of(generated.SerializeAsString()));
}

// The payload's field number and its bytes: what encode_internal was given.
std::pair<uint32_t, std::string> payload_of(const etcdserverpb::InternalRaftRequest& g) {
  const auto& reflection = *g.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> set;
  reflection.ListFields(g, &set);
  for (const auto* field : set) {
    if (field->name() == "ID" || field->name() == "header") continue;
    return {static_cast<uint32_t>(field->number()), reflection.GetMessage(g, field).SerializeAsString()};
  }
  return {0, ""};
}

// Encodes the struct again, so that the bytes tell whether it holds what the payload said.
std::string body_of(const InternalRequest& request) {
  return std::visit(
      []<class Body>(const Body& body) {
        if constexpr (std::is_same_v<Body, std::monostate>) {
          return std::string();
        } else {
          return encode(body);
        }
      },
      request.body);
}

bool has_struct(uint32_t payload) { return (payload >= 3 && payload <= 11) || payload == 1300 || payload == 1301; }

// A request with one payload of every kind that etcd knows.
std::vector<etcdserverpb::InternalRaftRequest> one_of_each(Prng& prng) {
  etcdserverpb::InternalRaftRequest all;
  oracle::fill(prng, all);
  all.mutable_header();
  std::vector<etcdserverpb::InternalRaftRequest> requests;
  const auto& descriptor = *all.GetDescriptor();
  for (int kept = 0; kept < descriptor.field_count(); ++kept) {
    const auto* field = descriptor.field(kept);
    if (field->name() == "ID" || field->name() == "header" || !all.GetReflection()->HasField(all, field)) continue;
    etcdserverpb::InternalRaftRequest one;
    *one.mutable_header() = all.header();
    one.GetReflection()->MutableMessage(&one, field)->CopyFrom(all.GetReflection()->GetMessage(all, field));
    requests.push_back(std::move(one));
  }
  return requests;
}

TEST(InternalCodec, DecodesEveryPayloadThatEtcdWritesAndNamesThoseItHasNoStructFor) {
  Prng prng(43);
  for (int round = 0; round < 100; ++round) {
    for (const auto& g : one_of_each(prng)) {
      const std::string bytes = g.SerializeAsString();
      InternalRequest request;
      ASSERT_TRUE(decode(bytes, request)) << g.DebugString();
      EXPECT_EQ(request.id, g.header().id());
      EXPECT_EQ(request.username, g.header().username());
      EXPECT_EQ(request.auth_revision, g.header().auth_revision());
      const auto [number, body] = payload_of(g);
      EXPECT_EQ(static_cast<uint32_t>(request.payload), number);
      EXPECT_EQ(hex_of(body_of(request)), hex_of(has_struct(number) ? body : "")) << g.DebugString();
    }
  }
}

TEST(InternalCodec, EncodesWhatProtobufEncodesForEveryPayload) {
  Prng prng(44);
  for (auto& g : one_of_each(prng)) {
    const auto [number, body] = payload_of(g);
    g.clear_header();
    g.mutable_header()->set_id(prng.next());
    EXPECT_EQ(hex_of(encode_internal(g.header().id(), static_cast<Payload>(number), body)),
              hex_of(g.SerializeAsString()));
  }
}

// Payloads that have a struct; two of them at once are refused, though protobuf takes them.
int structs_in(const etcdserverpb::InternalRaftRequest& g) {
  std::vector<const google::protobuf::FieldDescriptor*> set;
  g.GetReflection()->ListFields(g, &set);
  return static_cast<int>(std::count_if(
      set.begin(), set.end(), [](const auto* field) { return has_struct(static_cast<uint32_t>(field->number())); }));
}

// Payloads without a struct are not looked into.
bool has_other_payload(std::string_view bytes) {
  for (int number = 2; number < 10'000; ++number) {
    if (number != 100 && !has_struct(static_cast<uint32_t>(number)) && oracle::has_field(bytes, number)) return true;
  }
  return false;
}

TEST(InternalCodec, ComesToProtobufsVerdictOnDamagedBytes) {
  google::protobuf::LogSilencer silence;
  Prng prng(45);
  std::string other;
  for (int round = 0; round < 300; ++round) {
    for (const auto& g : one_of_each(prng)) {
      const auto payload = payload_of(g);
      if (!has_struct(payload.first)) continue;
      const std::string bytes = g.SerializeAsString();
      const std::string damaged = oracle::damage(prng, bytes, other);
      other = bytes;
      if (oracle::has_odd_varint(damaged)) continue;
      etcdserverpb::InternalRaftRequest parsed;
      const bool accepted = parsed.ParseFromString(damaged);
      InternalRequest seen;
      const bool decoded = decode(damaged, seen);
      if (accepted != decoded && has_other_payload(damaged)) continue;
      ASSERT_EQ(decoded, accepted && structs_in(parsed) <= 1) << hex_of(damaged);
      if (!decoded) continue;
      EXPECT_EQ(seen.username, parsed.header().username());
      EXPECT_EQ(seen.id, parsed.has_header() ? parsed.header().id() : parsed.id());
      if (structs_in(parsed) == 0) continue;
      etcdserverpb::InternalRaftRequest again;
      ASSERT_TRUE(again.ParseFromString(encode_internal(1, seen.payload, body_of(seen))));
      parsed.DiscardUnknownFields();
      if (parsed.has_cluster_member_attr_set()) parsed.mutable_cluster_member_attr_set()->mutable_member_attributes();
      if (has_other_payload(damaged)) continue;
      EXPECT_EQ(hex_of(payload_of(again).second), hex_of(payload_of(parsed).second));
    }
  }
}

TEST(InternalCodec, APutIsToTheByteWhatEtcdLogs) {
  EXPECT_EQ(hex_of(encode_internal(5, Payload::kPut, "\x0a\x01k\x12\x01v")), "22060a016b120176a206020805");
  EXPECT_EQ(hex_of(encode_internal(300, Payload::kClusterVersionSet,
                                   "\x0a\x05"
                                   "3.7.0")),
            "a2060308ac02a251070a05332e372e30");
}

TEST(InternalCodec, TheLegacyIdCountsWhereThereIsNoHeader) {
  InternalRequest request;
  ASSERT_TRUE(decode("\x08\x07", request));
  EXPECT_EQ(request.id, 7u);
  ASSERT_TRUE(decode(std::string_view("\x08\x07\xa2\x06\x02\x08\x09", 7), request));
  EXPECT_EQ(request.id, 9u);
  EXPECT_EQ(request.payload, Payload::kNone);
}

TEST(InternalCodec, RefusesTwoPayloadsAndIgnoresAnExtensionBesideOne) {
  InternalRequest request;
  const std::string put = "\x22\x03\x0a\x01k";
  const std::string revoke = "\x4a\x02\x08\x01";
  const std::string extension = "\x82\xf1\x04\x01x";  // field 10000
  EXPECT_FALSE(decode(put + revoke, request));
  for (const std::string& bytes : {put + extension, extension + put}) {
    ASSERT_TRUE(decode(bytes, request));
    EXPECT_EQ(request.payload, Payload::kPut);
    EXPECT_EQ(std::get<PutRequest>(request.body).key, "k");
  }
  ASSERT_TRUE(decode(extension, request));
  EXPECT_EQ(static_cast<uint32_t>(request.payload), 10'000u);
}

TEST(InternalCodec, RefusesNamesThatAreNotUtf8) {
  InternalRequest request;
  EXPECT_TRUE(decode("\xa2\x06\x04\x12\x02\xc3\xa9", request));
  EXPECT_FALSE(decode("\xa2\x06\x04\x12\x02\xc3\x28", request));
}

}  // namespace
}  // namespace quorate::pb
