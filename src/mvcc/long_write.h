// mvcc/long_write.h: what changes very many keys, in steps and as one revision.
//
// Loop:    core. Not safe for any other.
// Source:  v3 API, sections 4.5, 4.6 and 7.
// Invariants:
//   (1) Until its publication none of it is visible: Store::revision() is the one before, and ranges, transactions that
//       only read, events and hashes are answered at that. The LeaseBook alone is told as keys go.
//   (2) The result is the one that the request in one go would have had.
//   (3) No other change may be made to the store until finish(). After one that ends without it the store may only be
//       destroyed.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mvcc/store.h"

namespace quorate::mvcc {

class LongWrite {
 public:
  LongWrite(const LongWrite&) = delete;
  LongWrite& operator=(const LongWrite&) = delete;
  virtual ~LongWrite() = default;

  // Changes up to about `budget` keys; true when it may be finished, once.
  virtual bool step(size_t budget) = 0;

 protected:
  // `leases` must live as long as this.
  LongWrite(Store& store, LeaseBook& leases);
  // A delete of a range, from `next_key` on, which it moves along. True when all is gone.
  bool remove(std::string& next_key, std::string_view range_end, bool prev_kv, pb::DeleteRangeResponse& response,
              size_t& budget);
  // A change of this key is made.
  void touch(std::string_view key);
  // Here, and nowhere else, what was done becomes visible.
  void publish();

  Store& store_;
  Store::Write write_;

 private:
  Store::Span span_;
};

class Deletion final : public LongWrite {
 public:
  // Keeps a copy of the request.
  Deletion(Store& store, const pb::DeleteRangeRequest& request, LeaseBook& leases);

  bool step(size_t budget) override;
  pb::DeleteRangeResponse finish();

 private:
  const std::string range_end_;
  const bool prev_kv_;
  std::string next_key_;
  pb::DeleteRangeResponse response_;
};

class LongTxn final : public LongWrite {
 public:
  // `request` must live as long as this. Errors: Store::txn's; the store is as it was then.
  static Result<std::unique_ptr<LongTxn>> open(Store& store, const pb::TxnRequest& request, LeaseBook& leases);

  bool step(size_t budget) override;
  pb::TxnResponse finish();

 private:
  struct Op {
    const pb::RequestOp* request;
    pb::ResponseOp* answer;
  };

  LongTxn(Store& store, const pb::TxnRequest& request, TxnPath& path, LeaseBook& leases);
  // The operations along the path taken, in the order in which they are executed.
  void gather(const pb::TxnRequest& request, TxnPath& path, pb::TxnResponse& response);
  bool execute(const Op& op, size_t& budget);

  std::vector<Op> ops_;
  size_t next_op_ = 0;
  std::string next_key_;  // of the delete that is under way
  bool deleting_ = false;
  pb::TxnResponse response_;
};

// Deletes keys that are told one by one, where present, in key order: a revoked lease's.
class KeysDeletion final : public LongWrite {
 public:
  // `next_key` gives a key, and false when there is none left.
  using NextKey = std::function<bool(std::string& key)>;

  KeysDeletion(Store& store, NextKey next_key, LeaseBook& leases);

  bool step(size_t budget) override;
  void finish() { publish(); }

 private:
  const NextKey next_key_;
  std::string key_;
};

}  // namespace quorate::mvcc
