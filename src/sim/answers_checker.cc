// What writes were answered, against what the model answers at their entries; revisions and terms told.
#include <map>

#include "base/limits.h"
#include "machine/guard.h"
#include "pb/codec.h"
#include "sim/check.h"
#include "sim/text.h"
#include "sim/timeline.h"

namespace quorate::sim {

namespace {

// What a guard refuses this request with; ok where it lets it pass.
Status refusal_of(const Operation& operation) {
  const auto checked = [&](auto request, auto check) {
    return pb::decode(operation.request, request) ? check(request) : Status(Code::kInternal, "no message");
  };
  const auto check = [](const auto& request) { return machine::check(request); };
  switch (operation.kind) {
    case Kind::kPut: return checked(pb::PutRequest(), check);
    case Kind::kDeleteRange: return checked(pb::DeleteRangeRequest(), check);
    case Kind::kRange: return checked(pb::RangeRequest(), check);
    case Kind::kTxn:
      return checked(pb::TxnRequest(),
                     [](const pb::TxnRequest& r) { return machine::check(r, machine::GuardLimits()); });
    case Kind::kLeaseGrant:
      return checked(pb::LeaseGrantRequest(), [](const pb::LeaseGrantRequest& request) {
        return request.ttl_s > limits::kMaxLeaseTtlS ? errors::LeaseTTLTooLarge() : Status();
      });
    default: return {};
  }
}

bool is_refusal(const Status& status) {
  return status == errors::EmptyKey() || status == errors::ValueProvided() || status == errors::LeaseProvided() ||
         status == errors::TooManyOps() || status == errors::DuplicateKey() || status == errors::InvalidSortOption() ||
         status == errors::LeaseTTLTooLarge() || status == errors::KeyNotFound();
}

void differs(const Operation& operation, Index index, const std::string& expected, Violations& out) {
  const std::string place = index == 0 ? "" : " (entry " + std::to_string(index) + ")";
  out.push_back({ViolationKind::kAnswer, name_of(operation) + place + ": expected " + expected + "; answered " +
                                             text_of(operation.kind, operation.status, operation.response)});
}

// `forgiven`: its entry may have been lost with a damaged medium, and with it what it was refused for.
void check_answer(const Operation& operation, const Placed& placed, const Model& model, bool forgiven,
                  Violations& out) {
  if (placed.write && placed.index != 0) {
    const Applied& applied = model.applied(placed.index);
    if (operation.status == applied.status &&
        (!applied.status.ok() || bare(operation.kind, operation.response) == applied.response)) {
      return;
    }
    return differs(operation, placed.index, text_of(operation.kind, applied.status, applied.response), out);
  }
  const Status refusal = refusal_of(operation);
  if (operation.status.ok()) {
    if (!refusal.ok()) return differs(operation, 0, "error \"" + refusal.text() + "\"", out);
    if (!placed.header) return differs(operation, 0, "an answer with a header", out);
  } else if (!forgiven && is_refusal(operation.status) && operation.status != refusal) {
    const std::string expected = refusal.ok() ? "no refusal" : "error \"" + refusal.text() + "\"";
    return differs(operation, 0, expected, out);
  }
}

bool changed(const pb::TxnResponse& response) {
  for (const pb::ResponseOp& op : response.responses) {
    if (std::holds_alternative<pb::PutResponse>(op.response)) return true;
    const auto* remove = std::get_if<pb::DeleteRangeResponse>(&op.response);
    if (remove && remove->deleted > 0) return true;
    const auto* nested = std::get_if<std::unique_ptr<pb::TxnResponse>>(&op.response);
    if (nested && changed(**nested)) return true;
  }
  return false;
}

// Whether the answer itself says that something changed.
bool says_changed(const Operation& operation) {
  if (operation.kind == Kind::kPut) return true;
  if (operation.kind == Kind::kDeleteRange) {
    pb::DeleteRangeResponse response;
    return pb::decode(operation.response, response) && response.deleted > 0;
  }
  pb::TxnResponse response;
  return operation.kind == Kind::kTxn && pb::decode(operation.response, response) && changed(response);
}

}  // namespace

void check_answers(const History& history, const Timeline& timeline, Violations& out) {
  for (size_t i = 0; i < history.operations.size(); ++i) {
    const Operation& operation = history.operations[i];
    const Placed& placed = timeline.placed(i);
    const bool forgiven = placed.write && timeline.forgiven_after(operation.begin);
    if (placed.settled) check_answer(operation, placed, timeline.model(), forgiven, out);
  }
}

void check_revisions(const History& history, const Timeline& timeline, Violations& out) {
  const Revision last = timeline.model().revision();
  std::map<Revision, const Operation*> makers;
  struct TermSeen {
    Term term = 0;
    const Operation* by = nullptr;
  };
  std::map<MonoTime, std::vector<size_t>> ends;
  for (size_t i = 0; i < history.operations.size(); ++i) {
    const Operation& operation = history.operations[i];
    const Placed& placed = timeline.placed(i);
    if (!placed.ok() || !placed.judged) continue;
    const Revision revision = placed.header->revision;
    if (revision < 1 || revision > last) {
      out.push_back({ViolationKind::kRevision, name_of(operation) + " was told revision " + std::to_string(revision) +
                                                   ", but the log gives 1 to " + std::to_string(last)});
      continue;
    }
    if (!timeline.forgiven_after(operation.begin)) ends[operation.end].push_back(i);
    if (!placed.write || !says_changed(operation)) continue;
    const auto [maker, fresh] = makers.emplace(revision, &operation);
    if (fresh) continue;
    out.push_back({ViolationKind::kRevision, name_of(operation) + " and " + name_of(*maker->second) +
                                                 " were both told that they made revision " +
                                                 std::to_string(revision)});
  }
  // A member's term of an answer is not lower than any that it told before the request was sent. The header of a
  // renewal is older than its answer, and counts only as what was told.
  std::map<MemberId, TermSeen> members;
  auto next = ends.begin();
  for (size_t i = 0; i < history.operations.size(); ++i) {
    const Operation& operation = history.operations[i];
    for (; next != ends.end() && next->first < operation.begin; ++next) {
      for (const size_t number : next->second) {
        const pb::ResponseHeader& header = *timeline.placed(number).header;
        TermSeen& seen = members[header.member_id];
        if (header.raft_term > seen.term) seen = {header.raft_term, &history.operations[number]};
      }
    }
    const Placed& placed = timeline.placed(i);
    if (!placed.ok() || !placed.judged || timeline.forgiven_after(operation.begin)) continue;
    const auto seen = members.find(placed.header->member_id);
    if (seen == members.end() || placed.header->raft_term >= seen->second.term) continue;
    out.push_back({ViolationKind::kTerm,
                   name_of(operation) + " was told term " + std::to_string(placed.header->raft_term) + " after " +
                       name_of(*seen->second.by) + " was told " + std::to_string(seen->second.term)});
  }
}

}  // namespace quorate::sim
