// Transactions: decided and checked whole on the state before them, then executed without failure.

#include <algorithm>

#include "base/check.h"
#include "mvcc/simple_store.h"

namespace quorate::mvcc {

class SimpleStore::Path {
 public:
  void push(bool success) { taken_.push_back(success); }
  void rewind() { next_ = 0; }
  bool next() {
    CHECK(next_ < taken_.size());
    return taken_[next_++];
  }

 private:
  std::vector<bool> taken_;
  size_t next_ = 0;
};

namespace {

const std::vector<pb::RequestOp>& branch_of(const pb::TxnRequest& request, bool success) {
  return success ? request.success : request.failure;
}

// -1, 0 or 1: how what the key has stands to what the compare names.
int order(const pb::Compare& compare, const pb::KeyValue& kv) {
  const auto sign = [](auto ordering) { return ordering < 0 ? -1 : ordering > 0 ? 1 : 0; };
  const auto number = [&](int64_t actual, uint32_t field) {
    return sign(actual <=> (compare.union_field == field ? compare.number : 0));
  };
  switch (compare.target) {
    case pb::CompareTarget::kVersion: return number(kv.version, 4);
    case pb::CompareTarget::kCreate: return number(kv.create_revision, 5);
    case pb::CompareTarget::kMod: return number(kv.mod_revision, 6);
    case pb::CompareTarget::kValue:
      return sign(kv.value <=> (compare.union_field == 7 ? compare.value : std::string_view()));
    case pb::CompareTarget::kLease: return number(kv.lease, 8);
  }
  return 0;  // an unknown target
}

bool satisfies(const pb::Compare& compare, const pb::KeyValue& kv) {
  const int ordering = order(compare, kv);
  switch (compare.result) {
    case pb::CompareResult::kEqual: return ordering == 0;
    case pb::CompareResult::kGreater: return ordering > 0;
    case pb::CompareResult::kLess: return ordering < 0;
    case pb::CompareResult::kNotEqual: return ordering != 0;
  }
  return true;  // an unknown result
}

}  // namespace

bool SimpleStore::holds(const pb::Compare& compare) const {
  const KeyRange range{compare.key, compare.range_end};
  bool any = false;
  for (auto it = chains_.lower_bound(range.key); it != chains_.end() && range.contains(it->first); ++it) {
    const Version* version = it->second.live();
    if (!version) continue;
    any = true;
    if (!satisfies(compare, version->kv())) return false;
  }
  if (any) return true;
  // No value is not the empty value.
  return compare.target != pb::CompareTarget::kValue && satisfies(compare, {});
}

void SimpleStore::decide(const pb::TxnRequest& request, Path& path) const {
  const bool success = std::all_of(request.compare.begin(), request.compare.end(),
                                   [this](const pb::Compare& compare) { return holds(compare); });
  path.push(success);
  for (const pb::RequestOp& op : branch_of(request, success)) {
    if (auto* nested = std::get_if<std::unique_ptr<pb::TxnRequest>>(&op.request)) decide(**nested, path);
  }
}

// Stricter than a range on its own: a negative revision is compared as well.
Status SimpleStore::check_read(const pb::RangeRequest& request) const {
  if (request.revision == 0) return {};
  if (request.revision > revision_) return errors::FutureRev();
  if (request.revision < compacted_) return errors::Compacted();
  return {};
}

// `deleted` gathers what the operations so far delete: a put that keeps a value or a lease has none to keep there.
// Only a delete to the end of all keys gets here together with such a put; it makes etcd 3.7 panic.
Status SimpleStore::check_txn(const pb::TxnRequest& request, Path& path, const LeaseBook& leases,
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
      status = check_txn(**nested, path, leases, deleted);
    }
    if (!status.ok()) return status;
  }
  return {};
}

pb::TxnResponse SimpleStore::execute(const pb::TxnRequest& request, Path& path, Write& write) {
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

Result<pb::TxnResponse> SimpleStore::txn(const pb::TxnRequest& request, LeaseBook& leases) {
  Path path;
  decide(request, path);
  std::vector<KeyRange> deleted;
  if (Status status = check_txn(request, path, leases, deleted); !status.ok()) return fail(std::move(status));
  path.rewind();
  Write write = begin(leases);
  pb::TxnResponse response = execute(request, path, write);
  end(write);
  response.header->revision = revision_;
  return response;
}

Result<pb::TxnResponse> SimpleStore::read_txn(const pb::TxnRequest& request) const {
  Path path;
  decide(request, path);
  pb::TxnResponse response;
  response.header = pb::ResponseHeader{.revision = revision_};
  response.succeeded = path.next();
  for (const pb::RequestOp& op : branch_of(request, response.succeeded)) {
    const auto* range = std::get_if<pb::RangeRequest>(&op.request);
    CHECK(range);
    if (Status status = check_read(*range); !status.ok()) return fail(std::move(status));
    response.responses.emplace_back().response = read(*range, revision_);
  }
  return response;
}

}  // namespace quorate::mvcc
