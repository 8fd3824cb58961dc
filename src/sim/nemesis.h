// sim/nemesis.h: makes the faults of a plan happen, each at its time, and ends them all when healing begins.
//
// Thread: the universe's.
#pragma once

#include <array>
#include <cstdint>

#include "sim/plan.h"
#include "sim/scene.h"
#include "sim/supervisor.h"

namespace quorate::sim {

class Nemesis {
 public:
  Nemesis(Scene& scene, env::sim::SimDrive& drive, Member& member, Supervisor& supervisor, const Plan& plan);

  // Plans every fault.
  void start();
  // The second phase: nothing breaks any more, and what was broken is repaired.
  void heal();
  uint64_t struck(FaultKind kind) const { return struck_[static_cast<size_t>(kind)]; }

 private:
  void strike(const FaultPlan& fault);
  void strike_process(const FaultPlan& fault);
  void strike_disk(const FaultPlan& fault);
  void strike_network(const FaultPlan& fault);
  void strike_clock(const FaultPlan& fault);
  // The end of a fault, unless healing comes first.
  void end_after(Duration span, env::Task end);
  std::string client_host(uint64_t draw) const;

  Scene& scene_;
  env::sim::SimDrive& drive_;
  Member& member_;
  Supervisor& supervisor_;
  const Plan& plan_;
  std::array<uint64_t, kFaultKinds> struck_{};
  bool healed_ = false;
};

}  // namespace quorate::sim
