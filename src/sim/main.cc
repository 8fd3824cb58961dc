// The simulator as a program: seeds in, verdicts out. `quorate_sim --help` tells the rest.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "base/mutant.h"
#include "sim/campaign.h"
#include "sim/plan.h"
#include "sim/world.h"

namespace quorate::sim {
namespace {

struct Arguments {
  CampaignOptions campaign;
  uint64_t seed = 0;
  bool trace = false, once = false, canaries = false;
  std::string mutant;
};

std::string command_for(uint64_t seed, const std::string& mutant) {
  return (mutant.empty() ? std::string("./dev sim") : "./dev sim --mutant " + mutant) + " --seed " +
         std::to_string(seed) + " --trace";
}

void tell_bad(const SeedReport& report, const std::string& mutant) {
  std::printf("seed %llu: FAILED (exit code %d)\n%s    again: %s\n", static_cast<unsigned long long>(report.seed),
              static_cast<int>(report.verdict), report.text.c_str(), command_for(report.seed, mutant).c_str());
  std::fflush(stdout);
}

int one_seed(const Arguments& arguments) {
  if (arguments.trace) {
    const Outcome outcome = run_world(draw_plan(arguments.seed), [](MonoTime now, std::string_view line) {
      const auto since = std::chrono::duration<double>(now - env::sim::Universe::kBeginning).count();
      std::printf("%12.6f  %.*s\n", since, static_cast<int>(line.size()), line.data());
    });
    std::printf("trace hash %016llx\n", static_cast<unsigned long long>(outcome.trace_hash));
    for (const Violation& v : outcome.violations) {
      std::printf("%s: %s\n", std::string(violation_name(v.kind)).c_str(), v.text.c_str());
    }
  }
  const SeedReport report = run_seed(arguments.seed, arguments.trace ? 1 : arguments.campaign.times);
  for (const auto& [name, value] : report.counters) {
    if (value != 0) std::printf("%14llu  %s\n", static_cast<unsigned long long>(value), name.c_str());
  }
  if (report.verdict == Verdict::kGood) {
    std::printf("seed %llu: good\n", static_cast<unsigned long long>(arguments.seed));
  } else {
    tell_bad(report, arguments.mutant);
  }
  return static_cast<int>(report.verdict);
}

int many_seeds(const Arguments& arguments) {
  const auto began = std::chrono::steady_clock::now();
  const CampaignReport report =
      run_campaign(arguments.campaign, [&](const SeedReport& bad) { tell_bad(bad, arguments.mutant); });
  const double wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  const double simulated_s = static_cast<double>(report.simulated_ns) / 1e9;
  for (const auto& [name, value] : report.counters) {
    std::printf("%14llu  %s\n", static_cast<unsigned long long>(value), name.c_str());
  }
  std::printf(
      "seeds %llu to %llu, each %d times, %u processes: %.0f s of wall time, %.0f s simulated (%.0fx), %.0f seeds a "
      "minute\n",
      static_cast<unsigned long long>(arguments.campaign.first),
      static_cast<unsigned long long>(arguments.campaign.first + report.seeds - 1), arguments.campaign.times,
      arguments.campaign.jobs, wall_s, simulated_s, simulated_s * arguments.campaign.times / wall_s,
      static_cast<double>(report.seeds) * 60 / wall_s);
  std::printf("%llu passed, %zu failed\n", static_cast<unsigned long long>(report.seeds - report.bad.size()),
              report.bad.size());
  return static_cast<int>(report.verdict());
}

// Each mutant until the first seed that finds it: a table, and exit 1 where one is not found.
int all_canaries(Arguments arguments) {
  if (!kHasMutants) {
    std::fprintf(stderr, "quorate_sim: this build has no mutants: use the preset of that name\n");
    return 2;
  }
  arguments.campaign.stop_at_first = true;
  arguments.campaign.times = 1;
  size_t found = 0, missed = 0;
  std::printf("%-20s %-10s %-8s %s\n", "canary", "seed", "seeds", "found as");
  for (size_t i = 1; i <= kMutants; ++i) {
    const auto mutant = static_cast<Mutant>(i);
    if (!is_canary(mutant)) continue;
    switch_on(mutant);
    const CampaignReport report = run_campaign(arguments.campaign, [](const SeedReport&) {});
    const std::string name(mutant_name(mutant));
    if (report.bad.empty()) {
      ++missed;
      std::printf("%-20s %-10s %-8llu not found\n", name.c_str(), "-", static_cast<unsigned long long>(report.seeds));
    } else {
      ++found;
      const SeedReport& first = report.bad.front();
      std::printf("%-20s %-10llu %-8llu %s\n", name.c_str(), static_cast<unsigned long long>(first.seed),
                  static_cast<unsigned long long>(report.seeds), first.text.substr(0, first.text.find('\n')).c_str());
    }
    std::fflush(stdout);
  }
  std::printf("%zu passed, %zu failed\n", found, missed);
  return missed == 0 ? 0 : 1;
}

int run(int argc, char** argv) {
  Arguments arguments;
  arguments.campaign.jobs = std::max(1u, std::thread::hardware_concurrency());
  CLI::App app("Runs whole members from seeds. Exit codes: 0 good, 3 wrong, 4 stuck, 5 crashed, 6 not deterministic.");
  app.add_option("--seed", arguments.seed, "run this seed alone");
  app.add_flag("--trace", arguments.trace, "tell the story of the run; with --seed");
  app.add_option("--seeds", arguments.campaign.count, "how many seeds")->capture_default_str();
  app.add_option("--first", arguments.campaign.first, "the first of them")->capture_default_str();
  app.add_option("--jobs", arguments.campaign.jobs, "processes")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_flag("--once", arguments.once, "run each seed once instead of twice");
  app.add_option("--budget", arguments.campaign.budget_s, "begin no seed after so many seconds");
  app.add_option("--mutant", arguments.mutant, "switch this fault of our own on");
  app.add_flag("--canaries", arguments.canaries, "run each mutant until a seed finds it");
  CLI11_PARSE(app, argc, argv);
  if (arguments.once) arguments.campaign.times = 1;
  if (!arguments.mutant.empty()) {
    const Mutant mutant = mutant_by_name(arguments.mutant);
    if (mutant == Mutant::kNone || !kHasMutants) {
      std::fprintf(stderr, "quorate_sim: no mutant %s in this build\n", arguments.mutant.c_str());
      return 2;
    }
    switch_on(mutant);
  }
  if (arguments.canaries) return all_canaries(arguments);
  return arguments.seed != 0 ? one_seed(arguments) : many_seeds(arguments);
}

}  // namespace
}  // namespace quorate::sim

int main(int argc, char** argv) { return quorate::sim::run(argc, argv); }
