// mvcc/store.h: every version of every key: revisions, ranges, transactions, history.
//
// Loop:    core. Not safe for any other.
// Source:  v3 API, sections 4 and 5 and "Seen in runs"; peer protocol, sections 3.5 and 3.6.
// Costs:   a point O(1); a range O(log keys) and what it returns; count of any range at the current revision
//          O(log keys); a change O(log keys), of a key that lives O(1); compaction O(changes it covers), in steps.
// Invariants:
//   (1) revision() is 1 in a fresh store and rises by one for every request that changes at least one key.
//   (2) A failed request changes nothing.
//   (3) Views in a result stay valid until the next call of a non-const method.
//   (4) History holds every change with a revision of at least compacted(), in order, without gaps.
//   (5) What callers see does not depend on how far the physical part of a compaction has come.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mvcc/compaction.h"
#include "mvcc/compare.h"
#include "mvcc/key_range.h"
#include "mvcc/keyspace.h"
#include "mvcc/lease_book.h"
#include "pb/rpc.h"

namespace quorate::mvcc {

struct StoreOptions {
  uint64_t hash_seed = 0x51ed270b35ae1f6d;  // of the index by hash; seen by nobody, and not to be guessed by clients
  bool compaction_hashes = true;            // note a hash at each compaction, for HashKV, as etcd does
};

class Store {
 public:
  explicit Store(const StoreOptions& options = {});
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // What readers see: everything up to here and nothing after it, whatever a LongWrite has done already. Every read,
  // event, hash and header takes it from here.
  Revision revision() const { return revision_; }
  Revision compacted() const { return compacted_; }  // -1: never

  // Errors: FutureRev, Compacted, KeyNotFound, LeaseNotFound; the request's shape was checked before (guards).
  // Every response's header has its revision set, and no more.
  Result<pb::RangeResponse> range(const pb::RangeRequest& request) const;
  // Whether such a range is known to look at `keys` at most. O(log keys).
  bool looks_at_few(const pb::RangeRequest& request, size_t keys) const;
  Result<pb::PutResponse> put(const pb::PutRequest& request, LeaseBook& leases);
  Result<pb::DeleteRangeResponse> delete_range(const pb::DeleteRangeRequest& request, LeaseBook& leases);
  Result<pb::TxnResponse> txn(const pb::TxnRequest& request, LeaseBook& leases);
  // A transaction whose branches hold ranges only; changes nothing.
  Result<pb::TxnResponse> read_txn(const pb::TxnRequest& request) const;
  // Deletes these keys, where present, in one revision, in key order: a revoked lease's.
  void delete_keys(const std::vector<std::string>& keys, LeaseBook& leases);

  // From its return on, reads below `revision` are refused; step_compaction() does the rest.
  // Errors: FutureRev, Compacted.
  Status compact(Revision revision);
  // Works on the compactions asked for; `budget` is in records, about 100 ns each.
  Progress step_compaction(size_t budget) { return compaction_.step(budget); }
  bool compacting() const { return !compaction_.idle(); }

  // The events with from <= revision < to whose keys are in `range`, in order, with prev_kv where `prev_kv` is
  // asked for and known. Requires from >= compacted(). Stops before the event
  // of a new revision once `revisions_max` revisions gave events; returns the first revision not looked at.
  Revision events(Revision from, Revision to, const KeyRange& range, bool prev_kv, size_t revisions_max,
                  const std::function<void(const pb::Event&)>& visit) const;

  // Estimated bytes held by keys, values and their versions (Keyspace::bytes).
  uint64_t bytes() const { return space_.bytes(); }
  // What a bbolt file would take for every version (bolt_size.h).
  uint64_t bolt_bytes() const { return space_.bolt_bytes(); }
  // What they take in fact, on this one.
  size_t held_bytes() const { return space_.held_bytes(); }
  // Keys that exist at revision().
  uint64_t keys() const { return writing_ ? keys_before_ : space_.live(); }

  // At most so many keys the request would delete now. O(log keys) for each of its ranges.
  uint64_t deleted_by(const pb::DeleteRangeRequest& request) const;
  uint64_t deleted_by(const pb::TxnRequest& request) const;

  // The last LongWrite that was published: its revision (0: there was none), and the first and the last key that it
  // changed.
  struct Span {
    Revision revision = 0;
    std::string first, last;
    bool meets(const KeyRange& range) const;
  };
  const Span& last_long() const { return last_long_; }

 private:
  friend class RangeCursor;
  friend class RangeWriter;
  friend class LongWrite;
  friend class LongTxn;
  friend class KeysDeletion;
  friend class KeyHasher;
  friend class Pin;
  friend class StoreLoader;
  friend class StoreWalk;

  // What one request does: its changes have revision() + 1 and are there at once, revision() follows at its end.
  struct Write {
    LeaseBook& leases;
    Revision revision;
    uint32_t changes = 0;

    Revision view() const { return changes != 0 ? revision : revision - 1; }
  };

  // Reads.
  Status check_bounds(Revision requested) const;
  pb::RangeResponse read(const pb::RangeRequest& request, Revision current) const;

  // Writes.
  Write begin(LeaseBook& leases) const;
  void end(const Write& write) { revision_ = write.view(); }
  Status check_put(const pb::PutRequest& request, const LeaseBook& leases) const;
  pb::PutResponse put(const pb::PutRequest& request, Write& write);
  pb::DeleteRangeResponse delete_range(const pb::DeleteRangeRequest& request, Write& write);
  void remove(const KeyTree::Place& place, Write& write);

  // Events.
  using Visit = std::function<void(const pb::Event&)>;
  void tell(const Record& record, bool prev_kv, const Visit& visit) const;
  // The changes of the last LongWrite in `range`, found by their keys where those are few; false where they are not.
  bool tell_long(const KeyRange& range, bool prev_kv, bool& any, const Visit& visit) const;

  // Transactions.
  // What the key was at revision(), which is the newest unless a LongWrite is under way.
  const Record* seen(const Key& key) const;
  bool holds(const pb::Compare& compare) const;
  void decide(const pb::TxnRequest& request, TxnPath& path) const;
  // Decides and checks all of it; `path` is ready to be walked then.
  Status check_txn(const pb::TxnRequest& request, TxnPath& path, const LeaseBook& leases) const;
  Status check_ops(const pb::TxnRequest& request, TxnPath& path, const LeaseBook& leases,
                   std::vector<KeyRange>& deleted) const;
  Status check_read(const pb::RangeRequest& request) const;
  pb::TxnResponse execute(const pb::TxnRequest& request, TxnPath& path, Write& write);

  Keyspace space_;
  mutable Pins pins_;  // a reader may hold records, and changes nothing
  Compaction compaction_;
  Revision revision_ = 1;
  Revision compacted_ = -1;
  bool writing_ = false;      // a LongWrite is under way
  uint64_t keys_before_ = 0;  // that
  Span last_long_;
};

}  // namespace quorate::mvcc
