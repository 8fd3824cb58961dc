// machine/guard.h: what a request must fulfil before it is proposed or read: shape, sizes, limits.
//
// Pure functions of the request and the limits; in etcd's order of checks (v3 API, sections 4 and 12).
// Threads: any.
#pragma once

#include "base/status.h"
#include "pb/rpc.h"

namespace quorate::machine {

struct GuardLimits {
  size_t max_txn_ops = 128;              // --max-txn-ops
  size_t max_request_bytes = 1'572'864;  // --max-request-bytes, of the encoded InternalRaftRequest
};

Status check(const pb::RangeRequest& request);
Status check(const pb::PutRequest& request);
Status check(const pb::DeleteRangeRequest& request);
Status check(const pb::TxnRequest& request, const GuardLimits& limits);
// Whether every operation of both branches is a range (a nested transaction is not): it then needs no log.
bool is_read_only(const pb::TxnRequest& request);
// Whether a read-only transaction is serializable: all of its ranges are (an empty one is).
bool is_serializable(const pb::TxnRequest& request);
// Whether a put is in either branch, at any depth.
bool has_put(const pb::TxnRequest& request);

}  // namespace quorate::machine
