#include "env/posix/clock.h"

#include <ctime>

namespace quorate::env::posix {
namespace {

Duration read(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

MonoTime PosixClock::now() { return MonoTime(read(CLOCK_MONOTONIC)); }
WallTime PosixClock::wall() { return WallTime(read(CLOCK_REALTIME)); }

}  // namespace quorate::env::posix
