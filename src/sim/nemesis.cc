#include "sim/nemesis.h"

#include <utility>

namespace quorate::sim {
namespace {

const std::string kMemberHost(Member::kHost);

env::sim::Death death_of(uint64_t draw) {
  return draw % 2 == 0 ? env::sim::Death::kKilled : env::sim::Death::kPowerLoss;
}

}  // namespace

Nemesis::Nemesis(Scene& scene, env::sim::SimDrive& drive, Member& member, Supervisor& supervisor, const Plan& plan)
    : scene_(scene), drive_(drive), member_(member), supervisor_(supervisor), plan_(plan) {}

void Nemesis::start() {
  for (const FaultPlan& fault : plan_.faults) {
    scene_.universe.after(fault.at, [this, &fault] {
      if (!healed_) strike(fault);
    });
  }
}

void Nemesis::heal() {
  healed_ = true;
  scene_.network.heal_all();
  scene_.network.knobs() = plan_.net;
  scene_.network.knobs().latency_max = std::min<Duration>(plan_.net.latency_max, 2ms);
  drive_.knobs() = plan_.drive;
  drive_.hang_until(scene_.universe.now());
  drive_.disarm();
  drive_.set_space(env::sim::SimDrive::kUnlimited);
  supervisor_.set_full(false);
  supervisor_.set_read_only(false);
  supervisor_.bring_back();
}

void Nemesis::strike(const FaultPlan& fault) {
  ++struck_[static_cast<size_t>(fault.kind)];
  scene_.universe.note("fault", static_cast<uint64_t>(fault.kind), fault.amount, fault_name(fault.kind));
  switch (fault.kind) {
    case FaultKind::kKill:
    case FaultKind::kPowerLoss:
    case FaultKind::kRestart:
    case FaultKind::kPausedMember: return strike_process(fault);
    case FaultKind::kFailedWrite:
    case FaultKind::kHang:
    case FaultKind::kSlowDisk:
    case FaultKind::kFullDisk:
    case FaultKind::kMisdirect:
    case FaultKind::kFlip:
    case FaultKind::kReadOnly:
    case FaultKind::kVanish:
    case FaultKind::kHalt: return strike_disk(fault);
    case FaultKind::kResets:
    case FaultKind::kCut:
    case FaultKind::kStalledReader:
    case FaultKind::kStalledMember:
    case FaultKind::kBrokenNetwork: return strike_network(fault);
    case FaultKind::kWallJump:
    case FaultKind::kDrift: return strike_clock(fault);
  }
}

void Nemesis::strike_process(const FaultPlan& fault) {
  switch (fault.kind) {
    case FaultKind::kKill: return supervisor_.crash(env::sim::Death::kKilled);
    case FaultKind::kPowerLoss: return supervisor_.crash(env::sim::Death::kPowerLoss);
    case FaultKind::kRestart: return supervisor_.restart_in_order();
    default:
      if (member_.running()) member_.process().pause(fault.span);
  }
}

void Nemesis::strike_disk(const FaultPlan& fault) {
  switch (fault.kind) {
    case FaultKind::kFailedWrite:
      drive_.fail_next_write();
      // Whoever went on after it is found out when the power fails.
      return end_after(fault.span, [this] { supervisor_.crash(env::sim::Death::kPowerLoss); });
    case FaultKind::kHang: return drive_.hang_until(scene_.universe.now() + fault.span);
    case FaultKind::kSlowDisk:
      drive_.knobs().write_max = 200ms;
      return end_after(fault.span, [this] { drive_.knobs() = plan_.drive; });
    case FaultKind::kFullDisk:
      drive_.set_space(drive_.bytes_used() + fault.amount % 65536);
      supervisor_.set_full(true);
      return end_after(fault.span, [this] {
        drive_.set_space(env::sim::SimDrive::kUnlimited);
        supervisor_.set_full(false);
      });
    case FaultKind::kMisdirect: return supervisor_.misdirect(fault.amount);
    case FaultKind::kReadOnly:
      supervisor_.set_read_only(true);
      return end_after(fault.span, [this] { supervisor_.set_read_only(false); });
    case FaultKind::kVanish:
      supervisor_.vanish(fault.amount);
      // Whether it starts without the folder is seen only when it starts.
      if (fault.amount % 3 != 0) end_after(fault.span / 4, [this] { supervisor_.crash(env::sim::Death::kKilled); });
      return end_after(fault.span, [this] { supervisor_.bring_back(); });
    case FaultKind::kHalt:
      supervisor_.halt_after(fault.amount % 24, death_of(fault.amount / 24));
      // Most blocking calls are a start's.
      if (fault.amount % 5 != 0) supervisor_.crash(death_of(fault.amount / 48));
      return;
    default: return supervisor_.crash_and_flip(fault.amount);
  }
}

void Nemesis::strike_network(const FaultPlan& fault) {
  env::sim::SimNetwork& network = scene_.network;
  const std::string client = client_host(fault.amount);
  switch (fault.kind) {
    case FaultKind::kResets: return network.reset_all(kMemberHost);
    case FaultKind::kCut: {
      const bool both = fault.amount % 3 == 0;
      const bool to_client = fault.amount % 3 == 1;
      if (both || to_client) network.cut(kMemberHost, client);
      if (!to_client) network.cut(client, kMemberHost);
      return end_after(fault.span, [this, client] {
        scene_.network.heal(kMemberHost, client);
        scene_.network.heal(client, kMemberHost);
      });
    }
    case FaultKind::kStalledReader: return network.stall_reader(client, scene_.universe.now() + fault.span);
    case FaultKind::kStalledMember: return network.stall_reader(kMemberHost, scene_.universe.now() + fault.span);
    default:
      network.knobs().connect_failures_per_million = 300'000;
      network.knobs().resets_per_million = 20'000;
      network.knobs().latency_max = 50ms;
      return end_after(fault.span, [this] { scene_.network.knobs() = plan_.net; });
  }
}

void Nemesis::strike_clock(const FaultPlan& fault) {
  if (!member_.running()) return;
  const auto swing = static_cast<int64_t>(fault.amount % 2001) - 1000;  // -1000..1000
  if (fault.kind == FaultKind::kDrift) return member_.process().clock().set_drift_ppm(swing * kDriftPpmMax / 1000);
  member_.process().clock().jump_wall(swing * 1h / 10);
}

void Nemesis::end_after(Duration span, env::Task end) {
  scene_.universe.after(span, [this, end = std::move(end)]() mutable {
    if (!healed_) end();
  });
}

std::string Nemesis::client_host(uint64_t draw) const {
  const std::vector<std::string>& hosts = scene_.client_hosts;
  return hosts.empty() ? kMemberHost : hosts[draw % hosts.size()];
}

}  // namespace quorate::sim
