// raft/configuration.h: who votes and who only listens, and what one change makes of that. Pure.
//
// Threads: any.
// Source:  peer protocol, sections 1.4 and 3.4: V1 changes only, one member at a time, so that two
//          successive majorities always overlap (Ongaro, section 4.1).
// Invariants:
//   (1) Voters and learners are ascending, without repetition and disjoint.
//   (2) The fields of joint configurations stay empty.
#pragma once

#include "pb/raft.h"

namespace quorate::raft {

// Orders what came from elsewhere; a learner that also votes is a voter.
pb::ConfState normalised(pb::ConfState state);

// `state` after `change`. node_id 0, an update, an unknown type, a change that is already in force, and the
// removal of the last voter, which would leave nobody to undo it, all change nothing.
pb::ConfState changed(const pb::ConfState& state, const pb::ConfChange& change);

bool is_voter(const pb::ConfState& state, MemberId id);
bool is_learner(const pb::ConfState& state, MemberId id);

}  // namespace quorate::raft
