// sim/world.h: one run: a member, its clients, its disk and its bad luck, from a plan to a verdict.
//
// Thread: one. The same plan gives the same outcome, bit for bit.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "env/sim/universe.h"
#include "sim/plan.h"
#include "sim/violation.h"

namespace quorate::sim {

struct Outcome {
  Violations violations;
  // Nothing wrong was answered, but something was not answered, or the member did not come up again.
  bool stuck = false;
  uint64_t trace_hash = 0;
  Duration simulated{};
  // By name: requests, answers, faults of each kind, deaths, ...
  std::map<std::string, uint64_t> counters;

  bool ok() const { return violations.empty() && !stuck; }
};

Outcome run_world(const Plan& plan, env::sim::Universe::Story story = {});

}  // namespace quorate::sim
