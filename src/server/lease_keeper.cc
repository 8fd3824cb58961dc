#include "server/lease_keeper.h"

#include "pb/codec.h"
#include "server/replica.h"

namespace quorate::server {
namespace {

constexpr Duration kScanInterval = 500ms;
constexpr size_t kRevokesPerScan = 500;
constexpr size_t kCheckpointsPerScan = 1000;

}  // namespace

LeaseKeeper::LeaseKeeper(const env::Env& env, Replica& replica, lease::Lessor& lessor)
    : env_(env), replica_(replica), lessor_(lessor) {}

void LeaseKeeper::renew(LeaseId lease, std::move_only_function<void(Result<int64_t>)> done) {
  if (!lessor_.primary()) return done(fail(replica_.leader() == 0 ? errors::NoLeader() : errors::NotPrimaryLessor()));
  const MonoTime now = env_.clock.now();
  const auto before = lessor_.info(lease, now);
  const int64_t replicated_s = before ? before->replicated_ttl_s : 0;
  Result<int64_t> ttl_s = lessor_.renew(lease, now);
  if (!ttl_s || (replicated_s >= *ttl_s && !lowering_.contains(lease))) {
    if (ttl_s) ++renewed_total_;
    return done(std::move(ttl_s));
  }
  const pb::LeaseCheckpointRequest raise{.checkpoints = {{.id = lease, .remaining_ttl_s = *ttl_s}}};
  replica_.propose(pb::Payload::kLeaseCheckpoint, pb::encode(raise), 0,
                   [this, ttl_s = *ttl_s, done = std::move(done)](machine::Outcome& outcome) mutable {
                     if (!outcome.status.ok()) return done(fail(outcome.status));
                     ++renewed_total_;
                     done(ttl_s);
                   });
}

void LeaseKeeper::tick(MonoTime now) {
  if (!lessor_.primary() || now < next_scan_) return;
  next_scan_ = now + kScanInterval;
  for (const LeaseId lease : lessor_.expired(now, kRevokesPerScan)) {
    if (!revoking_.insert(lease).second) continue;
    replica_.propose(pb::Payload::kLeaseRevoke, pb::encode(pb::LeaseRevokeRequest{.id = lease}), 0,
                     [this, lease](machine::Outcome& outcome) {
                       revoking_.erase(lease);
                       if (outcome.status.ok()) ++expired_total_;
                     });
  }
  if (!checkpointing_) lower(now);
}

void LeaseKeeper::lower(MonoTime now) {
  pb::LeaseCheckpointRequest request;
  for (const auto& [lease, remaining_ttl_s] : lessor_.due_checkpoints(now, kCheckpointsPerScan)) {
    request.checkpoints.push_back({.id = lease, .remaining_ttl_s = remaining_ttl_s});
    lowering_.insert(lease);
  }
  if (request.checkpoints.empty()) return;
  checkpointing_ = true;
  replica_.propose(pb::Payload::kLeaseCheckpoint, pb::encode(request), 0, [this](machine::Outcome& outcome) {
    checkpointing_ = false;
    // Once this one is applied, none that was proposed before can be.
    if (outcome.status.ok()) lowering_.clear();
  });
}

}  // namespace quorate::server
