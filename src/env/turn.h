// env/turn.h: the part of a loop that is the same in every world: what happens in a turn, in which order.
//
// A loop waits in its own way (epoll, a simulated clock), then calls run(); everything that loop.h promises
// about the order within a turn is kept here.
// Loop:   the one that owns it; no call is for other threads.
// Invariants:
//   (1) Nothing that a turn posts, and no timer that it sets, runs in the same turn.
//   (2) Clients together hold a turn for limits::kClientTurnBudget and at most one chunk more; the next turn
//       goes on with the source after the one that was served last, so that none starves another.
//   (3) The same calls with the same clock give the same order.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "env/clock.h"
#include "env/log.h"
#include "env/loop.h"
#include "env/timers.h"

namespace quorate::env {

// The sockets that are ready on a loop, seen as one source of client work.
class ReadySockets {
 public:
  virtual ~ReadySockets() = default;
  // Serves at most `sockets_max` ready sockets, a bounded number of bytes each; returns how many it served.
  virtual size_t serve(size_t sockets_max) = 0;
};

class Turn {
 public:
  // Of one client source, between two looks at the clock.
  static constexpr size_t kInboxChunkItems = 64;
  static constexpr size_t kSocketChunk = 8;

  Turn(Clock& clock, Log& log) : clock_(clock), log_(log) {}

  // One whole turn.
  void run(ReadySockets& sockets);

  // Destroys, unrun, what was posted and every timer and hook: before what they own goes down around them.
  void forget_work();

  // Whether a turn would find work at once. Asks every inbox.
  bool has_work();
  // When the next timer is due.
  std::optional<MonoTime> next_deadline() const { return timers_.next_deadline(); }

  // As Loop has them. Within a turn, now() is the clock's last reading, which is at most a chunk old.
  MonoTime now() { return running_ ? now_ : clock_.now(); }
  void post(Task task) { posted_.push_back(std::move(task)); }
  TimerId at(MonoTime deadline, Task task);
  void cancel(TimerId timer) { timers_.cancel(timer); }
  void add_inbox(Inbox& inbox, Priority priority);
  void remove_inbox(Inbox& inbox);
  void add_turn_hook(Task hook) { hooks_.push_back(std::move(hook)); }
  // Counts until the next look at the clock; the warning names what was noted last in the longest stretch.
  void note_activity(const char* what) { activity_ = what; }

 private:
  void run_timers();
  void run_posted();
  void drain_completions();
  void serve_clients(ReadySockets& sockets);
  size_t serve_source(size_t source, ReadySockets& sockets);
  // Reads the clock: ends one stretch of the turn and begins the next, which is called `next` until noted.
  void look(const char* next);
  void warn_if_slow();

  Clock& clock_;
  Log& log_;
  Timers timers_;
  std::vector<Task> posted_;
  std::vector<Task> running_tasks_;  // what run_posted runs; keeps its capacity
  std::vector<Inbox*> completions_;  // null where one was removed during the turn
  std::vector<Inbox*> clients_;      // the same
  bool removed_ = false;             // a null stands in one of them
  size_t next_source_ = 0;           // 0 is the sockets, 1 + i is clients_[i]
  std::vector<Task> hooks_;
  const char* activity_ = "";  // of the stretch that goes on
  Duration longest_{};         // of this turn's stretches
  const char* longest_activity_ = "";
  MonoTime begin_{};
  MonoTime now_{};
  bool running_ = false;
  MonoTime quiet_until_{};  // no slow turn is logged before
  uint64_t slow_unlogged_ = 0;
};

}  // namespace quorate::env
