// Reading: bounds, scan, filter, sort, cut.

#include <algorithm>
#include <limits>

#include "mvcc/simple_store.h"

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

bool passes(const Version& version, const pb::RangeRequest& request) {
  const auto inside = [](Revision revision, Revision low, Revision high) {
    return (low == 0 || revision >= low) && (high == 0 || revision <= high);
  };
  return inside(version.mod_revision, request.min_mod_revision, request.max_mod_revision) &&
         inside(version.create_revision, request.min_create_revision, request.max_create_revision);
}

// Equal elements keep key order, in both directions.
void sort(std::vector<const Version*>& found, const pb::RangeRequest& request) {
  const bool descending = request.sort_order == pb::SortOrder::kDescend;
  const auto by = [&](auto field) {
    std::sort(found.begin(), found.end(), [&](const Version* a, const Version* b) {
      const auto order = descending ? field(*b) <=> field(*a) : field(*a) <=> field(*b);
      return order < 0 || (order == 0 && a->key() < b->key());
    });
  };
  switch (request.sort_target) {
    case pb::SortTarget::kKey:
      if (descending) std::reverse(found.begin(), found.end());
      break;
    case pb::SortTarget::kVersion: by([](const Version& v) { return v.version; }); break;
    case pb::SortTarget::kCreate: by([](const Version& v) { return v.create_revision; }); break;
    case pb::SortTarget::kMod: by([](const Version& v) { return v.mod_revision; }); break;
    case pb::SortTarget::kValue: by([](const Version& v) { return v.value(); }); break;
  }
}

}  // namespace

Status SimpleStore::check_bounds(Revision requested, Revision current) const {
  if (requested > current) return errors::FutureRev();
  if (requested > 0 && requested < compacted_) return errors::Compacted();
  return {};
}

Result<pb::RangeResponse> SimpleStore::range(const pb::RangeRequest& request) const {
  if (Status status = check_bounds(request.revision, revision_); !status.ok()) return fail(std::move(status));
  return read(request, revision_);
}

template <class Visit>
void SimpleStore::scan(const KeyRange& range, Revision at, Visit&& visit) const {
  for (auto it = chains_.lower_bound(range.key); it != chains_.end() && range.contains(it->first); ++it) {
    const Version* version = it->second.at(at);
    if (version && !visit(*version)) return;
  }
}

pb::RangeResponse SimpleStore::read(const pb::RangeRequest& request, Revision current) const {
  pb::RangeResponse response;
  response.header = pb::ResponseHeader{.revision = current};
  const Revision at = request.revision > 0 ? request.revision : current;
  const bool all = request.limit <= 0 || sorted_before_cut(request) || has_revision_filters(request);
  // One more than asked for shows that there is more.
  const size_t wanted = all ? std::numeric_limits<size_t>::max() : static_cast<size_t>(request.limit) + 1;
  std::vector<const Version*> found;
  scan({request.key, request.range_end}, at, [&](const Version& version) {
    ++response.count;
    if (!request.count_only && found.size() < wanted && passes(version, request)) found.push_back(&version);
    return true;
  });
  sort(found, request);
  if (request.limit > 0 && found.size() > static_cast<size_t>(request.limit)) {
    found.resize(static_cast<size_t>(request.limit));
    response.more = true;
  }
  response.kvs.reserve(found.size());
  for (const Version* version : found) {
    pb::KeyValue& kv = response.kvs.emplace_back(version->kv());
    if (!request.keys_only) continue;
    kv.value = {};
    // etcd 3.7 answers from its index, which has no lease, unless values are what it sorts by.
    if (request.sort_target != pb::SortTarget::kValue) kv.lease = 0;
  }
  return response;
}

}  // namespace quorate::mvcc
