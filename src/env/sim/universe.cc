#include "env/sim/universe.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <utility>

#include "base/check.h"

namespace quorate::env::sim {

Duration Universe::draw(Duration low, Duration high) {
  CHECK(low <= high);
  return low + Duration(static_cast<int64_t>(prng_.below(static_cast<uint64_t>((high - low).count()) + 1)));
}

EventId Universe::at(MonoTime when, Task task) { return queue_.add(std::max(when, now_), std::move(task)); }

bool Universe::step() {
  const auto next = queue_.next_deadline();
  if (!next) return false;
  now_ = *next;
  ++events_;
  Task task = queue_.take_due(now_);
  task();
  return true;
}

bool Universe::run_until(std::move_only_function<bool()> done, Duration limit) {
  const MonoTime end = now_ + limit;
  while (!done()) {
    const auto next = queue_.next_deadline();
    if (!next || *next > end) return false;
    step();
  }
  return true;
}

void Universe::run_for(Duration span) {
  const MonoTime end = now_ + span;
  for (auto next = queue_.next_deadline(); next && *next <= end; next = queue_.next_deadline()) step();
  now_ = end;
}

void Universe::mix(uint64_t word) {
  // A multiply spreads low bits upwards, the rotation brings them back: each word reaches all of the hash.
  hash_ = std::rotl((hash_ ^ word) * 0x9e3779b97f4a7c15ULL, 31);
}

void Universe::note(std::string_view what, uint64_t a, uint64_t b, std::string_view bytes) {
  mix(static_cast<uint64_t>(now_.time_since_epoch().count()));
  mix(a);
  mix(b);
  for (std::string_view part : {what, bytes}) {
    mix(part.size());
    while (!part.empty()) {
      uint64_t word = 0;
      const size_t taken = std::min(part.size(), sizeof word);
      std::memcpy(&word, part.data(), taken);
      mix(word);
      part.remove_prefix(taken);
    }
  }
  if (story_) tell(std::string(what) + " " + std::to_string(a) + " " + std::to_string(b));
}

}  // namespace quorate::env::sim
