#include "sim/world.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "pb/codec.h"
#include "sim/check.h"
#include "sim/client.h"
#include "sim/nemesis.h"
#include "sim/supervisor.h"
#include "sim/workload.h"

namespace quorate::sim {
namespace {

// What the longest lease, its allowances and the last reconnect may take after the load has stopped.
constexpr Duration kLeasesEnd = 20s;
constexpr Duration kRecovery = 30s;   // for the member to be up again once nothing breaks
constexpr Duration kLastEvents = 5s;  // for watches to be complete
constexpr Duration kLastAnswers = 20s;

class World {
 public:
  World(const Plan& plan, env::sim::Universe::Story story)
      : plan_(plan),
        universe_(plan.seed),
        network_(universe_),
        drive_(universe_, 1),
        client_drive_(universe_, 2),
        member_(universe_, network_, drive_, plan_, history_),
        supervisor_(universe_, network_, drive_, member_, plan_, history_),
        scene_(universe_, network_, client_drive_, client_log_, Member::client_address(), history_),
        nemesis_(scene_, drive_, member_, supervisor_, plan_) {
    universe_.set_story(std::move(story));
    network_.knobs() = plan.net;
    drive_.knobs() = plan.drive;
    history_.drift_ppm = static_cast<uint32_t>(kDriftPpmMax);
    supervisor_.on_down([this] { check_now(false); });
    for (const WorkloadPlan& load : plan.workloads) {
      workloads_.push_back(make_workload(scene_, load, universe_.prng().fork()));
    }
  }

  Outcome run() {
    universe_.tell(plan_.text());
    supervisor_.begin();
    for (const auto& load : workloads_) load->start();
    nemesis_.start();
    universe_.run_for(plan_.faulty);
    if (!supervisor_.beyond_repair()) heal();
    const Violations& found = supervisor_.violations();
    outcome_.violations.insert(outcome_.violations.end(), found.begin(), found.end());
    outcome_.trace_hash = universe_.trace_hash();
    outcome_.simulated = universe_.now() - env::sim::Universe::kBeginning;
    count();
    return std::move(outcome_);
  }

 private:
  void heal() {
    nemesis_.heal();
    supervisor_.notice_misdirection();
    universe_.note("healing", 0, 0);
    if (!universe_.run_until([this] { return supervisor_.up() || supervisor_.beyond_repair(); }, kRecovery)) {
      return stick("the member is not up again");
    }
    if (supervisor_.beyond_repair()) return;
    universe_.run_for(kConnectionsRecover);
    history_.healed_at = universe_.now();
    universe_.run_for(plan_.healing);
    finish();
  }

  // The load ends; what is due still comes; then the last look.
  void finish() {
    for (const auto& load : workloads_) load->stop();
    const auto idle = [this] {
      return std::all_of(workloads_.begin(), workloads_.end(), [](const auto& load) { return load->idle(); });
    };
    if (!universe_.run_until(idle, kLastAnswers)) return stick("requests are neither answered nor given up");
    universe_.run_for(kLeasesEnd);
    look_at_contents();
    universe_.run_for(kLastEvents);
    for (const auto& load : workloads_) load->conclude();
    history_.ended_at = universe_.now();
    bool stopped = !supervisor_.up();
    if (!stopped) member_.stop([&stopped] { stopped = true; });
    if (!universe_.run_until([&stopped] { return stopped; }, kRecovery)) return stick("the member does not stop");
    check_now(true);
  }

  void look_at_contents() {
    Client client(scene_);
    Session session(client);
    bool answered = false;
    const pb::RangeRequest all{.key = std::string_view("\0", 1), .range_end = std::string_view("\0", 1)};
    session.call(Kind::kRange, pb::encode(all), [&](const Operation& operation) {
      answered = true;
      if (operation.answered && operation.status.ok()) history_.final_contents.push_back({0, operation.response});
    });
    if (!universe_.run_until([&answered] { return answered; }, kLastAnswers) || history_.final_contents.empty()) {
      stick("the last read is not answered");
    }
  }

  void check_now(bool last) {
    if (!outcome_.violations.empty()) return;  // the first are the clearest
    Result<std::vector<pb::Entry>> log = supervisor_.read_log();
    if (!log) {
      outcome_.violations.push_back({ViolationKind::kLost, "the log cannot be read: " + log.error().text()});
      return;
    }
    ++checks_;
    CheckOptions options;
    options.lease_slack += stalled();
    if (last) {
      options.progress_bound = plan_.progress_bound;
    } else {
      history_.ended_at = universe_.now();
    }
    outcome_.violations = check(history_, *log, options);
    universe_.note("checked: entries, violations", log->size(), outcome_.violations.size());
  }

  // Who gets no time, or cannot write, ends no lease: each such fault may add its span.
  Duration stalled() const {
    Duration out{};
    for (const FaultPlan& fault : plan_.faults) {
      const bool stalls = fault.kind == FaultKind::kPausedMember || fault.kind == FaultKind::kHang ||
                          fault.kind == FaultKind::kSlowDisk || fault.kind == FaultKind::kFullDisk;
      if (stalls) out += fault.span;
    }
    return out;
  }

  void stick(const char* what) {
    outcome_.stuck = true;
    outcome_.violations.push_back({ViolationKind::kStuck, what});
  }

  void count() {
    auto& c = outcome_.counters;
    c["runs"] = 1;
    c["events"] = universe_.events();
    c["checks"] = checks_;
    c["requests"] = history_.operations.size();
    for (const Operation& operation : history_.operations) {
      const bool write = operation.kind <= Kind::kTxn || operation.kind == Kind::kLeaseGrant;
      c["requests answered"] += operation.answered;
      c["writes acknowledged"] += operation.answered && write && operation.status.ok();
    }
    c["watches"] = history_.watches.size();
    for (const Watch& watch : history_.watches) c["watch responses"] += watch.deliveries.size();
    c["watch streams"] = scene_.counters.watch_streams;
    c["connections of storms"] = scene_.counters.storm_connections;
    for (size_t i = 0; i < kFaultKinds; ++i) {
      const auto kind = static_cast<FaultKind>(i);
      c["fault: " + std::string(fault_name(kind))] = nemesis_.struck(kind);
      c["faults"] += nemesis_.struck(kind);
    }
    count_lives();
    count_disk();
    count_network();
  }

  void count_lives() {
    auto& c = outcome_.counters;
    const LifeCounters& lives = supervisor_.counters();
    c["starts"] = lives.starts;
    c["deaths: killed"] = lives.kills;
    c["deaths: power lost"] = lives.power_losses;
    c["deaths: orderly"] = lives.orderly_stops;
    c["deaths: log failed"] = lives.failures;
    c["starts refused for damage"] = lives.refused_for_damage;
    c["starts refused for space"] = lives.refused_for_space;
    c["media damaged"] = lives.damaged;
    c["last batches cut"] = lives.cuts_of_last_batch;
  }

  void count_disk() {
    auto& c = outcome_.counters;
    const env::sim::DiskFaults& disk = drive_.faults();
    c["disk: slow writes"] = disk.slow_writes;
    c["disk: hung writes"] = disk.hung_writes;
    c["disk: failed writes"] = disk.failed_writes;
    c["disk: lying writes"] = disk.lying_writes;
    c["disk: misdirected writes"] = disk.misdirected_writes;
    c["disk: flipped bits"] = disk.flipped_bits;
    c["disk: refusals when full"] = disk.full_refusals;
    c["disk: writes cut by a death"] = disk.cut_writes;
    c["disk: sectors kept"] = disk.crash.sectors_kept;
    c["disk: sectors lost"] = disk.crash.sectors_lost;
    c["disk: sectors garbled"] = disk.crash.sectors_garbage;
    c["disk: names kept"] = disk.crash.entries_after;
    c["disk: names lost"] = disk.crash.entries_before;
  }

  void count_network() {
    auto& c = outcome_.counters;
    const env::sim::NetFaults& net = network_.faults();
    c["net: connections"] = net.connections;
    c["net: deliveries"] = net.deliveries;
    c["net: failed connects"] = net.failed_connects + net.timed_out_connects + net.refused;
    c["net: resets"] = net.resets;
    c["net: held deliveries"] = net.held_deliveries;
    c["net: stalled deliveries"] = net.stalled_deliveries;
    c["net: dropped at a death"] = net.dropped_at_death;
  }

  static constexpr Duration kConnectionsRecover = 5s;  // keep-alives find what is dead

  const Plan plan_;
  env::NullLog client_log_;
  env::sim::Universe universe_;
  env::sim::SimNetwork network_;
  env::sim::SimDrive drive_;
  env::sim::SimDrive client_drive_;
  History history_;
  Member member_;
  Supervisor supervisor_;
  Scene scene_;
  Nemesis nemesis_;
  std::vector<std::unique_ptr<Workload>> workloads_;
  Outcome outcome_;
  uint64_t checks_ = 0;
};

}  // namespace

Outcome run_world(const Plan& plan, env::sim::Universe::Story story) { return World(plan, std::move(story)).run(); }

}  // namespace quorate::sim
