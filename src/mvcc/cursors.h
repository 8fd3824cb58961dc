// mvcc/cursors.h: long reads of the store in steps: a range, a hash.
//
// Loop:    core. Not safe for any other.
// Source:  v3 API, sections 4.2, 4.3 and 5.
// Invariants:
//   (1) A result is the one that the call in one go would have had at the cursor's beginning, whatever happened between
//       its steps.
//   (2) A cursor must end before its store.
//
// What etcd does when a compaction overtakes a read decides between the two kinds of RangeCursor. Its unary Range reads
// from one view of its database and is not disturbed: Hold::kPin. Its RangeStream reads each part anew at the revision
// of the first and fails with Compacted: Hold::kNone. A pin lets compactions be asked for, and what they free wait.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "mvcc/range_scan.h"
#include "mvcc/store.h"

namespace quorate::mvcc {

// While it lives, nothing is freed that a read at this revision sees.
class Pin {
 public:
  enum class Walks : uint8_t { kHistory, kKeys };  // what must not move meanwhile: keys never do

  Pin(const Store& store, Revision revision, Walks walks = Walks::kHistory)
      : pins_(store.pins_), at_(pins_.revisions.insert(revision)), walks_(walks) {
    pins_.in_history += walks_ == Walks::kHistory;
  }
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;
  ~Pin() {
    pins_.in_history -= walks_ == Walks::kHistory;
    pins_.revisions.erase(at_);
  }

 private:
  Pins& pins_;
  std::multiset<Revision>::iterator at_;
  const Walks walks_;
};

class RangeCursor {
 public:
  enum class Hold : uint8_t { kNone, kPin };

  // Keeps a copy of the request. Errors: FutureRev, Compacted.
  static Result<std::unique_ptr<RangeCursor>> open(const Store& store, const pb::RangeRequest& request, Hold hold);

  // Looks at up to `budget` keys; true when finish() may be called. Error, of Hold::kNone only: Compacted.
  Result<bool> step(size_t budget);
  // Once. The response views into the store, as Store::range's does, and its header names the revision of open().
  pb::RangeResponse finish() { return scan_.finish(); }

 private:
  RangeCursor(const Store& store, const pb::RangeRequest& request, Revision at);

  const Store& store_;
  const std::string key_, range_end_;
  pb::RangeRequest request_;  // views into the two above
  const Revision at_;
  std::optional<Pin> pin_;
  RangeScan scan_;
};

// HashKV: the hash of everything up to a revision (v3 API, section 5).
class KeyHasher {
 public:
  // 0 is the current revision. A revision that a compaction hit has the hash that was noted then, also where it is
  // compacted by now. Errors: FutureRev, Compacted.
  static Result<std::unique_ptr<KeyHasher>> open(const Store& store, Revision revision);

  // Looks at up to `budget` records; true when result() is there.
  bool step(size_t budget) { return noted_ || walk_->step(budget); }
  KeyHash result() const { return noted_ ? *noted_ : walk_->result(); }

 private:
  KeyHasher() = default;

  std::optional<KeyHash> noted_;
  std::optional<Pin> pin_;
  std::optional<HashWalk> walk_;
};

}  // namespace quorate::mvcc
