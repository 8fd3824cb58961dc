// Every acknowledged write is in the log, once, as it was sent; an unanswered one is there wholly or not at all.
#include <map>
#include <optional>

#include "pb/codec.h"
#include "sim/check.h"
#include "sim/text.h"
#include "sim/timeline.h"

namespace quorate::sim {

namespace {

std::optional<pb::Payload> payload_of(Kind kind) {
  switch (kind) {
    case Kind::kPut: return pb::Payload::kPut;
    case Kind::kDeleteRange: return pb::Payload::kDeleteRange;
    case Kind::kTxn: return pb::Payload::kTxn;
    case Kind::kCompact: return pb::Payload::kCompaction;
    case Kind::kLeaseGrant: return pb::Payload::kLeaseGrant;
    case Kind::kLeaseRevoke: return pb::Payload::kLeaseRevoke;
    case Kind::kRange:
    case Kind::kLeaseKeepAlive:
    case Kind::kLeaseTimeToLive:
    case Kind::kLeaseLeases: return std::nullopt;
  }
  return std::nullopt;
}

// Errors that come of the state that an entry meets. KeyNotFound is also a guard's, for an operation that is unset.
bool decided_at_apply(const Status& status) {
  return status == errors::LeaseNotFound() || status == errors::LeaseExist() || status == errors::FutureRev() ||
         status == errors::Compacted();
}

void check_log(const std::vector<pb::Entry>& log, Violations& out) {
  Term term = 0;
  for (size_t i = 0; i < log.size(); ++i) {
    const std::string place = "log: entry " + std::to_string(i + 1);
    if (log[i].index != i + 1) {
      out.push_back({ViolationKind::kLog, place + " says that it is " + std::to_string(log[i].index)});
    }
    if (log[i].term < term) {
      out.push_back({ViolationKind::kLog, place + " is of term " + std::to_string(log[i].term) +
                                              ", after one of term " + std::to_string(term)});
    }
    term = log[i].term;
  }
}

// A server may add fields behind what the client sent (the id of a lease that it chose), and takes nothing away.
void check_entry(const Applied& applied, Index index, const Operation& operation, Violations& out) {
  const std::string place = "log: entry " + std::to_string(index) + " names " + name_of(operation);
  if (payload_of(operation.kind) != applied.payload) {
    out.push_back({ViolationKind::kPhantom,
                   place + ", but its payload is number " + std::to_string(static_cast<uint32_t>(applied.payload))});
  } else if (!without_operation_id(applied.body).starts_with(without_operation_id(operation.request))) {
    out.push_back({ViolationKind::kPhantom, place + ", but holds another request than was sent"});
  }
}

}  // namespace

void check_durability(const History& history, const Timeline& timeline, const std::vector<pb::Entry>& log,
                      Violations& out) {
  check_log(log, out);
  const Model& model = timeline.model();
  std::map<uint64_t, Index> first;
  for (Index index = 1; index <= model.last_index(); ++index) {
    const Applied& applied = model.applied(index);
    if (applied.operation == 0) continue;
    const Operation* operation = timeline.find(applied.operation);
    if (operation == nullptr) {
      out.push_back({ViolationKind::kPhantom, "log: entry " + std::to_string(index) + " names operation " +
                                                  std::to_string(applied.operation) + ", which nobody sent"});
      continue;
    }
    const auto [at, fresh] = first.emplace(applied.operation, index);
    if (!fresh) {
      out.push_back({ViolationKind::kRepeated, name_of(*operation) + " is in the log at index " +
                                                   std::to_string(at->second) + " and again at " +
                                                   std::to_string(index)});
    }
    check_entry(applied, index, *operation, out);
  }
  for (size_t i = 0; i < history.operations.size(); ++i) {
    const Operation& operation = history.operations[i];
    const Placed& placed = timeline.placed(i);
    if (!placed.write || !placed.settled || placed.index != 0) continue;
    if (!operation.status.ok() && !decided_at_apply(operation.status)) continue;
    if (timeline.forgiven_after(operation.begin)) {
      // Where nothing changed, the revision alone does not tell whether the entry was among those that were cut.
      const bool changed = operation.kind == Kind::kPut;
      const Revision sure = timeline.sure_revision(operation.begin);
      if (!placed.header || placed.header->revision > sure || (!changed && placed.header->revision == sure)) continue;
    }
    out.push_back({ViolationKind::kLost, name_of(operation) + " was answered at " + text_of(operation.end) + " with " +
                                             text_of(operation.kind, operation.status, operation.response) +
                                             ", but is not in the log, which ends at index " +
                                             std::to_string(model.last_index())});
  }
}

}  // namespace quorate::sim
