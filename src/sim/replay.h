// sim/replay.h: runs a recording of the flight recorder (env/recorder.h) again.
//
// The member is made from what the recording tells, on a drive and a network without noise; a client of the
// simulated world opens the recorded connections and sends what each sent, when it did. A failing CHECK fails again.
// What is not the same: the disk's speed and the moments of turns, so that a read may see a write that it missed.
// With one serving loop the inputs are handled in the recorded order; with several, that of each connection is kept.
// Thread: one.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "env/recorder.h"
#include "env/sim/universe.h"
#include "node/node.h"
#include "pb/raft.h"

namespace quorate::sim {

struct ReplayOptions {
  // The entries of a copy of the member's log; those that it did not have at the recorded start are left out.
  // Needed where the recording did not begin on a fresh data directory.
  std::vector<pb::Entry> log;
  // Called when all has happened.
  std::move_only_function<void(const node::Node&)> at_end;
  env::sim::Universe::Story story;
};

struct ReplayReport {
  uint64_t connections = 0;
  uint64_t bytes = 0;    // that they sent
  uint64_t skipped = 0;  // connections whose beginning the ring had lost
  uint64_t skipped_bytes = 0;
  uint64_t lost = 0;  // inputs of which nothing is known
  Duration span{};    // of the recording
  Revision revision = 0;
};

// Errors: a recording that does not tell enough, a log that is not the one it began on, a member that fails.
Result<ReplayReport> replay(const env::Recording& recording, ReplayOptions options);

}  // namespace quorate::sim
