#include "env/sim/clock.h"

#include <algorithm>

#include "base/check.h"

namespace quorate::env::sim {
namespace {

constexpr int64_t kMillion = 1'000'000;
// A deadline beyond is as good as never, and must not overflow.
constexpr Duration kFarAhead = 24h * 365 * 10;

// In parts, so that years of nanoseconds fit.
Duration scaled(Duration span, int64_t numerator, int64_t denominator) {
  const int64_t whole = span.count() / denominator;
  const int64_t rest = span.count() % denominator;
  return Duration(whole * numerator + rest * numerator / denominator);
}

}  // namespace

SimClock::SimClock(Universe& universe, Duration wall_offset)
    : universe_(universe),
      base_(universe.now()),
      local_base_(MonoTime(1h) + universe.draw(0s, 240h)),
      last_(local_base_),
      wall_offset_(kWallBeginning.time_since_epoch() + (universe.now() - Universe::kBeginning) -
                   local_base_.time_since_epoch() + wall_offset) {}

MonoTime SimClock::exact() const { return local_base_ + scaled(universe_.now() - base_, kMillion + ppm_, kMillion); }

MonoTime SimClock::now() {
  last_ = std::max(last_, exact());
  if (creeping_) last_ += kCreep;
  return last_;
}

WallTime SimClock::wall() { return WallTime(wall_offset_ + now().time_since_epoch()); }

void SimClock::set_drift_ppm(int64_t ppm) {
  CHECK(ppm >= -kDriftPpmMax && ppm <= kDriftPpmMax);
  local_base_ = exact();
  base_ = universe_.now();
  ppm_ = ppm;
  for (Task& task : rate_watchers_) task();
}

void SimClock::jump_wall(Duration by) { wall_offset_ += by; }

MonoTime SimClock::universe_time(MonoTime local) const {
  if (local <= exact()) return universe_.now();
  local = std::min(local, local_base_ + kFarAhead);
  // One more than the rounded quotient is never early.
  return std::max(universe_.now(), base_ + scaled(local - local_base_, kMillion, kMillion + ppm_) + Duration(1));
}

}  // namespace quorate::env::sim
