#include "sim/model.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "mvcc/simple_store.h"
#include "pb/codec.h"
#include "pb/wire.h"
#include "sim/history.h"

namespace quorate::sim {

namespace {

constexpr std::string_view kFirstKey("\0", 1);

// The payload's bytes in an encoded InternalRaftRequest; empty where there are none.
std::string_view body_of(std::string_view entry, pb::Payload payload) {
  const uint32_t wanted = pb::wire::bytes_tag(static_cast<uint32_t>(payload));
  pb::wire::Reader in(entry);
  std::string_view body;
  uint32_t tag = 0;
  while (in.next(tag)) {
    if (tag == wanted) {
      in.bytes(body);
    } else {
      in.skip(tag);
    }
  }
  return in.ok() ? body : std::string_view();
}

Change change_of(const pb::Event& event) {
  return {.key = std::string(event.kv.key),
          .value = std::string(event.kv.value),
          .create_revision = event.kv.create_revision,
          .mod_revision = event.kv.mod_revision,
          .version = event.kv.version,
          .lease = event.kv.lease};
}

}  // namespace

// The state, moved on entry by entry.
class Model::Replay final : public mvcc::LeaseBook {
 public:
  explicit Replay(const ModelOptions& options) : options_(options) {}

  struct Outcome {
    Status status;
    std::string response;
  };
  Outcome apply(const pb::InternalRequest& request) {
    if (auto* alarm = std::get_if<pb::AlarmRequest>(&request.body)) return this->alarm(*alarm);
    if (!full_.empty() && takes_space(request)) return {.status = errors::NoSpace(), .response = {}};
    if (auto* range = std::get_if<pb::RangeRequest>(&request.body)) return settle(store_.range(*range));
    if (auto* put = std::get_if<pb::PutRequest>(&request.body)) return settle(store_.put(*put, *this));
    if (auto* remove = std::get_if<pb::DeleteRangeRequest>(&request.body)) {
      return settle(store_.delete_range(*remove, *this));
    }
    if (auto* txn = std::get_if<pb::TxnRequest>(&request.body)) return settle(store_.txn(*txn, *this));
    if (auto* compaction = std::get_if<pb::CompactionRequest>(&request.body)) {
      Status status = store_.compact(compaction->revision);
      if (!status.ok()) return {.status = std::move(status), .response = {}};
      return {.status = {}, .response = pb::encode(pb::CompactionResponse{.header = header()})};
    }
    if (auto* grant = std::get_if<pb::LeaseGrantRequest>(&request.body)) return this->grant(*grant);
    if (auto* revoke = std::get_if<pb::LeaseRevokeRequest>(&request.body)) return this->revoke(*revoke);
    return {};
  }

  bool exists(LeaseId lease) const override { return ttls_.contains(lease); }
  void move_key(std::string_view, LeaseId, LeaseId) override {}  // a key's lease is read from the key itself

  const mvcc::SimpleStore& store() const { return store_; }
  int64_t ttl_of(LeaseId lease) const { return ttls_.at(lease); }

 private:
  template <class Response>
  static Outcome settle(const Result<Response>& result) {
    if (!result) return {.status = result.error(), .response = {}};
    return {.status = {}, .response = pb::encode(*result)};
  }

  // The one alarm that members of a simulation raise.
  Outcome alarm(const pb::AlarmRequest& request) {
    if (request.alarm == pb::AlarmType::kNoSpace) {
      if (request.action == pb::AlarmAction::kActivate) full_.insert(request.member_id);
      if (request.action == pb::AlarmAction::kDeactivate) full_.erase(request.member_id);
    }
    return {};
  }

  static bool puts(const std::vector<pb::RequestOp>& ops) {
    return std::ranges::any_of(ops, [](const pb::RequestOp& op) {
      if (auto* txn = std::get_if<std::unique_ptr<pb::TxnRequest>>(&op.request)) {
        return puts((*txn)->success) || puts((*txn)->failure);
      }
      return std::holds_alternative<pb::PutRequest>(op.request);
    });
  }
  static bool takes_space(const pb::InternalRequest& request) {
    if (auto* txn = std::get_if<pb::TxnRequest>(&request.body)) return puts(txn->success) || puts(txn->failure);
    return std::holds_alternative<pb::PutRequest>(request.body) ||
           std::holds_alternative<pb::LeaseGrantRequest>(request.body);
  }

  Outcome grant(const pb::LeaseGrantRequest& request) {
    if (request.id == 0) return {.status = errors::LeaseNotFound(), .response = {}};
    if (request.ttl_s > limits::kMaxLeaseTtlS) return {.status = errors::LeaseTTLTooLarge(), .response = {}};
    if (exists(request.id)) return {.status = errors::LeaseExist(), .response = {}};
    const int64_t ttl_s = std::max(request.ttl_s, options_.min_lease_ttl_s);
    ttls_[request.id] = ttl_s;
    const pb::LeaseGrantResponse response{.header = header(), .id = request.id, .ttl_s = ttl_s, .error = {}};
    return {.status = {}, .response = pb::encode(response)};
  }

  Outcome revoke(const pb::LeaseRevokeRequest& request) {
    if (!exists(request.id)) return {.status = errors::LeaseNotFound(), .response = {}};
    pb::RangeRequest everything;
    everything.key = everything.range_end = kFirstKey;
    std::vector<std::string> keys;
    const Result<pb::RangeResponse> all = store_.range(everything);
    CHECK(all);
    for (const pb::KeyValue& kv : all->kvs) {
      if (kv.lease == request.id) keys.emplace_back(kv.key);
    }
    ttls_.erase(request.id);
    store_.delete_keys(keys, *this);
    return {.status = {}, .response = pb::encode(pb::LeaseRevokeResponse{.header = header()})};
  }

  pb::ResponseHeader header() const {
    pb::ResponseHeader out;
    out.revision = store_.revision();
    return out;
  }

  const ModelOptions options_;
  mvcc::SimpleStore store_;
  std::map<LeaseId, int64_t> ttls_;
  std::set<MemberId> full_;  // that told of NOSPACE
};

Model::Model(const std::vector<pb::Entry>& log, const ModelOptions& options)
    : log_(log), options_(options), first_at_{0, 0}, changes_(2) {
  Replay replay(options_);
  applied_.reserve(log.size());
  for (const pb::Entry& entry : log) {
    Applied& applied = applied_.emplace_back();
    applied.term = entry.term;
    pb::InternalRequest request;
    if (entry.type == pb::EntryType::kNormal && !entry.data.empty()) {
      if (pb::decode(entry.data.view(), request)) {
        applied.payload = request.payload;
        applied.body = body_of(entry.data.view(), request.payload);
        applied.operation = operation_id_of(applied.body);
        Replay::Outcome outcome = replay.apply(request);
        applied.status = std::move(outcome.status);
        applied.response = std::move(outcome.response);
        if (applied.status.ok()) note_lease(request, last_index());
      } else {
        applied.status = Status(Code::kInternal, "the entry is no request");
      }
    }
    applied.revision = replay.store().revision();
    applied.compacted = replay.store().compacted();
    applied.changed = applied.revision != revision_at(last_index() - 1);
    if (applied.changed) note_changes(replay);
  }
  for (const std::vector<Change>& changes : changes_) {
    for (const Change& change : changes) by_key_[change.key].push_back(&change);
  }
}

void Model::note_lease(const pb::InternalRequest& request, Index index) {
  const auto latest = [this](LeaseId id) -> LeaseLife* {
    const auto found = latest_life_.find(id);
    return found == latest_life_.end() ? nullptr : &leases_[found->second];
  };
  if (auto* grant = std::get_if<pb::LeaseGrantRequest>(&request.body)) {
    latest_life_[grant->id] = leases_.size();
    leases_.push_back({.id = grant->id,
                       .ttl_s = std::max(grant->ttl_s, options_.min_lease_ttl_s),
                       .granted = index,
                       .revoked = 0,
                       .revoked_by_client = false,
                       .checkpoints = {}});
  } else if (auto* revoke = std::get_if<pb::LeaseRevokeRequest>(&request.body)) {
    LeaseLife* life = latest(revoke->id);
    CHECK(life && life->revoked == 0);
    life->revoked = index;
    life->revoked_by_client = applied(index).operation != 0;
  } else if (auto* checkpoints = std::get_if<pb::LeaseCheckpointRequest>(&request.body)) {
    for (const pb::LeaseCheckpoint& checkpoint : checkpoints->checkpoints) {
      LeaseLife* life = latest(checkpoint.id);
      if (life && life->revoked == 0) life->checkpoints.emplace_back(index, checkpoint.remaining_ttl_s);
    }
  }
}

void Model::note_changes(const Replay& replay) {
  const Revision revision = replay.store().revision();
  CHECK(static_cast<size_t>(revision) == changes_.size());
  first_at_.push_back(last_index());
  std::vector<Change>& changes = changes_.emplace_back();
  replay.store().events(revision, revision + 1, {kFirstKey, kFirstKey}, false, 1,
                        [&](const pb::Event& event) { changes.push_back(change_of(event)); });
}

Index Model::last_at(Revision revision) const {
  const auto next = static_cast<size_t>(revision) + 1;
  return next < first_at_.size() ? first_at_[next] - 1 : last_index();
}

const Change* Model::before(std::string_view key, Revision revision) const {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  const auto at = std::lower_bound(found->second.begin(), found->second.end(), revision,
                                   [](const Change* change, Revision r) { return change->mod_revision < r; });
  if (at == found->second.begin()) return nullptr;
  const Change* change = *std::prev(at);
  return change->version == 0 ? nullptr : change;
}

std::vector<const LeaseLife*> Model::lives_of(LeaseId id) const {
  std::vector<const LeaseLife*> out;
  for (const LeaseLife& life : leases_) {
    if (life.id == id) out.push_back(&life);
  }
  return out;
}

std::vector<std::string> Model::keys_of(const LeaseLife& life, Revision revision) const {
  std::vector<std::string> keys;
  for (const auto& [key, changes] : by_key_) {
    const Change* change = before(key, revision + 1);
    if (change && change->lease == life.id && change->mod_revision > revision_at(life.granted - 1)) {
      keys.emplace_back(key);
    }
  }
  return keys;
}

std::vector<Model::Answer> Model::ask(const std::vector<Question>& questions) const {
  std::vector<size_t> order(questions.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return questions[a].at < questions[b].at; });
  std::vector<Answer> answers(questions.size());
  Replay replay(options_);
  Index at = 0;
  for (const size_t number : order) {
    const Question& question = questions[number];
    CHECK(question.at <= last_index());
    for (; at < question.at; ++at) {
      pb::InternalRequest request;
      const pb::Entry& entry = log_[at];
      if (entry.type != pb::EntryType::kNormal || entry.data.empty()) continue;
      if (pb::decode(entry.data.view(), request)) replay.apply(request);
    }
    answers[number] = answer(replay, question);
  }
  return answers;
}

Model::Answer Model::answer(const Replay& replay, const Question& question) {
  const auto settled = [](const auto& result) {
    if (!result) return Answer{.status = result.error(), .response = {}};
    return Answer{.status = {}, .response = pb::encode(*result)};
  };
  const Answer malformed{.status = Status(Code::kInternal, "the question is no request"), .response = {}};
  if (question.txn) {
    pb::TxnRequest request;
    return pb::decode(question.request, request) ? settled(replay.store().read_txn(request)) : malformed;
  }
  pb::RangeRequest request;
  return pb::decode(question.request, request) ? settled(replay.store().range(request)) : malformed;
}

}  // namespace quorate::sim
