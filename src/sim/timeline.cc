#include "sim/timeline.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "machine/guard.h"
#include "pb/codec.h"

namespace quorate::sim {

namespace {

bool goes_through_log(const Operation& operation, Placed& placed) {
  switch (operation.kind) {
    case Kind::kPut:
    case Kind::kDeleteRange:
    case Kind::kCompact:
    case Kind::kLeaseGrant:
    case Kind::kLeaseRevoke: return true;
    case Kind::kTxn: {
      pb::TxnRequest request;
      if (!pb::decode(operation.request, request) || !machine::is_read_only(request)) return true;
      placed.serializable = machine::is_serializable(request);
      return false;
    }
    case Kind::kRange: {
      pb::RangeRequest request;
      placed.serializable = pb::decode(operation.request, request) && request.serializable;
      return false;
    }
    case Kind::kLeaseLeases: placed.serializable = true; return false;
    case Kind::kLeaseKeepAlive:
    case Kind::kLeaseTimeToLive: return false;
  }
  return false;
}

template <class Response>
std::optional<pb::ResponseHeader> header_of(std::string_view bytes) {
  Response response;
  if (!pb::decode(bytes, response)) return std::nullopt;
  return response.header;
}

}  // namespace

Timeline::Timeline(const History& history, const Model& model) : history_(history), model_(model) {
  place();
  bound_proposals();
  sweep();
}

const Operation* Timeline::find(uint64_t operation) const {
  const auto found = by_id_.find(operation);
  return found == by_id_.end() ? nullptr : &history_.operations[found->second];
}

void Timeline::place() {
  placed_.resize(history_.operations.size());
  by_id_.reserve(placed_.size());
  for (size_t i = 0; i < placed_.size(); ++i) {
    const Operation& operation = history_.operations[i];
    Placed& placed = placed_[i];
    by_id_.emplace(operation.id, i);
    placed.write = goes_through_log(operation, placed);
    placed.settled = operation.answered && !leaves_open(operation.status);
    if (placed.settled && operation.status.ok()) read_header(operation, placed);
  }
  for (Index index = 1; index <= model_.last_index(); ++index) {
    const auto found = by_id_.find(model_.applied(index).operation);
    if (found == by_id_.end()) continue;
    Placed& placed = placed_[found->second];
    if (placed.write && placed.index == 0) placed.index = index;
  }
}

void Timeline::read_header(const Operation& operation, Placed& placed) const {
  const std::string_view bytes = operation.response;
  switch (operation.kind) {
    case Kind::kPut: placed.header = header_of<pb::PutResponse>(bytes); break;
    case Kind::kDeleteRange: placed.header = header_of<pb::DeleteRangeResponse>(bytes); break;
    case Kind::kTxn: placed.header = header_of<pb::TxnResponse>(bytes); break;
    case Kind::kRange: placed.header = header_of<pb::RangeResponse>(bytes); break;
    case Kind::kCompact: placed.header = header_of<pb::CompactionResponse>(bytes); break;
    case Kind::kLeaseGrant: placed.header = header_of<pb::LeaseGrantResponse>(bytes); break;
    case Kind::kLeaseRevoke: placed.header = header_of<pb::LeaseRevokeResponse>(bytes); break;
    case Kind::kLeaseKeepAlive: placed.header = header_of<pb::LeaseKeepAliveResponse>(bytes); break;
    case Kind::kLeaseTimeToLive: placed.header = header_of<pb::LeaseTimeToLiveResponse>(bytes); break;
    case Kind::kLeaseLeases: placed.header = header_of<pb::LeaseLeasesResponse>(bytes); break;
  }
}

// An entry was proposed after those before it.
void Timeline::bound_proposals() {
  MonoTime bound = MonoTime::min();
  for (Index index = 1; index <= model_.last_index(); ++index) {
    const Applied& applied = model_.applied(index);
    std::optional<MonoTime> when;
    if (const auto seen = history_.proposed_at.find({applied.term, index}); seen != history_.proposed_at.end()) {
      when = seen->second;
    } else if (const Operation* operation = find(applied.operation)) {
      when = operation->begin;
    }
    proposed_.push_back(when);
    if (when) bound = std::max(bound, *when);
    not_before_.push_back(bound);
  }
}

Index Timeline::ceiling(MonoTime at) const {
  return static_cast<Index>(std::upper_bound(not_before_.begin(), not_before_.end(), at) - not_before_.begin());
}

std::optional<MonoTime> Timeline::proposed(Index index) const { return proposed_[index - 1]; }

Index Timeline::horizon(MonoTime at) const {
  Index first = kNever;
  for (const Forgiven& forgiven : history_.forgiven) {
    // Entries below `from` were kept: where they are not there, it is not this that lost them.
    if (at < forgiven.when && forgiven.from <= model_.last_index() + 1) first = std::min(first, forgiven.from);
  }
  return first;
}

Revision Timeline::sure_revision(MonoTime at) const {
  const Index first = horizon(at);
  if (first == kNever) return std::numeric_limits<Revision>::max();
  return model_.revision_at(first > 0 ? first - 1 : 0);
}

std::pair<Index, Index> Timeline::window(const Placed& placed) const {
  const Revision revision = placed.header->revision;
  if (revision < 1 || revision > model_.revision()) return {1, 0};
  const Index floor = placed.serializable ? 0 : placed.floor.index;
  return {std::max(model_.first_at(revision), floor), std::min(model_.last_at(revision), placed.ceiling)};
}

// What the answer of an operation proves to everyone who asks after it.
Proof Timeline::proof_of(size_t number) const {
  const Placed& placed = placed_[number];
  Proof proof{.index = 0, .operation = history_.operations[number].id};
  if (placed.settled && placed.write && placed.index != 0) {
    proof.index = placed.index;
    return proof;
  }
  if (!placed.judged || !placed.header) return proof;
  const Revision revision = placed.header->revision;
  if (revision < 1 || revision > model_.revision()) return proof;
  // Never more than what the revision allows, so that one wrong answer is not laid to those after it.
  const Index floor = placed.serializable ? 0 : std::min(placed.floor.index, model_.last_at(revision));
  proof.index = std::max(model_.first_at(revision), floor);
  return proof;
}

void Timeline::sweep() {
  struct Seen {
    MonoTime at;
    size_t operation;  // or, from the operations' number on, none
    Index index;       // of a watch's
  };
  std::vector<Seen> seen;
  for (size_t i = 0; i < placed_.size(); ++i) {
    if (placed_[i].settled) seen.push_back({history_.operations[i].end, i, 0});
  }
  for (const Watch& watch : history_.watches) {
    for (const Delivery& delivery : watch.deliveries) {
      const auto header = header_of<pb::WatchResponse>(delivery.response);
      if (!header || header->revision < 1 || header->revision > model_.revision()) continue;
      if (header->revision > sure_revision(watch.begin)) continue;
      seen.push_back({delivery.at, placed_.size(), model_.first_at(header->revision)});
    }
  }
  std::stable_sort(seen.begin(), seen.end(), [](const Seen& a, const Seen& b) { return a.at < b.at; });
  const auto raise = [](Proof& floor, const Proof& proof) {
    if (proof.index > floor.index) floor = proof;
  };
  std::map<uint32_t, std::pair<size_t, Proof>> clients;  // the operation before, and what those before it proved
  Proof known;
  size_t next = 0;
  for (size_t i = 0; i < placed_.size(); ++i) {
    const Operation& operation = history_.operations[i];
    for (; next < seen.size() && seen[next].at < operation.begin; ++next) {
      const bool watch = seen[next].operation == placed_.size();
      raise(known, watch ? Proof{seen[next].index, 0} : proof_of(seen[next].operation));
    }
    Placed& placed = placed_[i];
    placed.floor = known;
    // A client's own answers come before its next request even where the clock did not move.
    if (const auto client = clients.find(operation.client); client != clients.end()) {
      auto& [before, proof] = client->second;
      if (placed_[before].settled && history_.operations[before].end <= operation.begin) raise(proof, proof_of(before));
      raise(placed.floor, proof);
      before = i;
    } else {
      clients.emplace(operation.client, std::pair(i, Proof{}));
    }
    placed.ceiling = operation.answered ? ceiling(operation.end) : model_.last_index();
    placed.judged = placed.settled && (!placed.header || placed.header->revision <= sure_revision(operation.begin));
  }
}

}  // namespace quorate::sim
