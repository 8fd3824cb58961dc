// env/loop.h: one thread's turn: timers, mailboxes, sockets, then the end of the turn.
//
// Order within a turn, which callers may rely on:
//   (1) due timers, by deadline, then by age;
//   (2) tasks posted before this turn, in order;
//   (3) mailboxes of Priority::kCompletion, each drained whole;
//   (4) sockets and mailboxes of Priority::kClient, at most limits::kClientTurnBudget, fairly;
//   (5) the turn hooks, in order of registration.
// Only wake() may be called from another thread.
#pragma once

#include <cstdint>
#include <functional>

#include "base/time.h"

namespace quorate::env {

using Task = std::move_only_function<void()>;

// 0 is never a timer.
using TimerId = uint64_t;

enum class Priority : uint8_t {
  kCompletion,  // answers to what this loop asked for: disks, pools, other loops
  kClient,      // what clients want
};

// A queue that the loop empties; see mailbox.h. Implementations are called on the loop's thread only.
class Inbox {
 public:
  virtual ~Inbox() = default;
  // Handles at most `items_max` items, returns how many it handled; fewer means empty for now.
  virtual size_t drain(size_t items_max) = 0;
  // Whether an item waits. May be called by the loop at any time.
  virtual bool has_items() = 0;
};

class Loop {
 public:
  virtual ~Loop() = default;

  virtual MonoTime now() = 0;

  // Runs `task` on a later turn.
  virtual void post(Task task) = 0;
  // Runs `task` once, at the first turn that begins at or after `deadline`.
  virtual TimerId at(MonoTime deadline, Task task) = 0;
  TimerId after(Duration delay, Task task) { return at(now() + delay, std::move(task)); }
  // Forgets a timer; unknown and finished ids are ignored.
  virtual void cancel(TimerId timer) = 0;

  // `inbox` must outlive its registration.
  virtual void add_inbox(Inbox& inbox, Priority priority) = 0;
  virtual void remove_inbox(Inbox& inbox) = 0;

  // Called at the end of every turn, for work that is cheaper in batches. A hook that makes new work
  // for this loop posts it.
  virtual void add_turn_hook(Task hook) = 0;

  // Names what runs now, for the warning about a turn over limits::kSlowTurn. A string literal.
  virtual void note_activity(const char* what) = 0;

  // Any thread: makes the loop take another turn soon.
  virtual void wake() = 0;
};

}  // namespace quorate::env
