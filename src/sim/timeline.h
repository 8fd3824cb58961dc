// sim/timeline.h: where each operation stands in the log, and what was known when.
//
// A state is named by how many entries it has applied. Every answer that shows a revision proves that the entries up
// to it were committed by then; every proposal bounds from above what anyone can have seen.
// Threads: any, one at a time. `history` and `model` must outlive it.
// Invariants:
//   (1) floor: what is linearizable and sent then sees at least this state, and a write gets a higher index.
//   (2) ceiling: what was answered then saw no later state.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "pb/rpc.h"
#include "sim/history.h"
#include "sim/model.h"

namespace quorate::sim {

// A state, and which operation or watch proved it.
struct Proof {
  Index index = 0;
  uint64_t operation = 0;  // 0: a watch's, or none
};

struct Placed {
  Index index = 0;            // of its first entry; 0: none
  bool write = false;         // goes through the log
  bool settled = false;       // answered, and the answer says what became of it
  bool judged = false;        // settled, and nothing that it shows was forgiven
  bool serializable = false;  // may be older than its floor
  Proof floor;
  Index ceiling = 0;
  std::optional<pb::ResponseHeader> header;  // of a settled response

  bool ok() const { return settled && header.has_value(); }
};

class Timeline {
 public:
  Timeline(const History& history, const Model& model);

  const Model& model() const { return model_; }
  // By its place in History::operations.
  const Placed& placed(size_t operation) const { return placed_[operation]; }
  // The operation of this id; null for one that was never sent.
  const Operation* find(uint64_t operation) const;

  // The last state that can have been seen by then.
  Index ceiling(MonoTime at) const;
  // When the entry was proposed, where that is known: observed, or from its operation.
  std::optional<MonoTime> proposed(Index index) const;
  // The first entry that may have been lost to what was asked for at `at`; beyond the log where none is forgiven.
  Index horizon(MonoTime at) const;
  // The last revision that what was asked for at `at` may show for it to be judged.
  Revision sure_revision(MonoTime at) const;
  bool forgiven_after(MonoTime at) const { return horizon(at) != kNever; }

  // The states in which a settled answer with this header can have been given, first and last; first > last: none.
  std::pair<Index, Index> window(const Placed& placed) const;

 private:
  static constexpr Index kNever = ~Index{0};

  void place();
  void read_header(const Operation& operation, Placed& placed) const;
  void bound_proposals();
  void sweep();
  Proof proof_of(size_t operation) const;

  const History& history_;
  const Model& model_;
  std::vector<Placed> placed_;
  std::unordered_map<uint64_t, size_t> by_id_;
  std::vector<std::optional<MonoTime>> proposed_;
  std::vector<MonoTime> not_before_;  // by index - 1: rising lower bounds of when it was proposed
};

}  // namespace quorate::sim
