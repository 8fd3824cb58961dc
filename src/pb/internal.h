// pb/internal.h: what a log entry carries: etcdserverpb.InternalRaftRequest (peer protocol, section 3.2).
//
// Views into the entry's data. Exactly one payload; one that we do not know decodes as std::monostate with
// its field number, and is refused at apply.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "pb/rpc.h"

namespace quorate::pb {

enum class AlarmAction : int32_t { kGet = 0, kActivate = 1, kDeactivate = 2 };
enum class AlarmType : int32_t { kNone = 0, kNoSpace = 1, kCorrupt = 2 };

struct AlarmRequest {
  AlarmAction action = AlarmAction::kGet;
  MemberId member_id = 0;
  AlarmType alarm = AlarmType::kNone;
};

using Alarm = std::pair<AlarmType, MemberId>;

// Written only: nobody here reads one.
struct AlarmResponse {
  std::optional<ResponseHeader> header;
  std::vector<Alarm> alarms;
};

struct ClusterVersionSetRequest {
  std::string_view version;  // "3.7.0"
};

struct ClusterMemberAttrSetRequest {
  MemberId member_id = 0;
  std::string_view name;
  std::vector<std::string_view> client_urls;
};

// The payload's field number in InternalRaftRequest.
enum class Payload : uint32_t {
  kNone = 0,
  kRange = 3,
  kPut = 4,
  kDeleteRange = 5,
  kTxn = 6,
  kCompaction = 7,
  kLeaseGrant = 8,
  kLeaseRevoke = 9,
  kAlarm = 10,
  kLeaseCheckpoint = 11,
  kClusterVersionSet = 1300,
  kClusterMemberAttrSet = 1301,
};

struct InternalRequest {
  RequestId id = 0;                  // header.ID, or the legacy ID field where there is no header
  std::string_view username;         // header.username
  uint64_t auth_revision = 0;        // header.auth_revision
  Payload payload = Payload::kNone;  // also of kinds that have no struct here
  std::variant<std::monostate, RangeRequest, PutRequest, DeleteRangeRequest, TxnRequest, CompactionRequest,
               LeaseGrantRequest, LeaseRevokeRequest, AlarmRequest, LeaseCheckpointRequest, ClusterVersionSetRequest,
               ClusterMemberAttrSetRequest>
      body;
};

[[nodiscard]] bool decode(std::string_view bytes, InternalRequest& out);

// One InternalRaftRequest whose payload is already encoded: the bytes of a client's request travel into the
// log as they came.
std::string encode_internal(RequestId id, Payload payload, std::string_view body);

}  // namespace quorate::pb
