#include "machine/alarms.h"

#include <limits>
#include <variant>

#include "machine/guard.h"

namespace quorate::machine {
namespace {

template <class... Types>
bool is_one_of(const pb::InternalRequest& request) {
  return (std::holds_alternative<Types>(request.body) || ...);
}

// Deletes and compaction give space back, and so stay allowed.
bool takes_space(const pb::InternalRequest& request) {
  if (const auto* txn = std::get_if<pb::TxnRequest>(&request.body)) return has_put(*txn);
  return is_one_of<pb::PutRequest, pb::LeaseGrantRequest>(request);
}

bool touches_keys(const pb::InternalRequest& request) {
  return is_one_of<pb::RangeRequest, pb::PutRequest, pb::DeleteRangeRequest, pb::TxnRequest, pb::CompactionRequest,
                   pb::LeaseGrantRequest, pb::LeaseRevokeRequest>(request);
}

}  // namespace

std::vector<Alarm> Alarms::apply(const pb::AlarmRequest& request) {
  const Alarm named(request.alarm, request.member_id);
  std::vector<Alarm> out;
  switch (request.action) {
    case pb::AlarmAction::kGet:
      for (const Alarm& alarm : raised_) {
        if (request.alarm == pb::AlarmType::kNone || request.alarm == alarm.first) out.push_back(alarm);
      }
      break;
    case pb::AlarmAction::kActivate:
      if (request.alarm == pb::AlarmType::kNone) break;
      raised_.insert(named);
      out.push_back(named);
      break;
    case pb::AlarmAction::kDeactivate:
      if (raised_.erase(named) > 0) out.push_back(named);
      break;
  }
  return out;
}

bool Alarms::any(pb::AlarmType type) const {
  const auto first = raised_.lower_bound({type, std::numeric_limits<MemberId>::min()});
  return first != raised_.end() && first->first == type;
}

Status Alarms::refusal(const pb::InternalRequest& request) const {
  if (raised_.empty()) return {};
  if (any(pb::AlarmType::kCorrupt) && touches_keys(request)) return errors::Corrupt();
  if (any(pb::AlarmType::kNoSpace) && takes_space(request)) return errors::NoSpace();
  return {};
}

}  // namespace quorate::machine
