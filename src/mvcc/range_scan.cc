#include "mvcc/range_scan.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/check.h"

namespace quorate::mvcc {

namespace {

constexpr size_t kBatch = 16;  // keys and records fetched ahead of use

// Explicit orders other than the natural one are sorted before the limit cuts. Order NONE with a target is not
// explicit: it is cut first and sorted then, as etcd does.
bool sorted_before_cut(const pb::RangeRequest& request) {
  return request.sort_order != pb::SortOrder::kNone &&
         !(request.sort_target == pb::SortTarget::kKey && request.sort_order == pb::SortOrder::kAscend);
}

bool has_revision_filters(const pb::RangeRequest& request) {
  return request.min_mod_revision != 0 || request.max_mod_revision != 0 || request.min_create_revision != 0 ||
         request.max_create_revision != 0;
}

bool passes(const Record& record, const pb::RangeRequest& request) {
  const auto inside = [](Revision revision, Revision low, Revision high) {
    return (low == 0 || revision >= low) && (high == 0 || revision <= high);
  };
  return inside(record.mod_revision(), request.min_mod_revision, request.max_mod_revision) &&
         inside(record.create_revision(), request.min_create_revision, request.max_create_revision);
}

// Equal elements keep key order, in both directions.
void sort(std::vector<const Record*>& found, const pb::RangeRequest& request) {
  const bool descending = request.sort_order == pb::SortOrder::kDescend;
  const auto by = [&](auto field) {
    std::sort(found.begin(), found.end(), [&](const Record* a, const Record* b) {
      const auto order = descending ? field(*b) <=> field(*a) : field(*a) <=> field(*b);
      return order < 0 || (order == 0 && a->key().text() < b->key().text());
    });
  };
  switch (request.sort_target) {
    case pb::SortTarget::kKey:
      if (descending) std::reverse(found.begin(), found.end());
      break;
    case pb::SortTarget::kVersion: by([](const Record& r) { return r.version(); }); break;
    case pb::SortTarget::kCreate: by([](const Record& r) { return r.create_revision(); }); break;
    case pb::SortTarget::kMod: by([](const Record& r) { return r.mod_revision(); }); break;
    case pb::SortTarget::kValue: by([](const Record& r) { return r.value(); }); break;
  }
}

}  // namespace

RangeScan::RangeScan(const Keyspace& space, const pb::RangeRequest& request, Revision at, Revision named)
    : space_(space), request_(request), range_{request.key, request.range_end}, at_(at) {
  response_.header = pb::ResponseHeader{.revision = named};
  const bool all = request.limit <= 0 || sorted_before_cut(request) || has_revision_filters(request);
  // One more than asked for shows that there is more.
  wanted_ = all ? std::numeric_limits<size_t>::max() : static_cast<size_t>(request.limit) + 1;
  if (request.count_only) wanted_ = 0;
  if (range_.single()) {
    const Record* record = space.at(range_.key, at);
    if (record) visit(record);
    done_ = true;
  } else if (range_.never()) {
    done_ = true;
  } else if (at >= space.newest_change()) {
    response_.count = static_cast<int64_t>(space.live_in(range_));
    counted_ = true;
    if (!request.count_only) found_.reserve(std::min(wanted_, static_cast<size_t>(response_.count)));
    done_ = response_.count == 0 || enough();
  }
}

void RangeScan::visit(const Record* record) {
  if (!counted_) ++response_.count;
  if (found_.size() < wanted_ && passes(*record, request_)) found_.push_back(record);
}

bool RangeScan::step(size_t& budget) {
  if (!done_) done_ = at_ >= space_.newest_change() ? scan<true>(budget) : scan<false>(budget);
  return done_;
}

template <bool kOnlyLive>
bool RangeScan::scan(size_t& budget) {
  const std::string_view from = begun_ ? std::string_view(next_key_) : range_.key;
  KeyTree::Place place = kOnlyLive ? space_.tree().seek_live(from) : space_.tree().seek(from);
  std::array<const Key*, kBatch> keys;
  while (!place.at_end()) {
    if (budget == 0) {
      next_key_ = place.key().text();
      begun_ = true;
      return false;
    }
    const size_t most = std::min({kBatch, budget, counted_ ? wanted_ - found_.size() : kBatch});
    size_t size = 0;
    for (; size < most && !place.at_end(); ++size) {
      keys[size] = &place.key();
      __builtin_prefetch(keys[size]);
      kOnlyLive ? place.next_live() : place.next();
    }
    budget -= size;
    for (size_t i = 0; i < size; ++i) __builtin_prefetch(keys[i]->newest);
    for (size_t i = 0; i < size; ++i) {
      if (!range_.open_ended() && keys[i]->text() >= range_.end) return true;
      const Record* record = kOnlyLive ? keys[i]->newest : keys[i]->at(at_);
      if (record) visit(record);
    }
    if (enough()) return true;
  }
  return true;
}

pb::RangeResponse RangeScan::finish() {
  CHECK(done_);
  sort(found_, request_);
  if (request_.limit > 0 && found_.size() > static_cast<size_t>(request_.limit)) {
    found_.resize(static_cast<size_t>(request_.limit));
    response_.more = true;
  }
  response_.kvs.reserve(found_.size());
  for (const Record* record : found_) {
    pb::KeyValue& kv = response_.kvs.emplace_back(record->kv());
    if (!request_.keys_only) continue;
    kv.value = {};
    // etcd 3.7 answers from its index, which has no lease, unless values are what it sorts by.
    if (request_.sort_target != pb::SortTarget::kValue) kv.lease = 0;
  }
  return std::move(response_);
}

}  // namespace quorate::mvcc
