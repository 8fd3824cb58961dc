// pb/codec.h: hand-written codecs for the hot messages: decode as views, encode into one string.
//
// decode: false for bytes that are no valid message (wire format, bounds, varints over ten bytes, nesting
// deeper than kMaxNesting); unknown fields, and known ones of another wire type, are skipped.
// append: the canonical proto3 form: ascending field numbers, defaults left out; equal to protobuf's bytes.
// Threads: any. Source: protobuf encoding; v3 API, messages.
#pragma once

#include <string>
#include <string_view>

#include "pb/internal.h"
#include "pb/rpc.h"

namespace quorate::pb {

// Of transactions inside transactions. A request may nest them as deep as --max-txn-ops (128), and one that goes
// deeper is refused by the guard with a text of its own, so this is above both; it bounds the stack.
inline constexpr int kMaxNesting = 256;

[[nodiscard]] bool decode(std::string_view bytes, RangeRequest& out);
[[nodiscard]] bool decode(std::string_view bytes, PutRequest& out);
[[nodiscard]] bool decode(std::string_view bytes, DeleteRangeRequest& out);
[[nodiscard]] bool decode(std::string_view bytes, TxnRequest& out);
[[nodiscard]] bool decode(std::string_view bytes, CompactionRequest& out);
[[nodiscard]] bool decode(std::string_view bytes, LeaseGrantRequest& out);
[[nodiscard]] bool decode(std::string_view bytes, LeaseRevokeRequest& out);
[[nodiscard]] bool decode(std::string_view bytes, LeaseCheckpointRequest& out);
[[nodiscard]] bool decode(std::string_view bytes, LeaseKeepAliveRequest& out);
[[nodiscard]] bool decode(std::string_view bytes, LeaseTimeToLiveRequest& out);
[[nodiscard]] bool decode(std::string_view bytes, AlarmRequest& out);
[[nodiscard]] bool decode(std::string_view bytes, ClusterVersionSetRequest& out);
[[nodiscard]] bool decode(std::string_view bytes, ClusterMemberAttrSetRequest& out);
[[nodiscard]] bool decode(std::string_view bytes, WatchRequest& out);
[[nodiscard]] bool decode(std::string_view bytes, KeyValue& out);

[[nodiscard]] bool decode(std::string_view bytes, RangeResponse& out);
[[nodiscard]] bool decode(std::string_view bytes, PutResponse& out);
[[nodiscard]] bool decode(std::string_view bytes, DeleteRangeResponse& out);
[[nodiscard]] bool decode(std::string_view bytes, TxnResponse& out);
[[nodiscard]] bool decode(std::string_view bytes, CompactionResponse& out);
[[nodiscard]] bool decode(std::string_view bytes, LeaseGrantResponse& out);
[[nodiscard]] bool decode(std::string_view bytes, LeaseRevokeResponse& out);
[[nodiscard]] bool decode(std::string_view bytes, LeaseKeepAliveResponse& out);
[[nodiscard]] bool decode(std::string_view bytes, LeaseTimeToLiveResponse& out);
[[nodiscard]] bool decode(std::string_view bytes, LeaseLeasesResponse& out);
[[nodiscard]] bool decode(std::string_view bytes, WatchResponse& out);

void append(const RangeRequest& message, std::string& out);
void append(const PutRequest& message, std::string& out);
void append(const DeleteRangeRequest& message, std::string& out);
void append(const TxnRequest& message, std::string& out);
void append(const CompactionRequest& message, std::string& out);
void append(const LeaseGrantRequest& message, std::string& out);
void append(const LeaseRevokeRequest& message, std::string& out);
void append(const LeaseCheckpointRequest& message, std::string& out);
void append(const LeaseKeepAliveRequest& message, std::string& out);
void append(const LeaseTimeToLiveRequest& message, std::string& out);
void append(const AlarmRequest& message, std::string& out);
void append(const AlarmResponse& message, std::string& out);
void append(const ClusterVersionSetRequest& message, std::string& out);
void append(const ClusterMemberAttrSetRequest& message, std::string& out);
void append(const WatchRequest& message, std::string& out);
void append(const KeyValue& message, std::string& out);
void append(const Event& message, std::string& out);

void append(const RangeResponse& message, std::string& out);
void append(const RangeStreamResponse& message, std::string& out);
void append(const PutResponse& message, std::string& out);
void append(const DeleteRangeResponse& message, std::string& out);
void append(const TxnResponse& message, std::string& out);
void append(const CompactionResponse& message, std::string& out);
void append(const LeaseGrantResponse& message, std::string& out);
void append(const LeaseRevokeResponse& message, std::string& out);
void append(const LeaseKeepAliveResponse& message, std::string& out);
void append(const LeaseTimeToLiveResponse& message, std::string& out);
void append(const LeaseLeasesResponse& message, std::string& out);
void append(const WatchResponse& message, std::string& out);

// The encoded size of what append would write.
size_t size_of(const KeyValue& message);
size_t size_of(const Event& message);
size_t size_of(const RangeResponse& message);

// Appends `event` as one element of WatchResponse.events (tag, length, event), so that one encoding serves many
// streams: a WatchResponse is its other fields followed by such elements.
void append_watch_event(const Event& event, std::string& out);

// The same of `pair` as one element of RangeResponse.kvs.
void append_range_pair(const KeyValue& pair, std::string& out);
size_t size_of_range_pair(const KeyValue& pair);

template <class Message>
std::string encode(const Message& message) {
  std::string out;
  append(message, out);
  return out;
}

}  // namespace quorate::pb
