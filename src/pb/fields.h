// pb/fields.h: what the codecs of several subjects share: merges of requests, and the encoders of what others nest.
//
// merge reads fields into a message that may already hold some, as protobuf does with a nested message that comes
// twice: scalars are replaced, lists grow, nested messages merge. For this module's own files.
// Threads: any.
#pragma once

#include <optional>
#include <ranges>
#include <vector>

#include "pb/internal.h"
#include "pb/rpc.h"
#include "pb/wire.h"

namespace quorate::pb {

[[nodiscard]] bool merge(wire::Reader in, ResponseHeader& out);
[[nodiscard]] bool merge(wire::Reader in, KeyValue& out);
[[nodiscard]] bool merge(wire::Reader in, Event& out);
[[nodiscard]] bool merge(wire::Reader in, RangeRequest& out);
[[nodiscard]] bool merge(wire::Reader in, PutRequest& out);
[[nodiscard]] bool merge(wire::Reader in, DeleteRangeRequest& out);
[[nodiscard]] bool merge(wire::Reader in, RangeResponse& out);
[[nodiscard]] bool merge(wire::Reader in, PutResponse& out);
[[nodiscard]] bool merge(wire::Reader in, DeleteRangeResponse& out);
[[nodiscard]] bool merge(wire::Reader in, CompactionRequest& out);
// `nesting` counts the transactions around this one.
[[nodiscard]] bool merge(wire::Reader in, TxnRequest& out, int nesting = 0);
[[nodiscard]] bool merge(wire::Reader in, LeaseGrantRequest& out);
[[nodiscard]] bool merge(wire::Reader in, LeaseRevokeRequest& out);
[[nodiscard]] bool merge(wire::Reader in, LeaseCheckpointRequest& out);
[[nodiscard]] bool merge(wire::Reader in, AlarmRequest& out);
[[nodiscard]] bool merge(wire::Reader in, ClusterVersionSetRequest& out);
[[nodiscard]] bool merge(wire::Reader in, ClusterMemberAttrSetRequest& out);

template <class Message>
bool decode_message(std::string_view bytes, Message& out) {
  out = Message{};
  return merge(wire::Reader(bytes), out);
}

// Merges the nested message that `in` stands at into `out`.
template <class Message>
[[gnu::always_inline]] inline void read_message(wire::Reader& in, Message& out) {
  in.require(merge(in.message(), out));
}
template <class Message>
void read_message(wire::Reader& in, std::optional<Message>& out) {
  if (!out) out.emplace();
  in.require(merge(in.message(), *out));
}
template <class Message>
void read_message(wire::Reader& in, std::vector<Message>& out) {
  in.require(merge(in.message(), out.emplace_back()));
}

// The member of a variant: kept when it is the one already there, as a repeated member of a oneof merges.
template <class Member, class Variant>
Member& member_of(Variant& variant) {
  if (Member* there = std::get_if<Member>(&variant)) return *there;
  return variant.template emplace<Member>();
}

template <class Sink, class Message>
void emit_optional(Sink& sink, uint32_t field, const std::optional<Message>& message) {
  if (message) sink.message(field, *message);
}
template <class Sink, class Message>
void emit_each(Sink& sink, uint32_t field, const std::vector<Message>& messages) {
  for (const Message& message : messages | std::views::reverse) sink.message(field, message);
}

template <class Sink>
void emit(Sink& sink, const ResponseHeader& m) {
  sink.number(4, m.raft_term);
  sink.number(3, m.revision);
  sink.number(2, m.member_id);
  sink.number(1, m.cluster_id);
}

template <class Sink>
[[gnu::always_inline]] inline void emit(Sink& sink, const KeyValue& m) {
  sink.number(6, m.lease);
  sink.bytes(5, m.value);
  sink.number(4, m.version);
  sink.number(3, m.mod_revision);
  sink.number(2, m.create_revision);
  sink.bytes(1, m.key);
}

// `kv` is written also when it is empty: etcd always sets it.
template <class Sink>
void emit(Sink& sink, const Event& m) {
  emit_optional(sink, 3, m.prev_kv);
  sink.message(2, m.kv);
  sink.number(1, m.type);
}

template <class Sink>
void emit(Sink& sink, const RangeRequest& m) {
  sink.number(13, m.max_create_revision);
  sink.number(12, m.min_create_revision);
  sink.number(11, m.max_mod_revision);
  sink.number(10, m.min_mod_revision);
  sink.number(9, m.count_only);
  sink.number(8, m.keys_only);
  sink.number(7, m.serializable);
  sink.number(6, m.sort_target);
  sink.number(5, m.sort_order);
  sink.number(4, m.revision);
  sink.number(3, m.limit);
  sink.bytes(2, m.range_end);
  sink.bytes(1, m.key);
}

inline constexpr uint32_t kPairsField = 2;

template <class Sink>
void emit(Sink& sink, const RangeResponse& m) {
  sink.number(4, m.count);
  sink.number(3, m.more);
  emit_each(sink, kPairsField, m.kvs);
  emit_optional(sink, 1, m.header);
}

template <class Sink>
void emit(Sink& sink, const PutRequest& m) {
  sink.number(6, m.ignore_lease);
  sink.number(5, m.ignore_value);
  sink.number(4, m.prev_kv);
  sink.number(3, m.lease);
  sink.bytes(2, m.value);
  sink.bytes(1, m.key);
}

template <class Sink>
void emit(Sink& sink, const PutResponse& m) {
  emit_optional(sink, 2, m.prev_kv);
  emit_optional(sink, 1, m.header);
}

template <class Sink>
void emit(Sink& sink, const DeleteRangeRequest& m) {
  sink.number(3, m.prev_kv);
  sink.bytes(2, m.range_end);
  sink.bytes(1, m.key);
}

template <class Sink>
void emit(Sink& sink, const DeleteRangeResponse& m) {
  emit_each(sink, 3, m.prev_kvs);
  sink.number(2, m.deleted);
  emit_optional(sink, 1, m.header);
}

}  // namespace quorate::pb
