// machine/alarms.h: which alarms are raised, and what they forbid.
//
// Loop:    core. Source: v3 API, section 10; peer protocol, section 3.5.8.
// Invariant: ordered by type, then member; no alarm of type kNone.
#pragma once

#include <set>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "pb/internal.h"

namespace quorate::machine {

using pb::Alarm;

class Alarms {
 public:
  // What the request asks for or has changed. Types and members that nobody knows are kept as they are.
  // Requires that the action is one of the three.
  std::vector<Alarm> apply(const pb::AlarmRequest& request);
  // Why `request` may not be applied; CORRUPT comes before NOSPACE.
  Status refusal(const pb::InternalRequest& request) const;

  const std::set<Alarm>& all() const { return raised_; }
  // Replaces everything by what an image holds.
  void load(std::set<Alarm> raised) { raised_ = std::move(raised); }

 private:
  bool any(pb::AlarmType type) const;

  std::set<Alarm> raised_;
};

}  // namespace quorate::machine
