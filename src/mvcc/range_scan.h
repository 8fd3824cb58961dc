// mvcc/range_scan.h: one range at one revision, in steps: scan, filter, sort, cut.
//
// Loop:    core. Not safe for any other.
// Source:  v3 API, section 4.2.
// Costs:   of a scan at the newest revision: O(log keys) to count, then what is returned, where neither an order nor a
//          filter asks for all; of one at an older revision: every key in the range that has history.
// Invariants:
//   (1) What is found does not depend on how the steps were cut, nor on changes and freed records between them, as
//       long as no record that is visible at the scan's revision is freed: RangeCursor sees to that.
#pragma once

#include <cstdint>
#include <vector>

#include "mvcc/visible_walk.h"
#include "pb/rpc.h"

namespace quorate::mvcc {

class RangeScan {
 public:
  // `request`, and what it views, must live as long as this. `at` is the revision to read at; `named` the one that the
  // response's header names.
  RangeScan(const Keyspace& space, const pb::RangeRequest& request, Revision at, Revision named);

  // Looks at up to `budget` keys, lowers it by those, and returns whether it is done.
  bool step(size_t& budget);
  // Once, when it is done. The response views into the store's records.
  pb::RangeResponse finish();
  // The same as records, in the order of the answer.
  std::vector<const Record*> take(int64_t& count, bool& more);

  // Whether the request asks for another order than that of the keys.
  static bool sorts(const pb::RangeRequest& request);
  // Whether no more than its limit has to be looked at.
  static bool stops_at_limit(const pb::RangeRequest& request);
  // Whether its filters let the record pass.
  static bool passes(const Record& record, const pb::RangeRequest& request);
  // What of the record it is answered.
  static pb::KeyValue shown(const Record& record, const pb::RangeRequest& request);

 private:
  void visit(const Record& record);
  void sort_and_cut();
  // Whether what is still to come changes nothing.
  bool enough() const { return counted_ && found_.size() >= wanted_; }

  const pb::RangeRequest& request_;
  const KeyRange range_;
  size_t wanted_;         // of records that pass the filters
  bool counted_ = false;  // the count is known before the scan
  bool done_ = false;
  VisibleWalk walk_;
  std::vector<const Record*> found_;
  pb::RangeResponse response_;
};

}  // namespace quorate::mvcc
