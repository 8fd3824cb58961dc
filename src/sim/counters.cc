#include "sim/counters.h"

#include <algorithm>

namespace quorate::sim {
namespace {

struct Counter {
  const char* name;
  uint64_t (*of)(const Counted&);
};

uint64_t answered(const Counted& run, bool only_writes) {
  return static_cast<uint64_t>(std::ranges::count_if(run.history.operations, [&](const Operation& operation) {
    const bool write = operation.kind <= Kind::kTxn || operation.kind == Kind::kLeaseGrant;
    return operation.answered && (!only_writes || (write && operation.status.ok()));
  }));
}

uint64_t refused_for_space(const Counted& run) {
  return static_cast<uint64_t>(std::ranges::count_if(run.history.operations, [](const Operation& operation) {
    return operation.answered && operation.status == errors::NoSpace();
  }));
}

uint64_t responses(const Counted& run) {
  uint64_t sum = 0;
  for (const Watch& watch : run.history.watches) sum += watch.deliveries.size();
  return sum;
}

// Those of the kinds of faults come on top.
constexpr Counter kCounters[] = {
    {"runs", [](const Counted&) -> uint64_t { return 1; }},
    {"events", [](const Counted& c) { return c.events; }},
    {"checks", [](const Counted& c) { return c.checks; }},
    {"requests", [](const Counted& c) -> uint64_t { return c.history.operations.size(); }},
    {"requests answered", [](const Counted& c) { return answered(c, false); }},
    {"writes acknowledged", [](const Counted& c) { return answered(c, true); }},
    {"writes refused for space", [](const Counted& c) { return refused_for_space(c); }},
    {"alarms disarmed", [](const Counted& c) { return c.load.alarms_disarmed; }},
    {"watches", [](const Counted& c) -> uint64_t { return c.history.watches.size(); }},
    {"watch responses", [](const Counted& c) { return responses(c); }},
    {"watch streams", [](const Counted& c) { return c.load.watch_streams; }},
    {"connections of storms", [](const Counted& c) { return c.load.storm_connections; }},

    {"starts", [](const Counted& c) { return c.lives.starts; }},
    {"deaths: killed", [](const Counted& c) { return c.lives.kills; }},
    {"deaths: power lost", [](const Counted& c) { return c.lives.power_losses; }},
    {"deaths: orderly", [](const Counted& c) { return c.lives.orderly_stops; }},
    {"deaths: log failed", [](const Counted& c) { return c.lives.failures; }},
    {"deaths within a call", [](const Counted& c) { return c.lives.halts; }},
    {"deaths within a start", [](const Counted& c) { return c.lives.halts_at_start; }},
    {"starts refused for damage", [](const Counted& c) { return c.lives.refused_for_damage; }},
    {"starts refused for space", [](const Counted& c) { return c.lives.refused_for_space; }},
    {"starts refused read-only", [](const Counted& c) { return c.lives.refused_read_only; }},
    {"starts refused for a folder", [](const Counted& c) { return c.lives.refused_for_folder; }},
    {"media damaged", [](const Counted& c) { return c.lives.damaged; }},
    {"last batches cut", [](const Counted& c) { return c.lives.cuts_of_last_batch; }},

    {"checkpoints saved", [](const Counted& c) { return c.checkpoints.saved; }},
    {"checkpoints failed", [](const Counted& c) { return c.checkpoints.failed; }},
    {"checkpoints loaded", [](const Counted& c) { return c.checkpoints.loaded; }},
    {"checkpoints passed over", [](const Counted& c) { return c.checkpoints.passed_over; }},

    {"disk: slow writes", [](const Counted& c) { return c.disk.slow_writes; }},
    {"disk: hung writes", [](const Counted& c) { return c.disk.hung_writes; }},
    {"disk: failed writes", [](const Counted& c) { return c.disk.failed_writes; }},
    {"disk: lying writes", [](const Counted& c) { return c.disk.lying_writes; }},
    {"disk: misdirected writes", [](const Counted& c) { return c.disk.misdirected_writes; }},
    {"disk: misdirections repaired", [](const Counted& c) { return c.disk.repairs; }},
    {"disk: flipped bits", [](const Counted& c) { return c.disk.flipped_bits; }},
    {"disk: refusals when full", [](const Counted& c) { return c.disk.full_refusals; }},
    {"disk: refusals when read-only", [](const Counted& c) { return c.disk.read_only_refusals; }},
    {"disk: folders vanished", [](const Counted& c) { return c.disk.vanished_folders; }},
    {"disk: writes cut by a death", [](const Counted& c) { return c.disk.cut_writes; }},
    {"disk: sectors kept", [](const Counted& c) { return c.disk.crash.sectors_kept; }},
    {"disk: sectors lost", [](const Counted& c) { return c.disk.crash.sectors_lost; }},
    {"disk: sectors garbled", [](const Counted& c) { return c.disk.crash.sectors_garbage; }},
    {"disk: names kept", [](const Counted& c) { return c.disk.crash.entries_after; }},
    {"disk: names lost", [](const Counted& c) { return c.disk.crash.entries_before; }},

    {"net: connections", [](const Counted& c) { return c.net.connections; }},
    {"net: deliveries", [](const Counted& c) { return c.net.deliveries; }},
    {"net: failed connects",
     [](const Counted& c) { return c.net.failed_connects + c.net.timed_out_connects + c.net.refused; }},
    {"net: resets", [](const Counted& c) { return c.net.resets; }},
    {"net: held deliveries", [](const Counted& c) { return c.net.held_deliveries; }},
    {"net: stalled deliveries", [](const Counted& c) { return c.net.stalled_deliveries; }},
    {"net: dropped at a death", [](const Counted& c) { return c.net.dropped_at_death; }},
};

}  // namespace

std::map<std::string, uint64_t> counters_of(const Counted& run) {
  std::map<std::string, uint64_t> out;
  for (const Counter& counter : kCounters) out[counter.name] = counter.of(run);
  for (size_t i = 0; i < kFaultKinds; ++i) {
    const auto kind = static_cast<FaultKind>(i);
    out["fault: " + std::string(fault_name(kind))] = run.nemesis.struck(kind);
    out["faults"] += run.nemesis.struck(kind);
  }
  return out;
}

}  // namespace quorate::sim
