#include "sim/world.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "pb/codec.h"
#include "sim/check.h"
#include "sim/client.h"
#include "sim/counters.h"
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
    const auto fills = [](const FaultPlan& fault) { return fault.kind == FaultKind::kFullDisk; };
    if (std::ranges::any_of(plan.faults, fills)) workloads_.push_back(make_operator(scene_));
  }

  Outcome run() {
    universe_.tell(plan_.text());
    if (plan_.first_start_steps != 0) {
      const bool killed = plan_.first_start_steps % 2 == 0;
      supervisor_.halt_after(plan_.first_start_steps / 2,
                             killed ? env::sim::Death::kKilled : env::sim::Death::kPowerLoss);
    }
    supervisor_.begin();
    for (const auto& load : workloads_) load->start();
    nemesis_.start();
    universe_.run_for(plan_.faulty);
    if (!supervisor_.beyond_repair()) heal();
    const Violations& found = supervisor_.violations();
    outcome_.violations.insert(outcome_.violations.end(), found.begin(), found.end());
    outcome_.trace_hash = universe_.trace_hash();
    outcome_.simulated = universe_.now() - env::sim::Universe::kBeginning;
    outcome_.counters = counters_of({.events = universe_.events(),
                                     .checks = checks_,
                                     .history = history_,
                                     .load = scene_.counters,
                                     .lives = supervisor_.counters(),
                                     .checkpoints = member_.log().checkpoints(),
                                     .disk = drive_.faults(),
                                     .net = network_.faults(),
                                     .nemesis = nemesis_});
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
    check_budgets();
    if (plan_.last && !end_once_more()) return stick("the member is not up again after the load");
    look_at_the_end();
    universe_.run_for(kLastEvents);
    for (const auto& load : workloads_) load->conclude();
    history_.ended_at = universe_.now();
    bool stopped = !supervisor_.up();
    if (!stopped) member_.stop([&stopped] { stopped = true; });
    if (!universe_.run_until([&stopped] { return stopped; }, kRecovery)) return stick("the member does not stop");
    check_now(true);
  }

  // Everything is answered, and whoever read slowly has read, or was cut off and is gone.
  void check_budgets() {
    if (!supervisor_.up()) return;
    const size_t bytes = member_.budgeted_bytes();
    if (bytes == 0) return;
    outcome_.violations.push_back(
        {ViolationKind::kBudget,
         std::to_string(bytes) + " bytes count against budgets, and nobody waits for anything"});
  }

  // Long after the last renewal: what is left of a lease must not have grown. False: it did not come up.
  bool end_once_more() {
    const uint64_t starts = supervisor_.counters().starts;
    if (*plan_.last == FaultKind::kRestart) {
      supervisor_.restart_in_order();
    } else {
      supervisor_.crash(*plan_.last == FaultKind::kKill ? env::sim::Death::kKilled : env::sim::Death::kPowerLoss);
    }
    if (!universe_.run_until([&] { return supervisor_.counters().starts > starts; }, kRecovery)) return false;
    universe_.run_for(kConnectionsRecover);
    for (const auto& load : workloads_) load->reopen();
    return true;
  }

  // Everything, and each lease.
  void look_at_the_end() {
    Client client(scene_);
    Session session(client);
    const pb::RangeRequest everything{.key = std::string_view("\0", 1), .range_end = std::string_view("\0", 1)};
    const auto contents = ask(session, Kind::kRange, pb::encode(everything));
    if (!contents) return stick("the last read is not answered");
    history_.final_contents.push_back({0, *contents});
    const auto list = ask(session, Kind::kLeaseLeases, {});
    pb::LeaseLeasesResponse leases;
    if (!list || !pb::decode(*list, leases)) return stick("the last list of leases is not answered");
    for (const LeaseId lease : leases.leases) {
      const pb::LeaseTimeToLiveRequest request{.id = lease, .keys = true};
      if (!ask(session, Kind::kLeaseTimeToLive, pb::encode(request))) return stick("a lease cannot be asked for");
    }
  }

  std::optional<std::string> ask(Session& session, Kind kind, std::string request) {
    bool ended = false;
    std::optional<std::string> response;
    session.call(kind, std::move(request), [&](const Operation& operation) {
      ended = true;
      if (operation.answered && operation.status.ok()) response = operation.response;
    });
    return universe_.run_until([&ended] { return ended; }, kLastAnswers) ? response : std::nullopt;
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
