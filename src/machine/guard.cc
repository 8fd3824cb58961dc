#include "machine/guard.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

namespace quorate::machine {

namespace {

using Ops = std::vector<pb::RequestOp>;
using Keys = std::set<std::string_view>;

// What the deletes of a list of operations cover. As in etcd a range that is empty or open-ended covers nothing.
class Deletes {
 public:
  void add(const pb::DeleteRangeRequest& request) {
    if (request.range_end.empty()) {
      singles_.insert(request.key);
    } else if (request.key < request.range_end) {
      add(request.key, request.range_end);
    }
  }

  void merge(Deletes&& other) {
    if (singles_.size() < other.singles_.size()) singles_.swap(other.singles_);
    if (ranges_.size() < other.ranges_.size()) ranges_.swap(other.ranges_);
    singles_.merge(other.singles_);
    for (const auto& [begin, end] : other.ranges_) add(begin, end);
  }

  bool cover(std::string_view key) const {
    if (singles_.contains(key)) return true;
    auto after = ranges_.upper_bound(key);
    return after != ranges_.begin() && key < std::prev(after)->second;
  }

  // Whether any of `keys` is covered, in time of the smaller side.
  bool cover_any(const Keys& keys) const {
    if (keys.size() <= singles_.size() + ranges_.size()) {
      return std::any_of(keys.begin(), keys.end(), [this](std::string_view key) { return cover(key); });
    }
    return std::any_of(singles_.begin(), singles_.end(), [&](std::string_view key) { return keys.contains(key); }) ||
           std::any_of(ranges_.begin(), ranges_.end(), [&](const auto& range) {
             auto first = keys.lower_bound(range.first);
             return first != keys.end() && *first < range.second;
           });
  }

 private:
  void add(std::string_view begin, std::string_view end) {
    auto at = ranges_.upper_bound(begin);
    if (at != ranges_.begin() && std::prev(at)->second >= begin) --at;
    while (at != ranges_.end() && at->first <= end) {
      begin = std::min(begin, at->first);
      end = std::max(end, at->second);
      at = ranges_.erase(at);
    }
    ranges_.emplace_hint(at, begin, end);
  }

  Keys singles_;
  std::map<std::string_view, std::string_view> ranges_;  // begin to end, disjoint
};

struct Claims {
  Keys puts;
  Deletes deletes;
};

bool meet(const Keys& a, const Keys& b) {
  const Keys& small = a.size() < b.size() ? a : b;
  const Keys& large = a.size() < b.size() ? b : a;
  return std::any_of(small.begin(), small.end(), [&](std::string_view key) { return large.contains(key); });
}

void merge(Keys& into, Keys&& from) {
  if (into.size() < from.size()) into.swap(from);
  into.merge(from);
}

// Gathers what `ops` put and delete; false where a key is put twice, or put where it is deleted. The order of the
// steps decides about transactions beside each other: what one puts a later one may delete, not the reverse.
bool claim(const Ops& ops, Claims& claims) {
  for (const pb::RequestOp& op : ops) {
    if (auto* remove = std::get_if<pb::DeleteRangeRequest>(&op.request)) claims.deletes.add(*remove);
  }
  for (const pb::RequestOp& op : ops) {
    auto* nested = std::get_if<std::unique_ptr<pb::TxnRequest>>(&op.request);
    if (!nested) continue;
    // The two branches exclude each other, so they are not compared.
    Claims success, failure;
    if (!claim((*nested)->success, success) || !claim((*nested)->failure, failure)) return false;
    for (const Claims* branch : {&success, &failure}) {
      if (meet(claims.puts, branch->puts) || claims.deletes.cover_any(branch->puts)) return false;
    }
    for (Claims* branch : {&success, &failure}) {
      merge(claims.puts, std::move(branch->puts));
      claims.deletes.merge(std::move(branch->deletes));
    }
  }
  for (const pb::RequestOp& op : ops) {
    auto* put = std::get_if<pb::PutRequest>(&op.request);
    if (!put) continue;
    if (claims.deletes.cover(put->key) || !claims.puts.insert(put->key).second) return false;
  }
  return true;
}

Status check_shape(const pb::TxnRequest& request, size_t max_ops);

Status check_op(const pb::RequestOp& op, size_t max_ops) {
  if (auto* range = std::get_if<pb::RangeRequest>(&op.request)) return check(*range);
  if (auto* put = std::get_if<pb::PutRequest>(&op.request)) return check(*put);
  if (auto* remove = std::get_if<pb::DeleteRangeRequest>(&op.request)) return check(*remove);
  if (auto* nested = std::get_if<std::unique_ptr<pb::TxnRequest>>(&op.request)) return check_shape(**nested, max_ops);
  return errors::KeyNotFound();
}

// A nested transaction may have as many operations as its parent left of its own share.
Status check_shape(const pb::TxnRequest& request, size_t max_ops) {
  const size_t ops = std::max({request.compare.size(), request.success.size(), request.failure.size()});
  if (ops > max_ops) return errors::TooManyOps();
  for (const pb::Compare& compare : request.compare) {
    if (compare.key.empty()) return errors::EmptyKey();
  }
  for (const Ops* branch : {&request.success, &request.failure}) {
    for (const pb::RequestOp& op : *branch) {
      if (Status status = check_op(op, max_ops - ops); !status.ok()) return status;
    }
  }
  return {};
}

template <class Predicate>
bool all_ops(const pb::TxnRequest& request, Predicate predicate) {
  return std::all_of(request.success.begin(), request.success.end(), predicate) &&
         std::all_of(request.failure.begin(), request.failure.end(), predicate);
}

}  // namespace

Status check(const pb::RangeRequest& request) {
  if (request.key.empty()) return errors::EmptyKey();
  const auto known = [](auto value, auto last) { return static_cast<int32_t>(value) >= 0 && value <= last; };
  if (!known(request.sort_order, pb::SortOrder::kDescend)) return errors::InvalidSortOption();
  if (!known(request.sort_target, pb::SortTarget::kValue)) return errors::InvalidSortOption();
  return {};
}

Status check(const pb::PutRequest& request) {
  if (request.key.empty()) return errors::EmptyKey();
  if (request.ignore_value && !request.value.empty()) return errors::ValueProvided();
  if (request.ignore_lease && request.lease != 0) return errors::LeaseProvided();
  return {};
}

Status check(const pb::DeleteRangeRequest& request) {
  if (request.key.empty()) return errors::EmptyKey();
  return {};
}

Status check(const pb::TxnRequest& request, const GuardLimits& limits) {
  if (Status status = check_shape(request, limits.max_txn_ops); !status.ok()) return status;
  for (const Ops* branch : {&request.success, &request.failure}) {
    Claims claims;
    if (!claim(*branch, claims)) return errors::DuplicateKey();
  }
  return {};
}

bool is_read_only(const pb::TxnRequest& request) {
  return all_ops(request, [](const pb::RequestOp& op) { return std::holds_alternative<pb::RangeRequest>(op.request); });
}

bool is_serializable(const pb::TxnRequest& request) {
  return all_ops(request, [](const pb::RequestOp& op) {
    auto* range = std::get_if<pb::RangeRequest>(&op.request);
    return range && range->serializable;
  });
}

bool has_put(const pb::TxnRequest& request) {
  return !all_ops(request, [](const pb::RequestOp& op) {
    if (std::holds_alternative<pb::PutRequest>(op.request)) return false;
    auto* nested = std::get_if<std::unique_ptr<pb::TxnRequest>>(&op.request);
    return !nested || !has_put(**nested);
  });
}

}  // namespace quorate::machine
