// mvcc/range_writer.h: a range as the bytes of its RangeResponse, a piece at a time: sized first, then encoded.
//
// For answers that are too large to be held whole: a length has to go before them, so that the range is walked twice.
//
// Loop:    core. Not safe for any other.
// Source:  v3 API, section 4.2.
// Memory:  of a range in key order that of one piece; of one in another order 8 bytes for each pair besides.
// Invariants:
//   (1) The pieces together are what pb::encode() of Store::range()'s answer at open() would be, but for the header,
//       whatever happened between the steps: records that are visible to it are pinned as long as it lives.
//   (2) A writer must end before its store.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "mvcc/cursors.h"
#include "mvcc/visible_walk.h"

namespace quorate::mvcc {

class RangeWriter {
 public:
  // Keeps a copy of the request. The answer gets `header` as it is. Errors: FutureRev, Compacted.
  static Result<std::unique_ptr<RangeWriter>> open(const Store& store, const pb::RangeRequest& request,
                                                   const pb::ResponseHeader& header);

  // Looks at up to `budget` keys; true when bytes() is known.
  bool measure(size_t budget);
  // All of it, and the pairs in it.
  size_t bytes() const { return bytes_; }
  int64_t pairs() const { return pairs_; }
  int64_t count() const { return count_; }
  // Appends to `out` until it holds `bytes_max`, or a pair more, or up to `budget` keys were looked at. True when the
  // last piece is there. Requires that it is measured.
  bool write(size_t budget, size_t bytes_max, std::string& out);

  // The revision that is pinned.
  Revision revision() const { return at_; }

 private:
  RangeWriter(const Store& store, const pb::RangeRequest& request, const pb::ResponseHeader& header, Revision at);
  bool measure_walk(size_t budget);
  void measured();
  void append(const Record& record, std::string& out);

  const std::string key_, range_end_;
  pb::RangeRequest request_;  // views into the two above
  const Revision at_;
  const Pin pin_;
  const std::string head_;
  std::string tail_;
  std::optional<RangeScan> scan_;    // finds what is sorted
  std::vector<const Record*> list_;  // that
  VisibleWalk walk_;                 // of what is not
  int64_t wanted_ = 0, pairs_ = 0, count_ = 0, written_ = 0;
  size_t bytes_ = 0;
  bool counted_ = false, more_ = false, measured_ = false, begun_ = false;
};

}  // namespace quorate::mvcc
