#include "sim/plan.h"

#include <algorithm>
#include <array>

#include "base/prng.h"

namespace quorate::sim {
namespace {

constexpr std::array<std::string_view, 7> kWorkloadNames = {"kv",         "txn",   "watch", "lease",
                                                            "compaction", "storm", "bulk"};
constexpr std::array<std::string_view, kFaultKinds> kFaultNames = {
    "kill",           "power-loss",     "restart",       "failed-write", "hang",  "slow-disk",     "full-disk",
    "misdirect",      "flip",           "read-only",     "vanish",       "halt",  "resets",        "cut",
    "stalled-reader", "stalled-member", "paused-member", "wall-jump",    "drift", "broken-network"};

// How often a kind of fault is drawn, relative to the others; in the order of FaultKind.
constexpr std::array<uint64_t, kFaultKinds> kFaultWeights = {10, 16, 4, 4, 4, 3, 3, 2, 3, 2,
                                                             2,  6,  6, 4, 4, 2, 4, 3, 2, 3};

Duration between(Prng& prng, Duration low, Duration high) {
  return Duration(
      static_cast<int64_t>(prng.between(static_cast<uint64_t>(low.count()), static_cast<uint64_t>(high.count()))));
}

FaultKind draw_fault(Prng& prng) {
  uint64_t sum = 0;
  for (const uint64_t weight : kFaultWeights) sum += weight;
  uint64_t at = prng.below(sum);
  size_t kind = 0;
  while (at >= kFaultWeights[kind]) at -= kFaultWeights[kind++];
  return static_cast<FaultKind>(kind);
}

env::sim::NetKnobs draw_net(Prng& prng) {
  env::sim::NetKnobs knobs;
  knobs.latency_max = between(prng, 50us, prng.chance(1, 5) ? 20ms : 1ms);
  knobs.chunk_bytes_max = prng.chance(1, 8) ? prng.between(1, 64) : prng.between(256, 64 * 1024);
  knobs.window_bytes = prng.chance(1, 4) ? prng.between(64, 4096) : prng.between(16 * 1024, 256 * 1024);
  knobs.connect_timeout = 3s;
  knobs.silence_max = 3s;
  return knobs;
}

env::sim::DriveKnobs draw_drive(Prng& prng) {
  env::sim::DriveKnobs knobs;
  knobs.traits.durability = prng.chance(1, 2) ? env::Durability::kDirectDsync : env::Durability::kFdatasync;
  if (prng.chance(1, 4)) knobs.traits.alignment_bytes = 512 << prng.below(8);
  knobs.write_max = between(prng, 100us, prng.chance(1, 4) ? 20ms : 2ms);
  if (prng.chance(1, 3)) knobs.spikes_per_million = prng.between(1000, 50'000);
  return knobs;
}

WorkloadPlan draw_workload(Prng& prng, WorkloadKind kind) {
  WorkloadPlan plan;
  plan.kind = kind;
  plan.keys = static_cast<uint32_t>(prng.between(2, 16));
  plan.clients = static_cast<uint32_t>(prng.between(1, 2));
  plan.sessions = static_cast<uint32_t>(prng.between(1, 3));
  plan.pause_min = 1ms;
  plan.pause_max = between(prng, 50ms, 500ms);
  switch (kind) {
    case WorkloadKind::kKv:
    case WorkloadKind::kTxn: break;
    case WorkloadKind::kWatch: plan.pause_max = between(prng, 200ms, 2s); break;
    case WorkloadKind::kLease: plan.pause_max = between(prng, 100ms, 900ms); break;
    case WorkloadKind::kCompaction:
      plan.clients = plan.sessions = 1;
      plan.pause_min = 200ms;
      plan.pause_max = between(prng, 300ms, 4s);
      break;
    case WorkloadKind::kStorm:
      plan.clients = 1;
      plan.sessions = static_cast<uint32_t>(prng.chance(1, 8) ? prng.between(500, 1500) : prng.between(5, 60));
      break;
    case WorkloadKind::kBulk:
      plan.sessions = static_cast<uint32_t>(prng.between(2, 3));
      plan.keys = static_cast<uint32_t>(prng.between(100, 400));
      plan.pause_max = between(prng, 200ms, 1s);
      break;
  }
  return plan;
}

void draw_faults(Prng& prng, Plan& plan) {
  const size_t count = prng.between(3, 9);
  for (size_t i = 0; i < count; ++i) {
    FaultPlan fault;
    fault.at = between(prng, 300ms, plan.faulty - 200ms);
    fault.kind = draw_fault(prng);
    fault.span = between(prng, 10ms, prng.chance(1, 6) ? 8s : 1500ms);
    fault.amount = prng.next();
    plan.faults.push_back(fault);
  }
  std::stable_sort(plan.faults.begin(), plan.faults.end(),
                   [](const FaultPlan& a, const FaultPlan& b) { return a.at < b.at; });
}

// From a generator of its own: what else a seed means stays as it is. After a misdirected write nobody can read the
// log until it is repaired, so that no part of it may be freed unread.
server::CheckpointKnobs draw_checkpoint(uint64_t seed, const std::vector<FaultPlan>& faults) {
  Prng prng(seed ^ 0x636865636b706f69u);
  server::CheckpointKnobs knobs;
  knobs.log_bytes = 1024 * prng.between(32, prng.chance(1, 4) ? 2048 : 384);
  knobs.block_bytes = prng.between(32, 2048);
  knobs.queued_bytes = knobs.block_bytes * prng.between(1, 4);
  knobs.records_per_turn = prng.between(1, 24);
  const auto misdirects = [](const FaultPlan& fault) { return fault.kind == FaultKind::kMisdirect; };
  if (std::any_of(faults.begin(), faults.end(), misdirects)) knobs.log_bytes = UINT64_MAX;
  return knobs;
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

std::string_view workload_name(WorkloadKind kind) { return kWorkloadNames.at(static_cast<size_t>(kind)); }
std::string_view fault_name(FaultKind kind) { return kFaultNames.at(static_cast<size_t>(kind)); }

Plan draw_plan(uint64_t seed) {
  Prng prng(seed ^ 0x71756f7261746521u);
  Plan plan;
  plan.seed = seed;
  plan.io_loops = prng.chance(2, 3) ? 0 : prng.between(1, 2);
  plan.segment_bytes = 64 * 1024 * prng.between(3, 12);
  plan.deleted_at_once = prng.between(4, 64);
  plan.deleted_per_turn = prng.between(1, 16);
  plan.net = draw_net(prng);
  plan.drive = draw_drive(prng);
  if (prng.chance(1, 6)) plan.first_start_steps = prng.between(1, 70);
  plan.restart_min = 10ms;
  plan.restart_max = between(prng, 50ms, 1500ms);
  plan.faulty = between(prng, 5s, 12s);
  plan.healing = between(prng, 2s, 4s);
  plan.workloads.push_back(draw_workload(prng, WorkloadKind::kKv));
  plan.workloads.push_back(draw_workload(prng, WorkloadKind::kTxn));
  plan.workloads.push_back(draw_workload(prng, WorkloadKind::kWatch));
  plan.workloads.push_back(draw_workload(prng, WorkloadKind::kLease));
  if (prng.chance(2, 3)) plan.workloads.push_back(draw_workload(prng, WorkloadKind::kCompaction));
  if (prng.chance(1, 6)) plan.workloads.push_back(draw_workload(prng, WorkloadKind::kStorm));
  if (prng.chance(1, 4)) plan.workloads.push_back(draw_workload(prng, WorkloadKind::kBulk));
  draw_faults(prng, plan);
  plan.checkpoint = draw_checkpoint(seed, plan.faults);
  constexpr std::array kLast = {FaultKind::kKill, FaultKind::kPowerLoss, FaultKind::kRestart};
  if (prng.chance(1, 2)) plan.last = kLast.at(prng.below(kLast.size()));
  return plan;
}

std::string Plan::text() const {
  std::string out = "seed " + std::to_string(seed) + ": " + std::to_string(io_loops) + " io loops, segments of " +
                    std::to_string(segment_bytes / 1024) + " KiB, an image at " +
                    std::to_string(checkpoint.log_bytes / 1024) + " KiB of log, log writes " +
                    std::string(env::durability_name(drive.traits.durability)) + " aligned to " +
                    std::to_string(drive.traits.alignment_bytes) + "\n";
  for (const WorkloadPlan& w : workloads) {
    out += "  load " + std::string(workload_name(w.kind)) + ": " + std::to_string(w.clients) + " clients x " +
           std::to_string(w.sessions) + " over " + std::to_string(w.keys) + " keys\n";
  }
  for (const FaultPlan& f : faults) {
    out += "  fault at " + std::to_string(seconds(f.at)) + " s: " + std::string(fault_name(f.kind)) + " (" +
           std::to_string(seconds(f.span)) + " s)\n";
  }
  out += "  deletes of more than " + std::to_string(deleted_at_once) + " keys go by " +
         std::to_string(deleted_per_turn) + "\n";
  if (first_start_steps != 0) {
    out += "  the first start " + std::string(first_start_steps % 2 == 0 ? "is killed" : "loses its power") +
           " after " + std::to_string(first_start_steps / 2) + " steps\n";
  }
  out += "  healing from " + std::to_string(seconds(faulty)) + " s on\n";
  if (last) out += "  at the end once more: " + std::string(fault_name(*last)) + "\n";
  return out;
}

}  // namespace quorate::sim
