// sim/campaign.h: many seeds over several processes, and the sum of what they saw.
//
// A seed that kills its process is noted and the campaign goes on with the next one.
// Threads: none; processes. For the program, not for tests.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace quorate::sim {

// How a run, and a program of runs, ended: also the program's exit code. The worst of many counts.
enum class Verdict : uint8_t {
  kGood = 0,
  kWrong = 3,     // a checker found a violation
  kStuck = 4,     // somebody waited in vain
  kCrashed = 5,   // the process died
  kUnstable = 6,  // the second run of a seed was not the first
};

struct SeedReport {
  uint64_t seed = 0;
  Verdict verdict = Verdict::kGood;
  std::string text;  // of the first violations, a line each
  uint64_t simulated_ns = 0;
  std::map<std::string, uint64_t> counters;
};

// One seed, `times` times (two show that it is deterministic).
SeedReport run_seed(uint64_t seed, int times);

struct CampaignOptions {
  uint64_t first = 1;
  uint64_t count = 100;
  unsigned jobs = 1;
  int times = 2;
  bool stop_at_first = false;  // at the first seed that is not good
  double budget_s = 0;         // begin no further seed after that; 0: none
};

struct CampaignReport {
  uint64_t seeds = 0;
  std::vector<SeedReport> bad;
  uint64_t simulated_ns = 0;
  std::map<std::string, uint64_t> counters;

  Verdict verdict() const;
};

// `told` hears of each bad seed as it comes.
CampaignReport run_campaign(const CampaignOptions& options, const std::function<void(const SeedReport&)>& told);

}  // namespace quorate::sim
