// sim/violation.h: what a checker found.
//
// Threads: any; values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quorate::sim {

enum class ViolationKind : uint8_t {
  kHistory,        // the observation contradicts itself: the observer's fault
  kLog,            // the log is not dense, or terms fall
  kLost,           // an acknowledged write is not in the log
  kPhantom,        // an entry of an operation that was never sent, was refused, or differs from what was sent
  kRepeated,       // an operation is in the log more than once
  kAnswer,         // an answer differs from the model's
  kTerm,           // a member's term fell
  kRevision,       // a revision was given twice, or is not there
  kOrder,          // the log's order contradicts real time
  kStaleRead,      // a read is older than what was known when it was sent
  kFutureRead,     // a read is newer than anything that had been proposed when it was answered
  kWrongRead,      // a read differs from the state at its revision
  kWatchOrder,     // a watch's revisions do not rise, or one is split
  kWatchGap,       // a watch missed events
  kWatchEvent,     // a watch told of something that did not happen, or otherwise than it did
  kWatchResume,    // a resumed watch left out or repeats something
  kWatchCancel,    // a watch was cancelled without reason
  kWatchProgress,  // progress was told ahead of events
  kLeaseEarly,     // a lease ended before its time
  kLeaseLate,      // a lease lived on beyond its time
  kLeaseAnswer,    // what was told of a lease is not so
  kContents,       // what a member holds at the end is not the model's
  kBudget,         // bytes count against a budget when nobody waits for anything
  kStuck,          // an operation was not answered within the bound after healing
};

std::string_view violation_name(ViolationKind kind);

struct Violation {
  ViolationKind kind;
  std::string text;  // operation ids, indexes and revisions; what was expected and what was seen
};

using Violations = std::vector<Violation>;

}  // namespace quorate::sim
