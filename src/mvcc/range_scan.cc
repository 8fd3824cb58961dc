#include "mvcc/range_scan.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace quorate::mvcc {

namespace {

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

bool RangeScan::sorts(const pb::RangeRequest& request) {
  return sorted_before_cut(request) || request.sort_target != pb::SortTarget::kKey;
}

bool RangeScan::stops_at_limit(const pb::RangeRequest& request) {
  return request.limit > 0 && !sorted_before_cut(request) && !has_revision_filters(request);
}

bool RangeScan::passes(const Record& record, const pb::RangeRequest& request) {
  const auto inside = [](Revision revision, Revision low, Revision high) {
    return (low == 0 || revision >= low) && (high == 0 || revision <= high);
  };
  return inside(record.mod_revision(), request.min_mod_revision, request.max_mod_revision) &&
         inside(record.create_revision(), request.min_create_revision, request.max_create_revision);
}

pb::KeyValue RangeScan::shown(const Record& record, const pb::RangeRequest& request) {
  pb::KeyValue kv = record.kv();
  if (!request.keys_only) return kv;
  kv.value = {};
  // etcd 3.7 answers from its index, which has no lease, unless values are what it sorts by.
  if (request.sort_target != pb::SortTarget::kValue) kv.lease = 0;
  return kv;
}

RangeScan::RangeScan(const Keyspace& space, const pb::RangeRequest& request, Revision at, Revision named)
    : request_(request), range_{request.key, request.range_end}, walk_(space, range_, at) {
  response_.header = pb::ResponseHeader{.revision = named};
  // One more than asked for shows that there is more.
  wanted_ = stops_at_limit(request) ? static_cast<size_t>(request.limit) + 1 : std::numeric_limits<size_t>::max();
  if (request.count_only) wanted_ = 0;
  if (range_.single()) {
    const Record* record = space.at(range_.key, at);
    if (record) visit(*record);
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

void RangeScan::visit(const Record& record) {
  if (!counted_) ++response_.count;
  if (found_.size() < wanted_ && passes(record, request_)) found_.push_back(&record);
}

bool RangeScan::step(size_t& budget) {
  if (done_) return true;
  done_ = walk_.step(budget, counted_ ? wanted_ - found_.size() : VisibleWalk::kBatch, [this](const Record& record) {
    visit(record);
    return enough() ? Walk::kEnd : Walk::kOn;
  });
  return done_;
}

void RangeScan::sort_and_cut() {
  CHECK(done_);
  sort(found_, request_);
  if (request_.limit > 0 && found_.size() > static_cast<size_t>(request_.limit)) {
    found_.resize(static_cast<size_t>(request_.limit));
    response_.more = true;
  }
}

std::vector<const Record*> RangeScan::take(int64_t& count, bool& more) {
  sort_and_cut();
  count = response_.count;
  more = response_.more;
  return std::move(found_);
}

pb::RangeResponse RangeScan::finish() {
  sort_and_cut();
  response_.kvs.reserve(found_.size());
  for (const Record* record : found_) response_.kvs.push_back(shown(*record, request_));
  return std::move(response_);
}

}  // namespace quorate::mvcc
