#include "mvcc/simple_store.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace quorate::mvcc {

namespace {

// What a key costs beside its versions: its bytes and a map node.
size_t key_bytes(std::string_view key) { return key.size() + 96; }
constexpr size_t kHistoryBytes = 16;

}  // namespace

Result<pb::PutResponse> SimpleStore::put(const pb::PutRequest& request, LeaseBook& leases) {
  if (Status status = check_put(request, leases); !status.ok()) return fail(std::move(status));
  Write write = begin(leases);
  pb::PutResponse response = put(request, write);
  end(write);
  return response;
}

Result<pb::DeleteRangeResponse> SimpleStore::delete_range(const pb::DeleteRangeRequest& request, LeaseBook& leases) {
  Write write = begin(leases);
  pb::DeleteRangeResponse response = delete_range(request, write);
  end(write);
  return response;
}

void SimpleStore::delete_keys(const std::vector<std::string>& keys, LeaseBook& leases) {
  Write write = begin(leases);
  for (const std::string& key : keys) {
    if (auto it = chains_.find(key); it != chains_.end() && it->second.live()) remove(*it, write);
  }
  end(write);
}

// The lease comes before the key: an unknown lease is named even where the key is missing as well.
Status SimpleStore::check_put(const pb::PutRequest& request, const LeaseBook& leases) const {
  if (request.lease != 0 && !leases.exists(request.lease)) return errors::LeaseNotFound();
  if (request.ignore_value || request.ignore_lease) {
    auto it = chains_.find(request.key);
    if (it == chains_.end() || !it->second.live()) return errors::KeyNotFound();
  }
  return {};
}

pb::PutResponse SimpleStore::put(const pb::PutRequest& request, Write& write) {
  auto it = chains_.lower_bound(request.key);
  if (it == chains_.end() || it->first != request.key) {
    it = chains_.emplace_hint(it, std::piecewise_construct, std::forward_as_tuple(request.key), std::tuple<>());
    bytes_ += key_bytes(it->first);
  }
  const Version* before = it->second.live();
  CHECK(before || !(request.ignore_value || request.ignore_lease));

  Version* version = Version::make(*it, request.ignore_value ? before->value() : request.value);
  version->mod_revision = write.revision;
  version->create_revision = before ? before->create_revision : write.revision;
  version->version = before ? before->version + 1 : 1;
  version->lease = request.ignore_lease ? before->lease : request.lease;
  record(version, write);
  if (!before) ++live_;

  const LeaseId lease_before = before ? before->lease : 0;
  if (lease_before != version->lease) write.leases.move_key(it->first, lease_before, version->lease);

  pb::PutResponse response;
  response.header = pb::ResponseHeader{.revision = write.revision};
  if (request.prev_kv && before) response.prev_kv = before->kv();
  return response;
}

pb::DeleteRangeResponse SimpleStore::delete_range(const pb::DeleteRangeRequest& request, Write& write) {
  pb::DeleteRangeResponse response;
  const KeyRange range{request.key, request.range_end};
  for (auto it = chains_.lower_bound(range.key); it != chains_.end() && range.contains(it->first); ++it) {
    const Version* before = it->second.live();
    if (!before) continue;
    ++response.deleted;
    if (request.prev_kv) response.prev_kvs.push_back(before->kv());
    remove(*it, write);
  }
  response.header = pb::ResponseHeader{.revision = write.view()};
  return response;
}

void SimpleStore::remove(KeyNode& node, Write& write) {
  const LeaseId lease = node.second.live()->lease;
  Version* tombstone = Version::make(node, {});
  tombstone->mod_revision = write.revision;
  record(tombstone, write);
  --live_;
  if (lease != 0) write.leases.move_key(node.first, lease, 0);
}

void SimpleStore::record(Version* version, Write& write) {
  version->node->second.push(version);
  history_.push_back({write.revision, version});
  bytes_ += version->bytes() + kHistoryBytes;
  write.changed = true;
}

// Of each key the newest version up to `revision` stays, unless it is a tombstone below it, and so do all changes
// of `revision` itself: a watcher may still start there. Every version that goes is older than a change in the
// part of history that is compacted, or is such a change itself: the walk over that part finds them all, and meets
// each older one before what replaced it.
Status SimpleStore::compact(Revision revision) {
  if (revision <= compacted_) return errors::Compacted();
  if (revision > revision_) return errors::FutureRev();
  compacted_ = revision;
  size_t below = 0;
  for (auto it = history_.begin(); it != history_.end() && it->revision <= revision; ++it) {
    if (it->revision < revision) ++below;
    Version* version = it->version;
    drop_older(*version);
    // One that was created anew goes with the version that did so.
    if (version->tombstone() && it->revision < revision && version->node->second.newest() == version) {
      auto node = chains_.find(version->node->first);
      bytes_ -= key_bytes(node->first) + version->bytes();
      chains_.erase(node);
    }
  }
  bytes_ -= below * kHistoryBytes;
  history_.erase(history_.begin(), history_.begin() + static_cast<std::ptrdiff_t>(below));
  return {};
}

void SimpleStore::drop_older(Version& version) {
  while (version.older && version.older->mod_revision < compacted_) {
    Version* older = version.older;
    version.older = older->older;
    bytes_ -= older->bytes();
    Version::free(older);
  }
}

std::deque<SimpleStore::Change>::const_iterator SimpleStore::first_change(Revision from) const {
  return std::lower_bound(history_.begin(), history_.end(), from,
                          [](const Change& change, Revision revision) { return change.revision < revision; });
}

Revision SimpleStore::events(Revision from, Revision to, const KeyRange& range, bool prev_kv, size_t revisions_max,
                             const std::function<void(const pb::Event&)>& visit) const {
  CHECK(from >= compacted_);
  to = std::min(to, revision_ + 1);
  if (from >= to) return from;
  auto change = first_change(from);
  size_t revisions = 0;
  Revision last = 0;
  for (; change != history_.end() && change->revision < to; ++change) {
    const Version* version = change->version;
    if (!range.contains(version->key())) continue;
    if (change->revision != last) {
      if (revisions == revisions_max) return change->revision;
      ++revisions;
      last = change->revision;
    }
    pb::Event event;
    event.type = version->tombstone() ? pb::EventType::kDelete : pb::EventType::kPut;
    event.kv = version->kv();
    // What it was at the revision before; compaction took that along where it took that revision.
    const bool created = version->create_revision == version->mod_revision;
    if (prev_kv && !created) {
      const Version* before = version->older;
      while (before && before->mod_revision == last) before = before->older;
      if (before && !before->tombstone()) event.prev_kv = before->kv();
    }
    visit(event);
  }
  return to;
}

}  // namespace quorate::mvcc
