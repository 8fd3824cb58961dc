// env/sim/universe.h: simulated time, and the order of everything that happens in it.
//
// Thread: one, for all that lives in it.
// Invariants:
//   (1) Events happen by time; those of one time in the order in which they were asked for.
//   (2) Nothing but the seed and the calls decides what happens: the same of both give the same trace hash.
//   (3) Time stands still while an event runs, and never steps back.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/prng.h"
#include "base/time.h"
#include "env/loop.h"
#include "env/timers.h"

namespace quorate::env::sim {

// 0 is never an event.
using EventId = TimerId;

class Universe {
 public:
  using Story = std::move_only_function<void(MonoTime, std::string_view)>;

  static constexpr MonoTime kBeginning = MonoTime(1000s);

  explicit Universe(uint64_t seed) : seed_(seed), prng_(seed) {}
  Universe(const Universe&) = delete;
  Universe& operator=(const Universe&) = delete;

  uint64_t seed() const { return seed_; }
  MonoTime now() const { return now_; }
  // Of the world's delays and faults. What has randomness of its own forks it.
  Prng& prng() { return prng_; }
  // Uniform in [low, high].
  Duration draw(Duration low, Duration high);

  // Runs `task` at `when`, or now where that has passed; never within the call.
  EventId at(MonoTime when, Task task);
  EventId after(Duration delay, Task task) { return at(now_ + delay, std::move(task)); }
  // Forgets an event; unknown and past ones are ignored.
  void cancel(EventId event) { queue_.cancel(event); }
  // Numbers from 1 on, each handed out once: of processes, loops, connections in the trace.
  uint64_t next_id() { return ++last_id_; }

  // The next event; false when there is none.
  bool step();
  // Until `done`, which is asked after each event; false when `limit` passed, or nothing is left to happen.
  bool run_until(std::move_only_function<bool()> done, Duration limit);
  // All that happens in the next `span`; time stands at its end afterwards.
  void run_for(Duration span);
  uint64_t events() const { return events_; }

  // Mixes what happened, and when, into the hash; a line of the story where somebody listens. `what` is the
  // same words for every event of a kind.
  void note(std::string_view what, uint64_t a, uint64_t b, std::string_view bytes = {});
  uint64_t trace_hash() const { return hash_; }

  // Readable lines of what is noted and told; an empty one ends it. Does not change the hash.
  void set_story(Story story) { story_ = std::move(story); }
  // Whether a line is worth its making.
  bool has_listener() const { return static_cast<bool>(story_); }
  void tell(std::string_view line) {
    if (story_) story_(now_, line);
  }

 private:
  void mix(uint64_t word);

  const uint64_t seed_;
  MonoTime now_ = kBeginning;
  Prng prng_;
  Timers queue_;
  uint64_t events_ = 0;
  uint64_t last_id_ = 0;
  uint64_t hash_ = 0;
  Story story_;
};

}  // namespace quorate::env::sim
