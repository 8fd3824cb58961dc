// base/time.h: durations and the two kinds of time.
//
// MonoTime orders things inside one process; WallTime is what people and files see. Neither is read here:
// only env::Clock reads a clock.
#pragma once

#include <chrono>

namespace quorate {

using Duration = std::chrono::nanoseconds;

struct MonoEpoch {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonoEpoch, Duration>;
  static constexpr bool is_steady = true;
};

using MonoTime = MonoEpoch::time_point;                                         // since an arbitrary point
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;  // since 1970 UTC

using namespace std::chrono_literals;

}  // namespace quorate
