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
  if (hold == Hold::kPin) cursor->pin_.emplace(store, at);
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

// --- Deletion

Deletion::Deletion(Store& store, const pb::DeleteRangeRequest& request, LeaseBook& leases)
    : store_(store),
      range_end_(request.range_end),
      prev_kv_(request.prev_kv),
      write_(store.begin(leases)),
      next_key_(request.key) {
  store.deleting_ = true;
}

bool Deletion::step(size_t budget) {
  const KeyRange range{next_key_, range_end_};
  auto place = store_.space_.tree().seek_live(next_key_);
  for (; !place.at_end() && range.contains(place.key().text()); place.next_live(), --budget) {
    if (budget == 0) {
      next_key_ = place.key().text();
      return false;
    }
    ++response_.deleted;
    if (prev_kv_) response_.prev_kvs.push_back(place.key().newest->kv());
    store_.remove(place, write_);
  }
  return true;
}

pb::DeleteRangeResponse Deletion::finish() {
  CHECK(store_.deleting_);
  store_.deleting_ = false;
  store_.end(write_);
  response_.header = pb::ResponseHeader{.revision = write_.view()};
  return std::move(response_);
}

}  // namespace quorate::mvcc
