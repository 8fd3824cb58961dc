#include "pb/internal.h"

#include "pb/codec.h"
#include "pb/fields.h"

namespace quorate::pb {

using wire::bytes_tag;
using wire::Reader;
using wire::varint_tag;

namespace {

constexpr uint32_t kHeaderField = 100;

constexpr uint32_t payload_tag(Payload payload) { return bytes_tag(static_cast<uint32_t>(payload)); }

// membershippb.Attributes, which ClusterMemberAttrSetRequest holds flat.
bool merge_attributes(Reader in, ClusterMemberAttrSetRequest& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case bytes_tag(1): in.text(out.name); break;
      case bytes_tag(2): in.text(out.client_urls.emplace_back()); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

// RequestHeader.
bool merge_header(Reader in, InternalRequest& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case varint_tag(1): in.number(out.id); break;
      case bytes_tag(2): in.text(out.username); break;
      case varint_tag(3): in.number(out.auth_revision); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

// A second payload of another kind is refused: which of the two to apply would be a guess.
template <class Body>
void read_body(Reader& in, Payload payload, InternalRequest& out) {
  const bool first = std::holds_alternative<std::monostate>(out.body);
  in.require(first || std::holds_alternative<Body>(out.body));
  if (!in.ok()) return;
  out.payload = payload;
  read_message(in, member_of<Body>(out.body));
}

// A message that has no struct here is the payload unless one that has comes as well: then it is an extension
// that may be ignored.
void read_unknown(Reader& in, uint32_t tag, InternalRequest& out) {
  in.skip(tag);
  const bool is_message = wire::type_of(tag) == wire::Type::kBytes;
  if (is_message && out.payload == Payload::kNone) out.payload = static_cast<Payload>(wire::field_of(tag));
}

bool merge(Reader in, InternalRequest& out) {
  RequestId legacy_id = 0;
  bool has_header = false;
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case varint_tag(1): in.number(legacy_id); break;
      case bytes_tag(kHeaderField):
        in.require(merge_header(in.message(), out));
        has_header = true;
        break;
      case payload_tag(Payload::kRange): read_body<RangeRequest>(in, Payload::kRange, out); break;
      case payload_tag(Payload::kPut): read_body<PutRequest>(in, Payload::kPut, out); break;
      case payload_tag(Payload::kDeleteRange): read_body<DeleteRangeRequest>(in, Payload::kDeleteRange, out); break;
      case payload_tag(Payload::kTxn): read_body<TxnRequest>(in, Payload::kTxn, out); break;
      case payload_tag(Payload::kCompaction): read_body<CompactionRequest>(in, Payload::kCompaction, out); break;
      case payload_tag(Payload::kLeaseGrant): read_body<LeaseGrantRequest>(in, Payload::kLeaseGrant, out); break;
      case payload_tag(Payload::kLeaseRevoke): read_body<LeaseRevokeRequest>(in, Payload::kLeaseRevoke, out); break;
      case payload_tag(Payload::kAlarm): read_body<AlarmRequest>(in, Payload::kAlarm, out); break;
      case payload_tag(Payload::kLeaseCheckpoint):
        read_body<LeaseCheckpointRequest>(in, Payload::kLeaseCheckpoint, out);
        break;
      case payload_tag(Payload::kClusterVersionSet):
        read_body<ClusterVersionSetRequest>(in, Payload::kClusterVersionSet, out);
        break;
      case payload_tag(Payload::kClusterMemberAttrSet):
        read_body<ClusterMemberAttrSetRequest>(in, Payload::kClusterMemberAttrSet, out);
        break;
      default: read_unknown(in, tag, out);
    }
  }
  if (!has_header) out.id = legacy_id;
  return in.ok();
}

}  // namespace

bool merge(Reader in, AlarmRequest& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case varint_tag(1): in.number(out.action); break;
      case varint_tag(2): in.number(out.member_id); break;
      case varint_tag(3): in.number(out.alarm); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

bool merge(Reader in, ClusterVersionSetRequest& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    if (tag == bytes_tag(1)) {
      in.text(out.version);
    } else {
      in.skip(tag);
    }
  }
  return in.ok();
}

bool merge(Reader in, ClusterMemberAttrSetRequest& out) {
  uint32_t tag = 0;
  while (in.next(tag)) {
    switch (tag) {
      case varint_tag(1): in.number(out.member_id); break;
      case bytes_tag(2): in.require(merge_attributes(in.message(), out)); break;
      default: in.skip(tag);
    }
  }
  return in.ok();
}

template <class Sink>
void emit(Sink& sink, const AlarmRequest& m) {
  sink.number(3, m.alarm);
  sink.number(2, m.member_id);
  sink.number(1, m.action);
}

template <class Sink>
void emit(Sink& sink, const AlarmResponse& m) {
  for (const auto& [type, member] : m.alarms | std::views::reverse) {
    sink.nest(2, [&] {
      sink.number(2, type);
      sink.number(1, member);
    });
  }
  emit_optional(sink, 1, m.header);
}

template <class Sink>
void emit(Sink& sink, const ClusterVersionSetRequest& m) {
  sink.bytes(1, m.version);
}

// The attributes are written also when they are empty: etcd's members read them without a look.
template <class Sink>
void emit(Sink& sink, const ClusterMemberAttrSetRequest& m) {
  sink.nest(2, [&] {
    for (std::string_view url : m.client_urls | std::views::reverse) sink.always_bytes(2, url);
    sink.bytes(1, m.name);
  });
  sink.number(1, m.member_id);
}

bool decode(std::string_view bytes, AlarmRequest& out) { return decode_message(bytes, out); }
bool decode(std::string_view bytes, ClusterVersionSetRequest& out) { return decode_message(bytes, out); }
bool decode(std::string_view bytes, ClusterMemberAttrSetRequest& out) { return decode_message(bytes, out); }
bool decode(std::string_view bytes, InternalRequest& out) {
  out = InternalRequest{};
  return merge(Reader(bytes), out);
}

void append(const AlarmRequest& message, std::string& out) { wire::append_message(message, out); }
void append(const AlarmResponse& message, std::string& out) { wire::append_message(message, out); }
void append(const ClusterVersionSetRequest& message, std::string& out) { wire::append_message(message, out); }
void append(const ClusterMemberAttrSetRequest& message, std::string& out) { wire::append_message(message, out); }

struct EncodedPayload {
  RequestId id;
  uint32_t field;
  std::string_view body;
};

template <class Sink>
void emit(Sink& sink, const EncodedPayload& m) {
  if (m.field > kHeaderField) sink.always_bytes(m.field, m.body);
  sink.nest(kHeaderField, [&] { sink.number(1, m.id); });
  if (m.field < kHeaderField) sink.always_bytes(m.field, m.body);
}

std::string encode_internal(RequestId id, Payload payload, std::string_view body) {
  CHECK(payload != Payload::kNone && static_cast<uint32_t>(payload) != kHeaderField);
  std::string out;
  wire::append_message(EncodedPayload{id, static_cast<uint32_t>(payload), body}, out);
  return out;
}

}  // namespace quorate::pb
