// mvcc/simple_store.h: every version of every key, over an ordered map; correctness before speed.
//
// Loop:    core. Not safe for any other.
// Source:  v3 API, sections 4.1 to 4.7 and "Seen in runs"; peer protocol, section 3.5.
// Invariants:
//   (1) revision() is 1 in a fresh store and rises by one for every request that changes at least one key.
//   (2) A failed request changes nothing.
//   (3) Views in a result stay valid until the next call of a non-const method.
//   (4) History holds every change with a revision above compacted(), in order, without gaps.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pb/rpc.h"

namespace quorate::mvcc {

// A range of keys, by the rules of v3 API 4.1. KV, Watch, Compare and later permissions share this one type.
struct KeyRange {
  std::string_view key;
  std::string_view end;  // empty: only `key`; one zero byte: everything from `key`

  bool contains(std::string_view candidate) const;
  bool single() const { return end.empty(); }
  bool open_ended() const { return end == std::string_view("\0", 1); }
  // Whether no key can be inside.
  bool never() const { return !single() && !open_ended() && end <= key; }
};

// Which lease a key belongs to, and which leases there are; the lessor, seen from the store.
class LeaseBook {
 public:
  virtual ~LeaseBook() = default;
  virtual bool exists(LeaseId lease) const = 0;
  // Called as keys change. `from` and `to` are 0 for none, and differ.
  virtual void move_key(std::string_view key, LeaseId from, LeaseId to) = 0;
};

// One change, as history keeps it.
struct Change {
  Revision revision = 0;  // main
  int64_t sub = 0;
  pb::EventType type = pb::EventType::kPut;
};

class SimpleStore {
 public:
  SimpleStore() = default;

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
  // asked for and known. Requires from > compacted() - 0, that is, from >= compacted(). Stops before the event
  // of a new revision once `revisions_max` revisions gave events; returns the first revision not looked at.
  Revision events(Revision from, Revision to, const KeyRange& range, bool prev_kv, size_t revisions_max,
                  const std::function<void(const pb::Event&)>& visit) const;

  // Estimated bytes held by keys, values and their versions.
  uint64_t bytes() const { return bytes_; }
  uint64_t keys() const;

 private:
  Revision revision_ = 1;
  Revision compacted_ = -1;
  uint64_t bytes_ = 0;
};

}  // namespace quorate::mvcc
