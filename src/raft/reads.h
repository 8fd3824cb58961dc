// raft/reads.h: linearizable reads that wait for their index.
//
// Reads are collected and travel in batches: a leader confirms a batch by one round of heartbeats that
// carry its token, a follower asks the leader for one index for the whole batch.
//
// Loop:    core. Not safe for any other.
// Source:  Ongaro, section 6.4; peer protocol, section 1.3 (MsgReadIndex, contexts).
// Invariants:
//   (1) A leader opens a batch only when it has committed an entry of its own term.
//   (2) The index of a batch is taken after every read in it arrived; its token was sent to nobody before.
//   (3) Tokens of one member rise, so a heartbeat answered with token t confirms every batch up to t.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "pb/raft.h"
#include "raft/ring.h"

namespace quorate::raft {

// Names a read that waits for its index; unique in this member.
using ReadId = uint64_t;

struct ReadBatch {
  uint64_t token = 0;
  Index index = 0;         // leader: what the reads may see
  uint32_t age_ticks = 0;  // follower: since the leader was asked
  std::vector<ReadId> own;
  std::vector<pb::Message> foreign;  // leader: requests of followers
};

struct Reads {
  static constexpr size_t kForeignMax = 4096;  // held requests of followers; beyond it they are dropped

  std::vector<ReadId> fresh_own;  // in no batch yet
  std::vector<pb::Message> fresh_foreign;
  Ring<ReadBatch> waiting;  // ascending tokens
  uint64_t last_token = 0;
  size_t foreign_held = 0;  // in fresh_foreign and waiting together

  bool has_fresh() const { return !fresh_own.empty() || !fresh_foreign.empty(); }
};

}  // namespace quorate::raft
