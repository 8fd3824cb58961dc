// machine/tally.h: what an applied request did to the store, counted in operations; for metrics alone.
//
// Threads: any; a value.
// Source:  server, section 3.2 (etcd_mvcc_*). As etcd's store counts: operations of a transaction one by one, a
//          comparison and what asks for a previous value as a range, and a pass over the store as a transaction when
//          it has not exactly one operation. A transaction that writes is two passes: its comparisons, its operations.
#pragma once

#include <cstddef>

#include "pb/internal.h"

namespace quorate::machine {

struct Tally {
  size_t ranges = 0, puts = 0, deletes = 0, txns = 0;
  size_t put_bytes = 0;  // of keys and values
};

Tally tally(const pb::PutRequest& request);
Tally tally(const pb::DeleteRangeRequest& request);
// `response` is what `request` was answered: it says which branch ran.
Tally tally(const pb::TxnRequest& request, const pb::TxnResponse& response);
// Of a lease with so many keys that was revoked.
Tally tally_of_revoke(size_t keys);

}  // namespace quorate::machine
