// api/stage_stamps.h: where the time of one call went, for whoever asks with the header `quorate-trace: 1`.
//
// Stands before the member's trace on the core loop, and keeps the marks of the calls that are followed. What covers a
// batch (a log write, a commit) counts for each call whose entry is in it.
// Loop: core. The times of a call go to its io loop with the answer.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/time.h"
#include "env/clock.h"
#include "env/trace.h"

namespace quorate::api {

inline constexpr std::string_view kTraceHeader = "quorate-trace";

// When a call came to each stage; MonoTime() where it did not.
struct StageTimes {
  MonoTime begin{};  // its head was there
  std::array<MonoTime, env::kStages> at{};

  MonoTime& operator[](env::Stage stage) { return at[static_cast<size_t>(stage)]; }
  // Microseconds, as the trailer has them: "parse=3, queue=12, log=401, commit=2, apply=5, send=9". A stage that was
  // not passed (a read's log) took 0. `end`: the trailer is made.
  //   parse   from the head to the whole request
  //   queue   until its log write began; where there is none, until it was admitted
  //   log     until that is durable
  //   commit  until Raft says so
  //   apply   until the answer is encoded
  //   send    until the io loop has it in the socket's queue
  std::string text(MonoTime end) const;
};

class StageStamps final : public env::Trace {
 public:
  StageStamps(env::Clock& clock, env::Trace& next) : clock_(clock), next_(next) {}

  // `call` is followed from here on, unless one of the same number, from another io loop, is, or too many are.
  void follow(uint64_t call, const StageTimes& times);
  // Its times so far, and no more of them; null where it is not followed.
  std::unique_ptr<StageTimes> take(uint64_t call);

  void mark(env::Stage stage, uint64_t call, uint64_t index) override;
  void input(env::Input kind, uint64_t source, std::string_view bytes) override { next_.input(kind, source, bytes); }

 private:
  struct Followed {
    uint64_t index = 0;  // of its entry; 0: none yet
    StageTimes times;
  };
  env::Clock& clock_;
  env::Trace& next_;
  std::unordered_map<uint64_t, Followed> calls_;
};

}  // namespace quorate::api
