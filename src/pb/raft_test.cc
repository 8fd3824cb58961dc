// raftpb against generated protobuf, and to the byte.
#include "pb/raft.h"

#include <algorithm>

#include "pb/codec.h"
#include "pb/oracle.h"
#include "pb/wire.h"
#include "raft.pb.h"

namespace quorate::pb {

using oracle::hex_of;
using oracle::same_list;

bool same_ids(const std::vector<MemberId>& hand, const google::protobuf::RepeatedField<uint64_t>& generated) {
  return std::equal(hand.begin(), hand.end(), generated.begin(), generated.end());
}

// Unlike protobuf's C++ the codec keeps the number of an unknown enum: an unknown message must not become a MsgHup.
template <class Enum>
bool same_open_enum(Enum hand, const google::protobuf::Message& message, int field, int generated) {
  const auto& unknown = message.GetReflection()->GetUnknownFields(message);
  for (int i = 0; i < unknown.field_count(); ++i) {
    const auto& found = unknown.field(i);
    if (found.number() == field && found.type() == google::protobuf::UnknownField::TYPE_VARINT) return true;
  }
  return static_cast<int>(hand) == generated;
}

bool same(const Entry& h, const raftpb::Entry& g) {
  return same_open_enum(h.type, g, 1, g.type()) && h.term == g.term() && h.index == g.index() &&
         h.data.view() == g.data();
}
bool same(const HardState& h, const raftpb::HardState& g) {
  return h.term == g.term() && h.vote == g.vote() && h.commit == g.commit();
}
bool same(const ConfState& h, const raftpb::ConfState& g) {
  return same_ids(h.voters, g.voters()) && same_ids(h.learners, g.learners()) &&
         same_ids(h.voters_outgoing, g.voters_outgoing()) && same_ids(h.learners_next, g.learners_next()) &&
         h.auto_leave == g.auto_leave();
}
bool same(const Snapshot& h, const raftpb::Snapshot& g) {
  return h.data.view() == g.data() && same(h.metadata.conf_state, g.metadata().conf_state()) &&
         h.metadata.index == g.metadata().index() && h.metadata.term == g.metadata().term();
}
bool same(const Message& h, const raftpb::Message& g) {
  return same_open_enum(h.type, g, 1, g.type()) && h.to == g.to() && h.from == g.from() && h.term == g.term() &&
         h.log_term == g.logterm() && h.index == g.index() && same_list(h.entries, g.entries()) &&
         h.commit == g.commit() && same(h.snapshot, g.snapshot()) && h.reject == g.reject() &&
         h.reject_hint == g.rejecthint() && h.context.view() == g.context();
}
bool same(const ConfChange& h, const raftpb::ConfChange& g) {
  return h.id == g.id() && same_open_enum(h.type, g, 2, g.type()) && h.node_id == g.node_id() &&
         h.context.view() == g.context();
}

namespace {

// The zeros that are written make the bytes differ from protobuf's, so what is written is parsed again. `responses`
// (14) of a message is never read, so bytes that hold some are compared only where protobuf has no say.
template <class Hand, class Generated>
void expect_raft_agreement(uint64_t seed) {
  google::protobuf::LogSilencer silence;
  Prng prng(seed);
  std::string other;
  for (int round = 0; round < 1000; ++round) {
    Generated message;
    oracle::fill(prng, message);
    if constexpr (std::is_same_v<Generated, raftpb::Message>) message.clear_responses();
    const std::string bytes = message.SerializeAsString();
    Hand hand;
    ASSERT_TRUE(decode(Bytes::copy(bytes), hand));
    ASSERT_TRUE(same(hand, message)) << message.DebugString();
    const std::string written = encode(hand);
    Generated again;
    ASSERT_TRUE(again.ParseFromString(written));
    ASSERT_TRUE(same(hand, again)) << message.DebugString();
    Hand reread;
    ASSERT_TRUE(decode(Bytes::copy(written), reread));
    ASSERT_TRUE(reread == hand);
    for (int trial = 0; trial < 20; ++trial) {
      const std::string damaged = oracle::damage(prng, prng.chance(1, 2) ? bytes : written, other);
      if (oracle::has_odd_varint(damaged)) continue;
      if (std::is_same_v<Generated, raftpb::Message> && oracle::has_field(damaged, 14)) continue;
      Generated parsed;
      const bool accepted = parsed.ParseFromString(damaged);
      Hand seen;
      ASSERT_EQ(decode(Bytes::copy(damaged), seen), accepted) << hex_of(damaged);
      if (!accepted) continue;
      ASSERT_TRUE(same(seen, parsed)) << hex_of(damaged) << "\n" << parsed.DebugString();
    }
    other = bytes;
  }
}

TEST(RaftCodec, AgreesWithProtobufOnEntries) { expect_raft_agreement<Entry, raftpb::Entry>(50); }
TEST(RaftCodec, AgreesWithProtobufOnMessages) { expect_raft_agreement<Message, raftpb::Message>(51); }
TEST(RaftCodec, AgreesWithProtobufOnConfChanges) { expect_raft_agreement<ConfChange, raftpb::ConfChange>(52); }
TEST(RaftCodec, AgreesWithProtobufOnHardStates) { expect_raft_agreement<HardState, raftpb::HardState>(53); }
TEST(RaftCodec, AgreesWithProtobufOnSnapshots) { expect_raft_agreement<Snapshot, raftpb::Snapshot>(54); }

TEST(RaftCodec, WritesZerosToTheByte) {
  EXPECT_EQ(hex_of(encode(Entry{})), "080010001800");
  EXPECT_EQ(hex_of(encode(HardState{})), "080010001800");
  EXPECT_EQ(hex_of(encode(ConfState{})), "2800");
  EXPECT_EQ(hex_of(encode(ConfChange{})), "080010001800");
  EXPECT_EQ(hex_of(encode(Snapshot{})),
            "12080a0228001000"
            "1800");
  EXPECT_EQ(hex_of(encode(Message{})),
            "0800100018002000280030004000500058"
            "00");
}

TEST(RaftCodec, WritesAnAppendToTheByte) {
  Message append_entries;
  append_entries.type = MessageType::kApp;
  append_entries.to = 2;
  append_entries.from = 1;
  append_entries.term = 3;
  append_entries.log_term = 2;
  append_entries.index = 300;
  append_entries.entries.push_back({.type = EntryType::kNormal, .term = 3, .index = 301, .data = Bytes::copy("xy")});
  append_entries.commit = 299;
  append_entries.context = Bytes::copy("c");
  EXPECT_EQ(hex_of(encode(append_entries)),
            "080310021801200328023"
            "0ac023a0b0800100318ad022202787940ab02500058006201"
            "63");
}

TEST(RaftCodec, WritesMemberListsUnpackedAndReadsThemPackedToo) {
  Snapshot snapshot;
  snapshot.metadata.conf_state.voters = {1, 300};
  snapshot.metadata.conf_state.learners = {4};
  snapshot.metadata.index = 9;
  snapshot.metadata.term = 2;
  EXPECT_EQ(hex_of(encode(snapshot)),
            "120f0a090801"
            "08ac0210042800"
            "10091802");
  uint32_t field = 0;
  for (auto list : {&ConfState::voters, &ConfState::learners, &ConfState::voters_outgoing, &ConfState::learners_next}) {
    std::string packed("\x12\x07\x0a\x05\x02\x03\x01\xac\x02", 9);
    packed[4] = static_cast<char>(wire::bytes_tag(++field));
    ASSERT_TRUE(decode(Bytes::copy(packed), snapshot));
    EXPECT_EQ(snapshot.metadata.conf_state.*list, (std::vector<MemberId>{1, 300}));
  }
}

TEST(RaftCodec, KeepsTheNumberOfAnUnknownMessageType) {
  Message message;
  ASSERT_TRUE(decode(Bytes::copy("\x08\x63"), message));
  EXPECT_EQ(static_cast<int>(message.type), 99);
}

TEST(RaftCodec, SkipsTheFieldsThatStayInsideOneMember) {
  Message message;
  ASSERT_TRUE(decode(Bytes::copy("\x10\x02\x68\x05\x72\x02\x10\x07"), message));
  EXPECT_EQ(message.to, 2u);
  EXPECT_TRUE(message.entries.empty());
}

TEST(RaftCodec, WhatIsDecodedSharesTheBuffer) {
  const Entry entry{.term = 1, .index = 2, .data = Bytes::copy("shared")};
  const Bytes buffer = Bytes::adopt(encode(entry));
  Entry decoded;
  ASSERT_TRUE(decode(buffer, decoded));
  EXPECT_EQ(decoded, entry);
  EXPECT_EQ(decoded.data.data(), buffer.data() + buffer.size() - 6);
  EXPECT_EQ(size_of(entry), buffer.size());
}

}  // namespace
}  // namespace quorate::pb
