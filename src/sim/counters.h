// sim/counters.h: what a run was made of, by name: the proof that its faults struck and its checks had something to
// look at.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "env/sim/drive.h"
#include "env/sim/network.h"
#include "sim/history.h"
#include "sim/member.h"
#include "sim/nemesis.h"
#include "sim/scene.h"
#include "sim/supervisor.h"

namespace quorate::sim {

// Where the numbers are.
struct Counted {
  uint64_t events = 0, checks = 0;
  const History& history;
  const LoadCounters& load;
  const LifeCounters& lives;
  const MemberLog::Checkpoints& checkpoints;
  const env::sim::DiskFaults& disk;
  const env::sim::NetFaults& net;
  const Nemesis& nemesis;
};

std::map<std::string, uint64_t> counters_of(const Counted& run);

}  // namespace quorate::sim
