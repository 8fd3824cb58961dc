// env/sim/clock.h: the clocks of one process: a monotonic one that drifts, a wall clock that jumps.
//
// Invariants:
//   (1) now() never steps back, whatever the drift does.
//   (2) Within a turn every reading is kCreep later than the one before: work takes time, and a budget ends.
//       The universe catches up before the loop's next turn. Outside of turns, reading changes nothing.
//   (3) The monotonic clock begins anywhere: those of two processes have nothing to do with each other.
#pragma once

#include <cstdint>
#include <vector>

#include "env/clock.h"
#include "env/sim/universe.h"

namespace quorate::env::sim {

class SimClock final : public Clock {
 public:
  static constexpr Duration kCreep = 1us;
  static constexpr int64_t kDriftPpmMax = 500'000;
  // What the wall clock of a process without an offset shows at the universe's beginning.
  static constexpr WallTime kWallBeginning = WallTime(1'767'225'600s);

  explicit SimClock(Universe& universe, Duration wall_offset = {});

  MonoTime now() override;
  WallTime wall() override;

  // Parts per million by which both clocks run fast (or slow, below zero), from now on.
  void set_drift_ppm(int64_t ppm);
  int64_t drift_ppm() const { return ppm_; }
  // The wall clock is set `by` ahead, or back.
  void jump_wall(Duration by);

  // When the universe comes to where now() is at least `local`; not in the past.
  MonoTime universe_time(MonoTime local) const;
  // Runs whenever the drift changed: what was computed by universe_time() is stale.
  void on_new_rate(Task task) { rate_watchers_.push_back(std::move(task)); }

  void begin_turn() { creeping_ = true; }
  void end_turn() { creeping_ = false; }

 private:
  MonoTime exact() const;

  Universe& universe_;
  MonoTime base_;        // of the universe, when the drift last changed
  MonoTime local_base_;  // this clock's then
  int64_t ppm_ = 0;
  MonoTime last_;  // the latest that was read
  WallTime::duration wall_offset_;
  bool creeping_ = false;
  std::vector<Task> rate_watchers_;
};

}  // namespace quorate::env::sim
