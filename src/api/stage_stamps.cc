#include "api/stage_stamps.h"

#include <algorithm>
#include <utility>

namespace quorate::api {
namespace {

// A mark of a batch looks at each.
constexpr size_t kFollowedMax = 64;

// The stages at whose end a part of the time ends.
constexpr std::pair<const char*, env::Stage> kParts[] = {{"parse", env::Stage::kParse}, {"queue", env::Stage::kLog},
                                                         {"log", env::Stage::kDurable}, {"commit", env::Stage::kCommit},
                                                         {"apply", env::Stage::kReply}, {"send", env::Stage::kSend}};

}  // namespace

std::string StageTimes::text(MonoTime end) const {
  StageTimes times = *this;
  times[env::Stage::kSend] = end;
  MonoTime& logged = times[env::Stage::kLog];
  if (logged == MonoTime()) logged = times[env::Stage::kGuard];
  std::string out;
  MonoTime last = begin;
  for (const auto& [name, stage] : kParts) {
    const MonoTime until = std::max(times[stage], last);
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(until - last).count();
    if (!out.empty()) out += ", ";
    out += std::string(name) + "=" + std::to_string(us);
    last = until;
  }
  return out;
}

void StageStamps::follow(uint64_t call, const StageTimes& times) {
  if (calls_.size() < kFollowedMax) calls_.try_emplace(call, Followed{0, times});
}

std::unique_ptr<StageTimes> StageStamps::take(uint64_t call) {
  if (calls_.empty()) return nullptr;
  const auto found = calls_.find(call);
  if (found == calls_.end()) return nullptr;
  auto times = std::make_unique<StageTimes>(found->second.times);
  calls_.erase(found);
  return times;
}

void StageStamps::mark(env::Stage stage, uint64_t call, uint64_t index) {
  next_.mark(stage, call, index);
  if (calls_.empty()) return;
  const MonoTime now = clock_.now();
  if (call == 0) {
    for (auto& [number, followed] : calls_) {
      MonoTime& at = followed.times[stage];
      if (followed.index != 0 && followed.index <= index && at == MonoTime()) at = now;
    }
    return;
  }
  const auto found = calls_.find(call);
  if (found == calls_.end()) return;
  found->second.times[stage] = now;
  if (stage == env::Stage::kPropose) found->second.index = index;
}

}  // namespace quorate::api
