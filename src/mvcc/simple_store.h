// mvcc/simple_store.h: every version of every key, over an ordered map; correctness before speed.
//
// Loop:    core. Not safe for any other.
// Source:  v3 API, sections 4.1 to 4.7 and "Seen in runs"; peer protocol, section 3.5.
// Costs:   a point O(log keys); a range O(keys in it); a change O(log keys); compaction O(changes it covers).
// Invariants:
//   (1) revision() is 1 in a fresh store and rises by one for every request that changes at least one key.
//   (2) A failed request changes nothing.
//   (3) Views in a result stay valid until the next call of a non-const method.
//   (4) History holds every change with a revision of at least compacted(), in order, without gaps.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mvcc/compare.h"
#include "mvcc/key_range.h"
#include "mvcc/lease_book.h"
#include "mvcc/version.h"
#include "pb/rpc.h"

namespace quorate::mvcc {

class SimpleStore {
 public:
  SimpleStore() = default;
  SimpleStore(SimpleStore&&) = default;
  SimpleStore& operator=(SimpleStore&&) = default;
  SimpleStore(const SimpleStore&) = delete;
  SimpleStore& operator=(const SimpleStore&) = delete;

  Revision revision() const { return revision_; }
  Revision compacted() const { return compacted_; }  // -1: never

  // Errors: FutureRev, Compacted, KeyNotFound, LeaseNotFound; the request's shape was checked before (guards).
  // Every response's header has its revision set, and no more.
  Result<pb::RangeResponse> range(const pb::RangeRequest& request) const;
  Result<pb::PutResponse> put(const pb::PutRequest& request, LeaseBook& leases);
  Result<pb::DeleteRangeResponse> delete_range(const pb::DeleteRangeRequest& request, LeaseBook& leases);
  Result<pb::TxnResponse> txn(const pb::TxnRequest& request, LeaseBook& leases);
  // A transaction whose branches hold ranges only; changes nothing.
  Result<pb::TxnResponse> read_txn(const pb::TxnRequest& request) const;
  // Errors: FutureRev, Compacted.
  Status compact(Revision revision);
  // Deletes these keys, where present, in one revision, in key order: a revoked lease's.
  void delete_keys(const std::vector<std::string>& keys, LeaseBook& leases);

  // The events with from <= revision < to whose keys are in `range`, in order, with prev_kv where `prev_kv` is
  // asked for and known. Requires from >= compacted(). Stops before the event
  // of a new revision once `revisions_max` revisions gave events; returns the first revision not looked at.
  Revision events(Revision from, Revision to, const KeyRange& range, bool prev_kv, size_t revisions_max,
                  const std::function<void(const pb::Event&)>& visit) const;

  // Estimated bytes held by keys, values and their versions.
  uint64_t bytes() const { return bytes_; }
  // Keys that exist at revision().
  uint64_t keys() const { return live_; }

 private:
  // One change; its place among those of the same revision is its sub revision.
  struct Change {
    Revision revision;
    Version* version;
  };
  // What one request does: its changes have revision() + 1 and are there at once, revision() follows at its end.
  struct Write {
    LeaseBook& leases;
    Revision revision;
    bool changed = false;

    Revision view() const { return changed ? revision : revision - 1; }
  };

  // Reads.
  Status check_bounds(Revision requested, Revision current) const;
  pb::RangeResponse read(const pb::RangeRequest& request, Revision current) const;
  // Calls `visit` for what is in `range` at `at`, in key order, until it returns false.
  template <class Visit>
  void scan(const KeyRange& range, Revision at, Visit&& visit) const;

  // Writes.
  Write begin(LeaseBook& leases) const { return {leases, revision_ + 1}; }
  void end(const Write& write) {
    if (write.changed) revision_ = write.revision;
  }
  Status check_put(const pb::PutRequest& request, const LeaseBook& leases) const;
  pb::PutResponse put(const pb::PutRequest& request, Write& write);
  pb::DeleteRangeResponse delete_range(const pb::DeleteRangeRequest& request, Write& write);
  void remove(KeyNode& node, Write& write);
  void record(Version* version, Write& write);

  // Transactions.
  bool holds(const pb::Compare& compare) const;
  void decide(const pb::TxnRequest& request, TxnPath& path) const;
  Status check_txn(const pb::TxnRequest& request, TxnPath& path, const LeaseBook& leases,
                   std::vector<KeyRange>& deleted) const;
  Status check_read(const pb::RangeRequest& request) const;
  pb::TxnResponse execute(const pb::TxnRequest& request, TxnPath& path, Write& write);

  // History.
  std::deque<Change>::const_iterator first_change(Revision from) const;  // with a revision of at least `from`
  void drop_older(Version& version);

  std::map<std::string, Chain, std::less<>> chains_;
  std::deque<Change> history_;  // of revisions from compacted() on
  Revision revision_ = 1;
  Revision compacted_ = -1;
  uint64_t live_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace quorate::mvcc
