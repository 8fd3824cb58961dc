// sim/workload.h: a unit of load: clients that do one kind of thing, and write down what they saw.
//
// Thread: the universe's.
// Invariants:
//   (1) Between start() and stop() it goes on for ever, whatever the member does.
//   (2) After stop() it asks for nothing new; idle() comes true when everything was answered or given up. What had
//       to be kept open for answers to come is opened again by reopen(), where the member was away meanwhile.
#pragma once

#include <memory>

#include "base/prng.h"
#include "sim/plan.h"
#include "sim/scene.h"

namespace quorate::sim {

class Workload {
 public:
  virtual ~Workload() = default;
  virtual void start() = 0;
  virtual void stop() = 0;
  virtual bool idle() const = 0;
  virtual void reopen() {}
  // The observation ends: what is still going on is marked so in the history.
  virtual void conclude() {}
};

// Its clients live in `scene`.
std::unique_ptr<Workload> make_kv_workload(Scene& scene, const WorkloadPlan& plan, Prng prng);
std::unique_ptr<Workload> make_txn_workload(Scene& scene, const WorkloadPlan& plan, Prng prng);
std::unique_ptr<Workload> make_watch_workload(Scene& scene, const WorkloadPlan& plan, Prng prng);
std::unique_ptr<Workload> make_lease_workload(Scene& scene, const WorkloadPlan& plan, Prng prng);
std::unique_ptr<Workload> make_compaction_workload(Scene& scene, const WorkloadPlan& plan, Prng prng);
std::unique_ptr<Workload> make_storm_workload(Scene& scene, const WorkloadPlan& plan, Prng prng);
std::unique_ptr<Workload> make_bulk_workload(Scene& scene, const WorkloadPlan& plan, Prng prng);
// No load: whom a plan with full disks needs, to disarm the alarms.
std::unique_ptr<Workload> make_operator(Scene& scene);
// The one of the plan's kind.
std::unique_ptr<Workload> make_workload(Scene& scene, const WorkloadPlan& plan, Prng prng);

}  // namespace quorate::sim
