#include "mvcc/cursors.h"

#include <algorithm>

#include "base/check.h"

namespace quorate::mvcc {

// --- RangeCursor

RangeCursor::RangeCursor(const Store& store, const pb::RangeRequest& request, Revision at)
    : store_(store),
      key_(request.key),
      range_end_(request.range_end),
      request_(request),
      at_(at),
      scan_(store.space_, (request_.key = key_, request_.range_end = range_end_, request_), at, store.revision()) {}

Result<std::unique_ptr<RangeCursor>> RangeCursor::open(const Store& store, const pb::RangeRequest& request, Hold hold) {
  if (Status status = store.check_bounds(request.revision); !status.ok()) return fail(std::move(status));
  const Revision at = request.revision > 0 ? request.revision : store.revision();
  std::unique_ptr<RangeCursor> cursor(new RangeCursor(store, request, at));
  if (hold == Hold::kPin) cursor->pin_.emplace(store, at, Pin::Walks::kKeys);
  return cursor;
}

Result<bool> RangeCursor::step(size_t budget) {
  if (!pin_ && at_ < store_.compacted()) return fail(errors::Compacted());
  return scan_.step(budget);
}

// --- KeyHasher

Result<std::unique_ptr<KeyHasher>> KeyHasher::open(const Store& store, Revision revision) {
  std::unique_ptr<KeyHasher> hasher(new KeyHasher);
  const auto& noted = store.compaction_.noted_hashes();
  const auto found =
      std::find_if(noted.begin(), noted.end(), [revision](const KeyHash& hash) { return hash.revision == revision; });
  if (found != noted.end()) {
    hasher->noted_ = *found;
    return hasher;
  }
  if (Status status = store.check_bounds(revision); !status.ok()) return fail(std::move(status));
  if (revision == 0) revision = store.revision();
  // Of the compacted revision's state all is needed that is not in a later one's.
  hasher->pin_.emplace(store, store.compacted());
  hasher->walk_.emplace(store.space_, store.compacted(), revision, HashWalk::Purpose::kQuery);
  return hasher;
}

}  // namespace quorate::mvcc
