// server/replay.h: applies what the log says is committed while the log is read, so that no more of it is in memory
// than what may still be replaced.
//
// Thread:  core, at start-up.
// Invariants:
//   (1) Entries come in order, without gaps, from the one behind the image; none is taken twice.
//   (2) The machine and the configuration are at the last entry taken, as Replica would have them after it.
#pragma once

#include "env/env.h"
#include "server/restore.h"
#include "wal/wal.h"

namespace quorate::server {

class Replay final : public wal::CommittedSink {
 public:
  // Makes a machine where no image was of use. All outlive this.
  Replay(const env::Env& env, const machine::Options& options, Restored& restored);

  void take(const pb::Entry& entry) override;

 private:
  void apply(const pb::Entry& entry);

  const env::Env& env_;
  Restored& restored_;
  pb::Entry before_;  // for Mutant::kApplyTwice alone
};

}  // namespace quorate::server
