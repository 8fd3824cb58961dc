// env/sim/loop.h: a loop whose turns are events of a universe.
//
// Thread: the universe's. All of Loop may be called at any time, also outside a turn.
// Invariants:
//   (1) A turn comes a small drawn delay after there is work for it, so that the order of loops varies by seed.
//   (2) A loop that died takes no turn any more and keeps nothing that it is given.
//   (3) A Ready that was forgotten is not called again.
#pragma once

#include <cstdint>

#include "env/log.h"
#include "env/loop.h"
#include "env/sim/clock.h"
#include "env/sim/universe.h"
#include "env/turn.h"

namespace quorate::env::sim {

// A socket or listener with something to tell on a SimLoop. Must be forgotten before it is destroyed.
class Ready {
 public:
  virtual ~Ready() = default;
  // A bounded amount of work. May destroy this.
  virtual void on_ready() = 0;

 private:
  friend class SimLoop;
  Ready* previous_ = nullptr;  // in the loop's queue
  Ready* next_ = nullptr;
  bool queued_ = false;
};

// Told where code of the process runs, by who counts what the process costs.
class TurnWatch {
 public:
  virtual ~TurnWatch() = default;
  virtual void on_turn() = 0;
  // From here on code of the process runs within a turn, or that of the world.
  virtual void on_side(bool process) = 0;
};

class SimLoop final : public Loop, private ReadySockets {
 public:
  static constexpr Duration kDelayMin = 1us;
  static constexpr Duration kDelayMax = 30us;

  // `id` names it in the trace.
  SimLoop(Universe& universe, SimClock& clock, Log& log, uint64_t id);
  ~SimLoop() override;

  MonoTime now() override { return turn_.now(); }
  void post(Task task) override;
  TimerId at(MonoTime deadline, Task task) override;
  void cancel(TimerId timer) override { turn_.cancel(timer); }
  void add_inbox(Inbox& inbox, Priority priority) override;
  void remove_inbox(Inbox& inbox) override { turn_.remove_inbox(inbox); }
  void add_turn_hook(Task hook) override;
  void note_activity(const char* what) override { turn_.note_activity(what); }
  void wake() override;

  // The process gets no time for `span`; its clocks go on. Not within a turn of this loop.
  void pause(Duration span);
  // Not within a turn of this loop.
  void die();
  bool dead() const { return dead_; }
  // Destroys what was posted and set, unrun; for the end, while the sockets and nets that it may own live.
  void forget_work() { turn_.forget_work(); }
  uint64_t id() const { return id_; }
  uint64_t turns() const { return turns_; }
  // None by default; it must outlive the loop's turns.
  void watch_turns(TurnWatch* watch) { watch_ = watch; }

  // Calls ready.on_ready() in a turn, after the others that wait.
  void make_ready(Ready& ready);
  // Not told any more until made ready again.
  void forget(Ready& ready);
  // The same, and `ready` dies: serving() says so to its own on_ready, should that be what runs.
  void bury(Ready& ready);
  // The Ready whose on_ready runs, or null when it was buried meanwhile.
  const Ready* serving() const { return serving_; }

 private:
  size_t serve(size_t sockets_max) override;
  // Makes sure that a turn comes for the work there is, and for the next timer.
  void arm();
  void arm_at(MonoTime when);
  void take_turn();
  void tell_side(bool process) {
    if (watch_ != nullptr) watch_->on_side(process);
  }

  Universe& universe_;
  SimClock& clock_;
  const uint64_t id_;
  Prng prng_;
  Turn turn_;
  EventId next_turn_ = 0;
  MonoTime next_turn_at_{};
  MonoTime resumes_at_{};  // no turn before: paused, or its last turn took until then
  bool woken_ = false;
  bool in_turn_ = false;
  bool dead_ = false;
  uint64_t turns_ = 0;
  Ready* first_ = nullptr;
  Ready* last_ = nullptr;
  const Ready* serving_ = nullptr;
  TurnWatch* watch_ = nullptr;
};

}  // namespace quorate::env::sim
