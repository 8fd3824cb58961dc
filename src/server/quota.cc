#include "server/quota.h"

#include <algorithm>
#include <utility>

#include "mvcc/bolt_size.h"

namespace quorate::server {
namespace {

constexpr int64_t kDefaultQuotaBytes = 2'147'483'648;
constexpr uint64_t kPutOverheadBytes = 256;
constexpr uint64_t kLeaseOverheadBytes = 64;
// Free pages that a bbolt file has at any time, for what is written anew: some, and a share of all.
constexpr int64_t kFreeBytes = 8192;
constexpr int64_t kFreeShare = 32;

uint64_t cost_of_branch(const std::vector<pb::RequestOp>& ops) {
  uint64_t cost = 0;
  for (const pb::RequestOp& op : ops) {
    if (auto* put = std::get_if<pb::PutRequest>(&op.request)) cost += Quota::cost_of(*put);
  }
  return cost;
}

}  // namespace

uint64_t Quota::cost_of(const pb::PutRequest& put) { return kPutOverheadBytes + put.key.size() + put.value.size(); }

uint64_t Quota::cost_of(const pb::TxnRequest& txn) {
  return std::max(cost_of_branch(txn.success), cost_of_branch(txn.failure));
}

uint64_t Quota::cost_of_grant() { return kLeaseOverheadBytes; }

uint64_t Quota::cost_of(const machine::Tally& applied) { return applied.puts * kPutOverheadBytes + applied.put_bytes; }

Quota::Quota(env::Log& log, const QuotaOptions& options, const mvcc::Store& store, Propose propose)
    : log_(log), options_(options), store_(store), propose_(std::move(propose)) {
  note_size();
}

int64_t Quota::quota_bytes() const { return options_.bytes == 0 ? kDefaultQuotaBytes : options_.bytes; }

int64_t Quota::db_bytes_in_use() const { return static_cast<int64_t>(mvcc::kEmptyBoltBytes + store_.bolt_bytes()); }

void Quota::note_size() {
  const int64_t in_use = db_bytes_in_use();
  db_bytes_ = std::max(db_bytes_, in_use + in_use / kFreeShare + kFreeBytes);
}

void Quota::defragment() {
  db_bytes_ = 0;
  note_size();
}

void Quota::note_disk(const Status& why) {
  const bool full = !why.ok();
  if (full == std::exchange(disk_full_, full)) return;
  if (full) {
    log_.error("the disk is full: what takes space is refused, reads and deletes go on", {{"error", why.text()}});
  } else {
    log_.info("the disk has room again; the alarm NOSPACE stays until it is disarmed", {});
  }
}

bool Quota::has_room(uint64_t cost) const {
  if (cost == 0) return true;
  if (options_.bytes > 0 && db_bytes_ + static_cast<int64_t>(cost) >= options_.bytes) return false;
  return options_.memory_bytes == 0 || store_.bytes() + cost < options_.memory_bytes;
}

void Quota::raise(Done done) {
  waiting_.push_back(std::move(done));
  if (waiting_.size() > 1) return;
  if (!disk_full_) {
    log_.warn("message exceeded backend quota; raising alarm", {{"quota-size-bytes", quota_bytes()},
                                                                {"db-size-bytes", db_bytes_},
                                                                {"memory-share-bytes", options_.memory_bytes},
                                                                {"memory-held-bytes", store_.bytes()}});
  }
  propose_([this] {
    for (Done& each : std::exchange(waiting_, {})) each();
  });
}

}  // namespace quorate::server
