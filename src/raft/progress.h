// raft/progress.h: what a leader knows of one other member, and whether it may send to it now.
//
// Loop:    core. Not safe for any other.
// Source:  peer protocol, section 1.4 (flow); Ongaro, section 10.2.1 (pipelining).
// Invariants:
//   (1) match < next.
//   (2) In probe at most one append is unanswered; it is let go again by an answer or a heartbeat's answer.
//   (3) In replicate next is optimistic: entries in (match, next) are sent or lost. At most `inflight_max`
//       appends with entries are unanswered.
//   (4) In snapshot nothing is sent; pending_snapshot is the index of the image on its way.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/ids.h"
#include "raft/quorum.h"
#include "raft/ring.h"

namespace quorate::raft {

struct Progress {
  enum class State : uint8_t { kProbe, kReplicate, kSnapshot };

  MemberId id = 0;
  bool learner = false;

  State state = State::kProbe;
  Index match = 0;
  Index next = 1;
  Index pending_snapshot = 0;
  Index commit_sent = 0;  // the highest commit index that an append carried
  bool probe_sent = false;
  bool recently_active = false;
  uint64_t read_token = 0;  // the newest heartbeat context that it has answered
  Ballot ballot = Ballot::kNone;
  Ring<Index> inflight;  // last index of each unanswered append, ascending

  // Starts over for a leader whose log ends at `last`.
  void reset(Index last) {
    const MemberId kept_id = id;
    const bool kept_learner = learner;
    *this = Progress{};
    id = kept_id;
    learner = kept_learner;
    next = last + 1;
  }

  void become_probe() {
    next = match + 1;
    if (state == State::kSnapshot) next = std::max(next, pending_snapshot + 1);
    enter(State::kProbe);
  }
  void become_replicate() {
    next = match + 1;
    enter(State::kReplicate);
  }
  void become_snapshot(Index snapshot) {
    enter(State::kSnapshot);
    pending_snapshot = snapshot;
  }

  bool is_paused(size_t inflight_max) const {
    switch (state) {
      case State::kProbe: return probe_sent;
      case State::kReplicate: return inflight.size() >= inflight_max;
      case State::kSnapshot: return true;
    }
    return true;
  }

  // An append of (next-1, last] went out; last = next-1 when it was empty.
  void sent(Index last) {
    if (state == State::kReplicate) {
      if (last >= next) inflight.push_back(last);
      next = last + 1;
    } else {
      probe_sent = true;
    }
  }

  // The member has everything up to `index`. False if that was known.
  bool acknowledge(Index index) {
    next = std::max(next, index + 1);
    if (index <= match) return false;
    match = index;
    probe_sent = false;
    return true;
  }
  void free_inflight(Index index) {
    while (!inflight.empty() && inflight.front() <= index) inflight.pop_front();
  }

  // The append after `rejected` did not fit; `probe` is where the logs may agree. False if the answer is
  // older than what is known, and therefore says nothing.
  bool back_up(Index rejected, Index probe) {
    if (state == State::kReplicate) {
      if (rejected <= match) return false;
      become_probe();
      return true;
    }
    if (next - 1 != rejected) return false;
    next = std::max(std::min(rejected, probe + 1), match + 1);
    probe_sent = false;
    return true;
  }

 private:
  void enter(State entered) {
    state = entered;
    probe_sent = false;
    pending_snapshot = 0;
    inflight.clear();
  }
};

}  // namespace quorate::raft
