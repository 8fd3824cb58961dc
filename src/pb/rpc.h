// pb/rpc.h: the hot messages of etcdserverpb and mvccpb, as views into the buffer they were decoded from.
//
// Field names and numbers are the protocol's (v3 API, messages). Absent and default are the same, as proto3 has it.
// A decoded message is valid as long as its buffer; a message to be encoded as long as what its views point at.
// Threads: any; values.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"

namespace quorate::pb {

struct ResponseHeader {
  ClusterId cluster_id = 0;
  MemberId member_id = 0;
  Revision revision = 0;
  Term raft_term = 0;
};

struct KeyValue {
  std::string_view key;
  Revision create_revision = 0;
  Revision mod_revision = 0;
  int64_t version = 0;
  std::string_view value;
  LeaseId lease = 0;
};

enum class EventType : int32_t { kPut = 0, kDelete = 1 };

struct Event {
  EventType type = EventType::kPut;
  KeyValue kv;
  std::optional<KeyValue> prev_kv;
};

// Enums keep the number that came in, also an unknown one.
enum class SortOrder : int32_t { kNone = 0, kAscend = 1, kDescend = 2 };
enum class SortTarget : int32_t { kKey = 0, kVersion = 1, kCreate = 2, kMod = 3, kValue = 4 };

struct RangeRequest {
  std::string_view key, range_end;
  int64_t limit = 0;
  Revision revision = 0;
  SortOrder sort_order = SortOrder::kNone;
  SortTarget sort_target = SortTarget::kKey;
  bool serializable = false, keys_only = false, count_only = false;
  Revision min_mod_revision = 0, max_mod_revision = 0, min_create_revision = 0, max_create_revision = 0;
};

struct RangeResponse {
  std::optional<ResponseHeader> header;
  std::vector<KeyValue> kvs;
  bool more = false;
  int64_t count = 0;
};

// Only ever encoded.
struct RangeStreamResponse {
  RangeResponse range_response;
};

struct PutRequest {
  std::string_view key, value;
  LeaseId lease = 0;
  bool prev_kv = false, ignore_value = false, ignore_lease = false;
};

struct PutResponse {
  std::optional<ResponseHeader> header;
  std::optional<KeyValue> prev_kv;
};

struct DeleteRangeRequest {
  std::string_view key, range_end;
  bool prev_kv = false;
};

struct DeleteRangeResponse {
  std::optional<ResponseHeader> header;
  int64_t deleted = 0;
  std::vector<KeyValue> prev_kvs;
};

struct TxnRequest;
struct TxnResponse;

// The empty state is a RequestOp without any member set.
struct RequestOp {
  std::variant<std::monostate, RangeRequest, PutRequest, DeleteRangeRequest, std::unique_ptr<TxnRequest>> request;
};

struct ResponseOp {
  std::variant<std::monostate, RangeResponse, PutResponse, DeleteRangeResponse, std::unique_ptr<TxnResponse>> response;
};

enum class CompareResult : int32_t { kEqual = 0, kGreater = 1, kLess = 2, kNotEqual = 3 };
enum class CompareTarget : int32_t { kVersion = 0, kCreate = 1, kMod = 2, kValue = 3, kLease = 4 };

struct Compare {
  CompareResult result = CompareResult::kEqual;
  CompareTarget target = CompareTarget::kVersion;
  std::string_view key, range_end;
  // The member of target_union that was set last, by its field number (4 version, 5 create_revision,
  // 6 mod_revision, 7 value, 8 lease), 0 for none. A target reads its own member only; another counts as 0/empty.
  uint32_t union_field = 0;
  int64_t number = 0;      // of version, create_revision, mod_revision or lease
  std::string_view value;  // of value
};

struct TxnRequest {
  std::vector<Compare> compare;
  std::vector<RequestOp> success, failure;
};

struct TxnResponse {
  std::optional<ResponseHeader> header;
  bool succeeded = false;
  std::vector<ResponseOp> responses;
};

struct CompactionRequest {
  Revision revision = 0;
  bool physical = false;
};

struct CompactionResponse {
  std::optional<ResponseHeader> header;
};

struct LeaseGrantRequest {
  int64_t ttl_s = 0;
  LeaseId id = 0;
};

struct LeaseGrantResponse {
  std::optional<ResponseHeader> header;
  LeaseId id = 0;
  int64_t ttl_s = 0;
  std::string_view error;
};

struct LeaseRevokeRequest {
  LeaseId id = 0;
};

struct LeaseRevokeResponse {
  std::optional<ResponseHeader> header;
};

struct LeaseCheckpoint {
  LeaseId id = 0;
  int64_t remaining_ttl_s = 0;
};

struct LeaseCheckpointRequest {
  std::vector<LeaseCheckpoint> checkpoints;
};

struct LeaseKeepAliveRequest {
  LeaseId id = 0;
};

struct LeaseKeepAliveResponse {
  std::optional<ResponseHeader> header;
  LeaseId id = 0;
  int64_t ttl_s = 0;
};

struct LeaseTimeToLiveRequest {
  LeaseId id = 0;
  bool keys = false;
};

struct LeaseTimeToLiveResponse {
  std::optional<ResponseHeader> header;
  LeaseId id = 0;
  int64_t ttl_s = 0;
  int64_t granted_ttl_s = 0;
  std::vector<std::string_view> keys;
};

struct LeaseLeasesResponse {
  std::optional<ResponseHeader> header;
  std::vector<LeaseId> leases;
};

enum class WatchFilter : int32_t { kNoPut = 0, kNoDelete = 1 };

struct WatchCreateRequest {
  std::string_view key, range_end;
  Revision start_revision = 0;
  bool progress_notify = false;
  std::vector<WatchFilter> filters;
  bool prev_kv = false;
  int64_t watch_id = 0;
  bool fragment = false;
};

struct WatchCancelRequest {
  int64_t watch_id = 0;
};

struct WatchProgressRequest {};

struct WatchRequest {
  std::variant<std::monostate, WatchCreateRequest, WatchCancelRequest, WatchProgressRequest> request;
};

struct WatchResponse {
  std::optional<ResponseHeader> header;
  int64_t watch_id = 0;
  bool created = false, canceled = false;
  Revision compact_revision = 0;
  std::string_view cancel_reason;
  bool fragment = false;
  std::vector<Event> events;
};

}  // namespace quorate::pb
