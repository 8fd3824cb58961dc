#include "mvcc/store.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"
#include "mvcc/range_scan.h"

namespace quorate::mvcc {

namespace {

constexpr size_t kFewKeys = 1024;  // looked up one by one rather than among the changes of a LongWrite

}  // namespace

Store::Store(const StoreOptions& options)
    : space_(options.hash_seed), compaction_(space_, pins_, options.compaction_hashes) {}

// --- reads

Status Store::check_bounds(Revision requested) const {
  if (requested > revision()) return errors::FutureRev();
  if (requested > 0 && requested < compacted_) return errors::Compacted();
  return {};
}

Result<pb::RangeResponse> Store::range(const pb::RangeRequest& request) const {
  if (Status status = check_bounds(request.revision); !status.ok()) return fail(std::move(status));
  return read(request, revision());
}

bool Store::looks_at_few(const pb::RangeRequest& request, size_t keys) const {
  const KeyRange range{request.key, request.range_end};
  if (range.single() || range.never()) return true;
  const Revision at = request.revision > 0 ? request.revision : revision();
  if (at < space_.newest_change()) return false;
  const bool cut = RangeScan::stops_at_limit(request) && request.limit < static_cast<int64_t>(keys);
  return request.count_only || cut || space_.live_in(range) <= keys;
}

pb::RangeResponse Store::read(const pb::RangeRequest& request, Revision current) const {
  RangeScan scan(space_, request, request.revision > 0 ? request.revision : current, current);
  size_t budget = std::numeric_limits<size_t>::max();
  scan.step(budget);
  return scan.finish();
}

void Store::tell(const Record& record, bool prev_kv, const Visit& visit) const {
  const Revision revision = record.mod_revision();
  pb::Event event;
  event.type = record.tombstone() ? pb::EventType::kDelete : pb::EventType::kPut;
  event.kv = record.kv();
  // What it was at the revision before, if compaction did not take that revision.
  const bool created = record.create_revision() == revision;
  if (prev_kv && !created && revision > compacted_) {
    const Record* before = record.older();
    while (before && before->mod_revision() == revision) before = before->older();
    if (before && !before->tombstone()) event.prev_kv = before->kv();
  }
  visit(event);
}

bool Store::Span::meets(const KeyRange& range) const {
  if (range.single()) return range.key >= first && range.key <= last;
  return range.key <= last && (range.open_ended() || range.end > first);
}

bool Store::tell_long(const KeyRange& range, bool prev_kv, bool& any, const Visit& visit) const {
  std::vector<const Record*> changes;
  if (last_long_.meets(range)) {
    size_t looked_at = 0;
    for (auto place = space_.tree().seek(range.key); !place.at_end(); place.next()) {
      const Key& key = place.key();
      if (!range.contains(key.text()) || key.text() > last_long_.last) break;
      if (++looked_at > kFewKeys) return false;
      const Record* record = key.newest;
      for (; record && record->mod_revision() > last_long_.revision; record = record->older()) {}
      for (; record && record->mod_revision() == last_long_.revision; record = record->older()) {
        changes.push_back(record);
      }
    }
  }
  std::sort(changes.begin(), changes.end(), [](const Record* a, const Record* b) { return a->sub() < b->sub(); });
  any = !changes.empty();
  for (const Record* record : changes) tell(*record, prev_kv, visit);
  return true;
}

Revision Store::events(Revision from, Revision to, const KeyRange& range, bool prev_kv, size_t revisions_max,
                       const Visit& visit) const {
  CHECK(from >= compacted_);
  to = std::min(to, revision() + 1);
  if (from >= to) return from;
  const History& history = space_.history();
  size_t revisions = 0;
  Revision last = 0, passed = 0;
  for (auto position = history.first(from); position < history.end(); ++position) {
    const Record& record = *history.at(position);
    const Revision revision = record.mod_revision();
    if (revision >= to) break;
    if (revision == last_long_.revision && passed != revision) {
      passed = revision;
      if (revisions == revisions_max && last_long_.meets(range)) return revision;
      bool any = false;
      if (tell_long(range, prev_kv, any, visit)) {
        revisions += any ? 1 : 0;
        position = history.first(revision + 1) - 1;
        continue;
      }
    }
    if (!range.contains(record.key().text())) continue;
    if (revision != last) {
      if (revisions == revisions_max) return revision;
      ++revisions;
      last = revision;
    }
    tell(record, prev_kv, visit);
  }
  return to;
}

// --- writes

Store::Write Store::begin(LeaseBook& leases) const {
  CHECK(!writing_);
  return {.leases = leases, .revision = revision_ + 1};
}

Result<pb::PutResponse> Store::put(const pb::PutRequest& request, LeaseBook& leases) {
  if (Status status = check_put(request, leases); !status.ok()) return fail(std::move(status));
  Write write = begin(leases);
  pb::PutResponse response = put(request, write);
  end(write);
  return response;
}

Result<pb::DeleteRangeResponse> Store::delete_range(const pb::DeleteRangeRequest& request, LeaseBook& leases) {
  Write write = begin(leases);
  pb::DeleteRangeResponse response = delete_range(request, write);
  end(write);
  return response;
}

void Store::delete_keys(const std::vector<std::string>& keys, LeaseBook& leases) {
  Write write = begin(leases);
  for (const std::string& key : keys) {
    if (space_.live(key)) remove(space_.tree().seek(key), write);
  }
  end(write);
}

// The lease comes before the key: an unknown lease is named even where the key is missing as well.
Status Store::check_put(const pb::PutRequest& request, const LeaseBook& leases) const {
  if (request.lease != 0 && !leases.exists(request.lease)) return errors::LeaseNotFound();
  if ((request.ignore_value || request.ignore_lease) && !space_.live(request.key)) return errors::KeyNotFound();
  return {};
}

pb::PutResponse Store::put(const pb::PutRequest& request, Write& write) {
  const Keyspace::Spot spot = space_.spot(request.key);
  const Record* before = spot.live();
  CHECK(before || !(request.ignore_value || request.ignore_lease));
  const LeaseId lease_before = before ? before->lease() : 0;
  const Record::Fields fields{.mod_revision = write.revision,
                              .create_revision = before ? before->create_revision() : write.revision,
                              .version = before ? before->version() + 1 : 1,
                              .lease = request.ignore_lease ? lease_before : request.lease,
                              .sub = write.changes++};
  const Record& record = space_.put(spot, fields, request.ignore_value ? before->value() : request.value);
  if (lease_before != fields.lease) write.leases.move_key(record.key().text(), lease_before, fields.lease);

  pb::PutResponse response;
  response.header = pb::ResponseHeader{.revision = write.revision};
  if (request.prev_kv && before) response.prev_kv = before->kv();
  return response;
}

pb::DeleteRangeResponse Store::delete_range(const pb::DeleteRangeRequest& request, Write& write) {
  pb::DeleteRangeResponse response;
  const KeyRange range{request.key, request.range_end};
  if (!range.single() || space_.live(range.key)) {
    for (auto place = space_.tree().seek_live(range.key); !place.at_end() && range.contains(place.key().text());
         place.next_live()) {
      ++response.deleted;
      if (request.prev_kv) response.prev_kvs.push_back(place.key().newest->kv());
      remove(place, write);
    }
  }
  response.header = pb::ResponseHeader{.revision = write.view()};
  return response;
}

uint64_t Store::deleted_by(const pb::DeleteRangeRequest& request) const {
  const KeyRange range{request.key, request.range_end};
  return range.single() ? 1 : space_.live_in(range);
}

void Store::remove(const KeyTree::Place& place, Write& write) {
  const LeaseId lease = place.key().newest->lease();
  space_.bury(place, {.mod_revision = write.revision, .sub = write.changes++});
  if (lease != 0) write.leases.move_key(place.key().text(), lease, 0);
}

Status Store::compact(Revision revision) {
  if (revision <= compacted_) return errors::Compacted();
  if (revision > revision_) return errors::FutureRev();
  compaction_.add(std::exchange(compacted_, revision), revision);
  return {};
}

}  // namespace quorate::mvcc
