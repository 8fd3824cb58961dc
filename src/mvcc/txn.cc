// Transactions: decided and checked whole on the state before them, then executed without failure.

#include <algorithm>

#include "base/check.h"
#include "mvcc/store.h"

namespace quorate::mvcc {

const Record* Store::seen(const Key& key) const { return writing_ ? key.at(revision()) : key.live(); }

bool Store::holds(const pb::Compare& compare) const {
  const KeyRange range{compare.key, compare.range_end};
  if (range.single()) {
    const Key* key = space_.spot(range.key).key;
    const Record* record = key ? seen(*key) : nullptr;
    return record ? satisfies(compare, record->kv()) : satisfied_by_nothing(compare);
  }
  bool any = false;
  for (auto place = writing_ ? space_.tree().seek(range.key) : space_.tree().seek_live(range.key);
       !place.at_end() && range.contains(place.key().text()); writing_ ? place.next() : place.next_live()) {
    const Record* record = seen(place.key());
    if (!record) continue;
    any = true;
    if (!satisfies(compare, record->kv())) return false;
  }
  return any || satisfied_by_nothing(compare);
}

void Store::decide(const pb::TxnRequest& request, TxnPath& path) const {
  const bool success = std::all_of(request.compare.begin(), request.compare.end(),
                                   [this](const pb::Compare& compare) { return holds(compare); });
  path.push(success);
  for (const pb::RequestOp& op : branch_of(request, success)) {
    if (auto* nested = std::get_if<std::unique_ptr<pb::TxnRequest>>(&op.request)) decide(**nested, path);
  }
}

// Stricter than a range on its own: a negative revision is compared as well.
Status Store::check_read(const pb::RangeRequest& request) const {
  if (request.revision == 0) return {};
  if (request.revision > revision()) return errors::FutureRev();
  if (request.revision < compacted_) return errors::Compacted();
  return {};
}

// `deleted` gathers what the operations so far delete: a put that keeps a value or a lease has none to keep there.
// Only a delete to the end of all keys gets here together with such a put; it makes etcd 3.7 panic.
Status Store::check_ops(const pb::TxnRequest& request, TxnPath& path, const LeaseBook& leases,
                        std::vector<KeyRange>& deleted) const {
  for (const pb::RequestOp& op : branch_of(request, path.next())) {
    Status status;
    if (auto* range = std::get_if<pb::RangeRequest>(&op.request)) {
      status = check_read(*range);
    } else if (auto* put = std::get_if<pb::PutRequest>(&op.request)) {
      status = check_put(*put, leases);
      const bool keeps = put->ignore_value || put->ignore_lease;
      if (status.ok() && keeps &&
          std::any_of(deleted.begin(), deleted.end(), [&](const KeyRange& r) { return r.contains(put->key); })) {
        status = errors::KeyNotFound();
      }
    } else if (auto* remove = std::get_if<pb::DeleteRangeRequest>(&op.request)) {
      deleted.push_back({remove->key, remove->range_end});
    } else if (auto* nested = std::get_if<std::unique_ptr<pb::TxnRequest>>(&op.request)) {
      status = check_ops(**nested, path, leases, deleted);
    }
    if (!status.ok()) return status;
  }
  return {};
}

Status Store::check_txn(const pb::TxnRequest& request, TxnPath& path, const LeaseBook& leases) const {
  decide(request, path);
  std::vector<KeyRange> deleted;
  Status status = check_ops(request, path, leases, deleted);
  path.rewind();
  return status;
}

uint64_t Store::deleted_by(const pb::TxnRequest& request) const {
  uint64_t keys = 0;
  for (const auto* branch : {&request.success, &request.failure}) {
    for (const pb::RequestOp& op : *branch) {
      if (auto* remove = std::get_if<pb::DeleteRangeRequest>(&op.request)) keys += deleted_by(*remove);
      if (auto* nested = std::get_if<std::unique_ptr<pb::TxnRequest>>(&op.request)) keys += deleted_by(**nested);
    }
  }
  return keys;
}

pb::TxnResponse Store::execute(const pb::TxnRequest& request, TxnPath& path, Write& write) {
  pb::TxnResponse response;
  response.header = pb::ResponseHeader{};  // a nested one stays empty
  response.succeeded = path.next();
  const auto& branch = branch_of(request, response.succeeded);
  response.responses.reserve(branch.size());
  for (const pb::RequestOp& op : branch) {
    pb::ResponseOp& answer = response.responses.emplace_back();
    if (auto* range = std::get_if<pb::RangeRequest>(&op.request)) {
      answer.response = read(*range, write.view());
    } else if (auto* put_request = std::get_if<pb::PutRequest>(&op.request)) {
      answer.response = put(*put_request, write);
    } else if (auto* remove = std::get_if<pb::DeleteRangeRequest>(&op.request)) {
      answer.response = delete_range(*remove, write);
    } else if (auto* nested = std::get_if<std::unique_ptr<pb::TxnRequest>>(&op.request)) {
      answer.response = std::make_unique<pb::TxnResponse>(execute(**nested, path, write));
    }
  }
  return response;
}

Result<pb::TxnResponse> Store::txn(const pb::TxnRequest& request, LeaseBook& leases) {
  TxnPath path;
  if (Status status = check_txn(request, path, leases); !status.ok()) return fail(std::move(status));
  Write write = begin(leases);
  pb::TxnResponse response = execute(request, path, write);
  end(write);
  response.header->revision = revision_;
  return response;
}

Result<pb::TxnResponse> Store::read_txn(const pb::TxnRequest& request) const {
  TxnPath path;
  decide(request, path);
  pb::TxnResponse response;
  response.header = pb::ResponseHeader{.revision = revision()};
  response.succeeded = path.next();
  for (const pb::RequestOp& op : branch_of(request, response.succeeded)) {
    const auto* range = std::get_if<pb::RangeRequest>(&op.request);
    CHECK(range);
    if (Status status = check_read(*range); !status.ok()) return fail(std::move(status));
    response.responses.emplace_back().response = read(*range, revision());
  }
  return response;
}

}  // namespace quorate::mvcc
