// sim/plan.h: one run as data: what the world is like, who does what in it, and what goes wrong when.
//
// Everything is drawn from the seed before the run begins, so that a run can be read, cut and changed.
// Threads: any; values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "env/sim/drive.h"
#include "env/sim/network.h"
#include "server/checkpointer.h"

namespace quorate::sim {

enum class WorkloadKind : uint8_t { kKv, kTxn, kWatch, kLease, kCompaction, kStorm, kBulk };
std::string_view workload_name(WorkloadKind kind);

// One unit of load; units share the keys and nothing else.
struct WorkloadPlan {
  WorkloadKind kind = WorkloadKind::kKv;
  uint32_t clients = 1;   // processes, each with one connection
  uint32_t sessions = 1;  // of one client: so many requests may be under way at once
  Duration pause_min{}, pause_max{};
  uint32_t keys = 8;  // "k0", "k1", ...
};

enum class FaultKind : uint8_t {
  kKill,           // the process dies, its system goes on
  kPowerLoss,      // of the member's machine
  kRestart,        // an orderly stop
  kFailedWrite,    // a log write reports an error
  kHang,           // log writes wait
  kSlowDisk,       // log writes take longer
  kFullDisk,       // nothing new fits
  kMisdirect,      // a log write lands elsewhere, the power fails
  kFlip,           // the power fails, bits of a file flip
  kReadOnly,       // nothing may be changed
  kVanish,         // a folder is gone, and comes back
  kHalt,           // the process dies within a blocking call, or the power fails there
  kResets,         // every connection of the member is reset
  kCut,            // between the member and one client
  kStalledReader,  // nothing arrives at one client
  kStalledMember,  // nothing arrives at the member
  kPausedMember,   // its process gets no time
  kWallJump,       // its wall clock is set
  kDrift,          // its clocks run at another rate
  kBrokenNetwork,  // connects fail and connections break by chance
};
inline constexpr size_t kFaultKinds = 20;
std::string_view fault_name(FaultKind kind);

struct FaultPlan {
  Duration at{};  // after the beginning
  FaultKind kind = FaultKind::kKill;
  Duration span{};      // how long it lasts, where it does
  uint64_t amount = 0;  // a number of its kind: a client, bits, parts per million
};

struct Plan {
  uint64_t seed = 0;
  size_t io_loops = 0;
  uint64_t segment_bytes = 0;
  uint64_t deleted_at_once = 0;  // keys by one entry; more are deleted in slices
  size_t deleted_per_turn = 0;   // of such a slice
  server::CheckpointKnobs checkpoint;
  env::sim::NetKnobs net;
  env::sim::DriveKnobs drive;
  // 0, or the first start dies after half so many steps of its blocking calls, and its machine with it where that is
  // odd.
  uint64_t first_start_steps = 0;
  Duration restart_min{}, restart_max{};  // between a death of the member and its next start
  std::vector<WorkloadPlan> workloads;
  std::vector<FaultPlan> faults;  // by time
  Duration faulty{};              // the first phase: load and faults
  Duration healing{};             // the second: load alone, in which everybody is answered
  std::optional<FaultKind> last;  // how the member ends once more when the load is over, or does not
  Duration progress_bound = 12s;  // within which a request of the second phase is answered

  std::string text() const;  // for people, one line each
};

Plan draw_plan(uint64_t seed);

// How far a member's clocks may run fast or slow.
inline constexpr int64_t kDriftPpmMax = 200;

}  // namespace quorate::sim
