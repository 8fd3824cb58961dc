// server/lease_keeper.h: the leader's duties towards leases: renew, expire, checkpoint.
//
// Loop:    core.
// Source:  v3 API, section 7; peer protocol, section 3.5.7; the design's decision on leases.
// Invariants:
//   (1) A lease is revoked only through the log, and only by the primary.
//   (2) A renewal that raises the remaining time above what is replicated, or may be once the checkpoints under
//       way are applied, is answered after it committed.
//   (3) At most one revoke of a lease, and one lowering checkpoint in all, are under way at a time.
#pragma once

#include <functional>
#include <set>

#include "base/ids.h"
#include "base/result.h"
#include "env/env.h"
#include "lease/lessor.h"

namespace quorate::server {

class Replica;

class LeaseKeeper {
 public:
  LeaseKeeper(const env::Env& env, Replica& replica, lease::Lessor& lessor);

  // The granted TTL in seconds, once the renewal holds. Errors: LeaseNotFound, NoLeader, NotPrimaryLessor, and a
  // proposal's.
  void renew(LeaseId lease, std::move_only_function<void(Result<int64_t>)> done);

  // To be called at least every 500 ms: proposes revokes of what expired and checkpoints of what is due.
  void tick(MonoTime now);

  uint64_t expired_total() const { return expired_total_; }
  uint64_t renewed_total() const { return renewed_total_; }

 private:
  void lower(MonoTime now);

  const env::Env& env_;
  Replica& replica_;
  lease::Lessor& lessor_;
  std::set<LeaseId> revoking_;
  // Whose replicated time a checkpoint lowers that is under way, or that timed out and may still be applied.
  std::set<LeaseId> lowering_;
  bool checkpointing_ = false;
  MonoTime next_scan_{};
  uint64_t expired_total_ = 0, renewed_total_ = 0;
};

}  // namespace quorate::server
