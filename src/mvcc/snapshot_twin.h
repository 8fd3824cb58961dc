// mvcc/snapshot_twin.h: the dumbest store that can be right: a whole copy of all keys for every revision.
//
// For tests alone. Everything is a linear search, nothing is shared with the store it judges but the messages.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/check.h"
#include "pb/codec.h"

namespace quorate::mvcc {

class SnapshotTwin {
 public:
  struct Pair {
    std::string key, value;
    int64_t create = 0, mod = 0, version = 0, lease = 0;
  };
  using State = std::map<std::string, Pair>;
  struct Happened {
    Revision revision = 0;
    bool put = false;
    Pair pair;
  };

  std::set<LeaseId> leases{7, 8, 9};

  Revision revision() const { return static_cast<Revision>(states_.size()) - 1; }
  Revision compacted() const { return compacted_; }
  const State& state() const { return states_.back(); }

  static bool inside(std::string_view key, std::string_view from, std::string_view to) {
    if (to.empty()) return key == from;
    if (to.size() == 1 && to[0] == '\0') return !(key < from);
    return !(key < from) && key < to;
  }

  // Responses as their bytes, or the text of the error.
  std::string range(const pb::RangeRequest& r) {
    Revision at = r.revision > 0 ? r.revision : revision();
    if (at > revision()) return errors::FutureRev().text();
    if (at < compacted_) return errors::Compacted().text();
    return pb::encode(read(r, states_[static_cast<size_t>(at)], revision()));
  }

  std::string txn(const pb::TxnRequest& request) {
    std::vector<const pb::DeleteRangeRequest*> deletes;
    if (std::string error = refuse(request, deletes); !error.empty()) return error;
    Work work{state(), {}, revision() + 1};
    pb::TxnResponse response = run(request, work);
    commit(work);
    response.header->revision = revision();
    return pb::encode(response);
  }

  std::string put(const pb::PutRequest& request) {
    if (std::string error = refuse(request); !error.empty()) return error;
    Work work{state(), {}, revision() + 1};
    pb::PutResponse response = run(request, work);
    commit(work);
    return pb::encode(response);
  }

  std::string delete_range(const pb::DeleteRangeRequest& request) {
    Work work{state(), {}, revision() + 1};
    pb::DeleteRangeResponse response = run(request, work);
    commit(work);
    return pb::encode(response);
  }

  void delete_keys(const std::vector<std::string>& keys) {
    Work work{state(), {}, revision() + 1};
    for (const std::string& key : keys) run(pb::DeleteRangeRequest{.key = key}, work);
    commit(work);
  }

  std::string compact(Revision at) {
    if (at <= compacted_) return errors::Compacted().text();
    if (at > revision()) return errors::FutureRev().text();
    compacted_ = at;
    return "";
  }

  std::vector<std::string> events(Revision from, Revision to, std::string_view key, std::string_view end,
                                  bool prev_kv) {
    std::vector<std::string> out;
    for (const Happened& happened : happened_) {
      if (happened.revision < from || happened.revision >= to || !inside(happened.pair.key, key, end)) continue;
      pb::Event event;
      event.type = happened.put ? pb::EventType::kPut : pb::EventType::kDelete;
      event.kv = view(happened.pair);
      const Revision before = happened.revision - 1;
      if (prev_kv && before >= compacted_ && !(happened.put && happened.pair.create == happened.pair.mod)) {
        const State& state = states_[static_cast<size_t>(before)];
        if (auto it = state.find(happened.pair.key); it != state.end()) event.prev_kv = view(it->second);
      }
      out.push_back(std::to_string(happened.revision) + " " + pb::encode(event));
    }
    return out;
  }

  std::set<std::string> keys_of(LeaseId lease) const {
    std::set<std::string> keys;
    for (const auto& [key, pair] : state()) {
      if (pair.lease == lease) keys.insert(key);
    }
    return keys;
  }

 private:
  struct Work {
    State state;
    std::vector<Happened> happened;
    Revision revision;
    Revision view() const { return happened.empty() ? revision - 1 : revision; }
  };

  // A view of a copy that lives as long as the twin.
  pb::KeyValue view(const Pair& pair) {
    const Pair& p = kept_.emplace_back(pair);
    return {p.key, p.create, p.mod, p.version, p.value, p.lease};
  }

  static bool less(const Pair& a, const Pair& b, pb::SortTarget target) {
    switch (target) {
      case pb::SortTarget::kKey: return a.key < b.key;
      case pb::SortTarget::kVersion: return a.version < b.version;
      case pb::SortTarget::kCreate: return a.create < b.create;
      case pb::SortTarget::kMod: return a.mod < b.mod;
      case pb::SortTarget::kValue: return a.value < b.value;
    }
    return false;
  }

  pb::RangeResponse read(const pb::RangeRequest& r, const State& state, Revision current) {
    std::vector<Pair> found;
    for (const auto& [key, pair] : state) {
      if (inside(key, r.key, r.range_end)) found.push_back(pair);
    }
    pb::RangeResponse out;
    out.header = pb::ResponseHeader{.revision = current};
    out.count = static_cast<int64_t>(found.size());
    if (r.count_only) return out;
    const bool natural = r.sort_order == pb::SortOrder::kNone;
    const bool filters = r.min_mod_revision || r.max_mod_revision || r.min_create_revision || r.max_create_revision;
    const size_t limit = r.limit > 0 ? static_cast<size_t>(r.limit) : found.size();
    if (natural && !filters && found.size() > limit + 1) found.resize(limit + 1);
    std::erase_if(found, [&](const Pair& p) {
      return (r.min_mod_revision && p.mod < r.min_mod_revision) || (r.max_mod_revision && p.mod > r.max_mod_revision) ||
             (r.min_create_revision && p.create < r.min_create_revision) ||
             (r.max_create_revision && p.create > r.max_create_revision);
    });
    const bool down = r.sort_order == pb::SortOrder::kDescend;
    for (size_t i = 1; i < found.size(); ++i) {
      for (size_t j = i; j > 0; --j) {
        const bool swap =
            down ? less(found[j - 1], found[j], r.sort_target) : less(found[j], found[j - 1], r.sort_target);
        if (swap) std::swap(found[j - 1], found[j]);
      }
    }
    out.more = found.size() > limit;
    if (out.more) found.resize(limit);
    for (Pair pair : found) {
      if (r.keys_only) {
        pair.value.clear();
        if (r.sort_target != pb::SortTarget::kValue) pair.lease = 0;
      }
      out.kvs.push_back(view(pair));
    }
    return out;
  }

  std::string refuse(const pb::PutRequest& put) const {
    if (put.lease != 0 && !leases.contains(put.lease)) return errors::LeaseNotFound().text();
    if ((put.ignore_value || put.ignore_lease) && !state().contains(std::string(put.key))) {
      return errors::KeyNotFound().text();
    }
    return "";
  }

  std::string refuse(const pb::TxnRequest& request, std::vector<const pb::DeleteRangeRequest*>& deletes) const {
    for (const pb::RequestOp& op : taken(request, state())) {
      std::string error;
      if (auto* r = std::get_if<pb::RangeRequest>(&op.request); r && r->revision != 0) {
        if (r->revision > revision()) error = errors::FutureRev().text();
        if (r->revision < compacted_) error = errors::Compacted().text();
      }
      if (auto* put = std::get_if<pb::PutRequest>(&op.request)) {
        error = refuse(*put);
        if (error.empty() && (put->ignore_value || put->ignore_lease)) {
          for (const auto* d : deletes) {
            if (inside(put->key, d->key, d->range_end)) error = errors::KeyNotFound().text();
          }
        }
      }
      if (auto* remove = std::get_if<pb::DeleteRangeRequest>(&op.request)) deletes.push_back(remove);
      if (auto* nested = std::get_if<std::unique_ptr<pb::TxnRequest>>(&op.request)) error = refuse(**nested, deletes);
      if (!error.empty()) return error;
    }
    return "";
  }

  static bool holds(const pb::Compare& c, const Pair& p) {
    int64_t have = 0;
    uint32_t field = 0;
    switch (c.target) {
      case pb::CompareTarget::kVersion: have = p.version, field = 4; break;
      case pb::CompareTarget::kCreate: have = p.create, field = 5; break;
      case pb::CompareTarget::kMod: have = p.mod, field = 6; break;
      case pb::CompareTarget::kLease: have = p.lease, field = 8; break;
      case pb::CompareTarget::kValue: {
        const std::string want = c.union_field == 7 ? std::string(c.value) : "";
        have = p.value.compare(want);
        have = have < 0 ? -1 : have > 0 ? 1 : 0;
        break;
      }
    }
    const int64_t want = field != 0 && c.union_field == field ? c.number : 0;
    switch (c.result) {
      case pb::CompareResult::kEqual: return have == want;
      case pb::CompareResult::kGreater: return have > want;
      case pb::CompareResult::kLess: return have < want;
      case pb::CompareResult::kNotEqual: return have != want;
    }
    return true;
  }

  static bool holds(const pb::Compare& c, const State& state) {
    size_t matching = 0, fine = 0;
    for (const auto& [key, pair] : state) {
      if (!inside(key, c.key, c.range_end)) continue;
      ++matching;
      fine += holds(c, pair);
    }
    if (matching == 0) return c.target != pb::CompareTarget::kValue && holds(c, Pair{});
    return fine == matching;
  }

  static const std::vector<pb::RequestOp>& taken(const pb::TxnRequest& request, const State& state) {
    for (const pb::Compare& c : request.compare) {
      if (!holds(c, state)) return request.failure;
    }
    return request.success;
  }

  pb::PutResponse run(const pb::PutRequest& put, Work& work) {
    pb::PutResponse out;
    out.header = pb::ResponseHeader{.revision = work.revision};
    const std::string key(put.key);
    auto it = work.state.find(key);
    const bool there = it != work.state.end();
    CHECK(there || !(put.ignore_value || put.ignore_lease));
    Pair pair{key, std::string(put.value), work.revision, work.revision, 1, put.lease};
    if (there) {
      if (put.prev_kv) out.prev_kv = view(it->second);
      pair.create = it->second.create;
      pair.version = it->second.version + 1;
      if (put.ignore_value) pair.value = it->second.value;
      if (put.ignore_lease) pair.lease = it->second.lease;
    }
    work.state[key] = pair;
    work.happened.push_back({work.revision, true, pair});
    return out;
  }

  pb::DeleteRangeResponse run(const pb::DeleteRangeRequest& request, Work& work) {
    pb::DeleteRangeResponse out;
    const State before = work.state;
    for (const auto& [key, pair] : before) {
      if (!inside(key, request.key, request.range_end)) continue;
      if (request.prev_kv) out.prev_kvs.push_back(view(pair));
      work.state.erase(key);
      work.happened.push_back({work.revision, false, Pair{key, "", 0, work.revision, 0, 0}});
      ++out.deleted;
    }
    out.header = pb::ResponseHeader{.revision = work.view()};
    return out;
  }

  pb::TxnResponse run(const pb::TxnRequest& request, Work& work) {
    pb::TxnResponse out;
    out.header = pb::ResponseHeader{};
    const auto& ops = taken(request, state());  // the state before, at any depth
    out.succeeded = std::all_of(request.compare.begin(), request.compare.end(),
                                [this](const pb::Compare& c) { return holds(c, state()); });
    for (const pb::RequestOp& op : ops) {
      pb::ResponseOp& answer = out.responses.emplace_back();
      if (auto* r = std::get_if<pb::RangeRequest>(&op.request)) {
        const bool old = r->revision > 0 && r->revision < work.view();
        answer.response = read(*r, old ? states_[static_cast<size_t>(r->revision)] : work.state, work.view());
      } else if (auto* p = std::get_if<pb::PutRequest>(&op.request)) {
        answer.response = run(*p, work);
      } else if (auto* d = std::get_if<pb::DeleteRangeRequest>(&op.request)) {
        answer.response = run(*d, work);
      } else if (auto* nested = std::get_if<std::unique_ptr<pb::TxnRequest>>(&op.request)) {
        answer.response = std::make_unique<pb::TxnResponse>(run(**nested, work));
      }
    }
    return out;
  }

  void commit(const Work& work) {
    if (work.happened.empty()) return;
    states_.push_back(work.state);
    happened_.insert(happened_.end(), work.happened.begin(), work.happened.end());
  }

  std::vector<State> states_ = std::vector<State>(2);  // by revision; a fresh store is at 1
  std::vector<Happened> happened_;
  std::deque<Pair> kept_;
  Revision compacted_ = -1;
};

}  // namespace quorate::mvcc
