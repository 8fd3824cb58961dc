// mvcc/compare.h: what a transaction compares, and which way it goes.
//
// Threads: any; values and pure functions.
// Source:  v3 API, section 4.6.
#pragma once

#include <cstddef>
#include <vector>

#include "base/check.h"
#include "pb/rpc.h"

namespace quorate::mvcc {

// Whether the pair is as the compare wants it.
bool satisfies(const pb::Compare& compare, const pb::KeyValue& kv);
// The same where no key is: zeros, but no value; no value is not the empty value.
inline bool satisfied_by_nothing(const pb::Compare& compare) {
  return compare.target != pb::CompareTarget::kValue && satisfies(compare, {});
}

inline const std::vector<pb::RequestOp>& branch_of(const pb::TxnRequest& request, bool success) {
  return success ? request.success : request.failure;
}

// Which branch each transaction of a tree takes, in the order of a walk along the branches taken.
class TxnPath {
 public:
  void push(bool success) { taken_.push_back(success); }
  void rewind() { next_ = 0; }
  bool next() {
    CHECK(next_ < taken_.size());
    return taken_[next_++];
  }

 private:
  std::vector<bool> taken_;
  size_t next_ = 0;
};

}  // namespace quorate::mvcc
