// env/env.h: the world, handed down by reference: one Env per member.
//
// Everything that the program learns from outside, and everything it does outside, goes through these
// interfaces; a simulator implements them from a seed. Nothing here tells which world it is.
#pragma once

#include <cstdint>

#include "env/clock.h"
#include "env/disk.h"
#include "env/log.h"
#include "env/loop.h"
#include "env/metrics.h"
#include "env/net.h"
#include "env/pool.h"
#include "env/trace.h"

namespace quorate::env {

// What one loop may use. Net belongs to the loop; the rest may be shared between loops of one member.
struct LoopEnv {
  Clock& clock;
  Loop& loop;
  Net& net;
  Log& log;
  Trace& trace;
};

// What the member as a whole may use.
struct Env {
  Clock& clock;
  Loop& core;  // the core loop
  Net& net;    // of the core loop
  Disk& disk;  // completions arrive on the core loop
  Pool& pool;  // completions arrive on the core loop
  Log& log;
  Metrics& metrics;
  Trace& trace;
  uint64_t seed;  // of the member's own random numbers

  LoopEnv core_loop() const { return {clock, core, net, log, trace}; }
};

}  // namespace quorate::env
