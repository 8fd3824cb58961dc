#include "lease/lessor.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "base/mutant.h"

namespace quorate::lease {

namespace {

// The longest TTL fits into a Duration, but not on top of any `from`.
MonoTime later(MonoTime from, int64_t seconds, Duration extend = {}) {
  static_assert(limits::kMaxLeaseTtlS <= std::chrono::duration_cast<std::chrono::seconds>(Duration::max()).count());
  const Duration room = MonoTime::max() - std::max(from, MonoTime());
  const Duration wait = std::chrono::seconds(seconds);
  if (wait > room || extend > room - wait) return MonoTime::max();
  return from + wait + extend;
}

// How far the remaining TTL may fall below what is replicated.
int64_t checkpoint_step_s(int64_t granted_ttl_s) { return std::max<int64_t>(5, granted_ttl_s / 10); }

}  // namespace

Result<int64_t> Lessor::grant(LeaseId id, int64_t ttl_s, MonoTime now) {
  CHECK(id != 0);
  if (ttl_s > limits::kMaxLeaseTtlS) return fail(errors::LeaseTTLTooLarge());
  auto [it, fresh] = leases_.try_emplace(id);
  if (!fresh) return fail(errors::LeaseExist());
  Lease& lease = it->second;
  lease.granted_ttl_s = std::max(ttl_s, min_ttl_s_);
  lease.replicated_ttl_s = lease.granted_ttl_s;
  if (primary_) set_deadline(id, lease, later(now, lease.granted_ttl_s));
  return lease.granted_ttl_s;
}

Result<std::vector<std::string>> Lessor::revoke(LeaseId id) {
  auto it = leases_.find(id);
  if (it == leases_.end()) return fail(errors::LeaseNotFound());
  Lease& lease = it->second;
  clear_deadline(id, lease);
  std::vector<std::string> keys;
  keys.reserve(lease.keys.size());
  while (!lease.keys.empty()) keys.push_back(std::move(lease.keys.extract(lease.keys.begin()).value()));
  leases_.erase(it);
  return keys;
}

bool Lessor::take_key(LeaseId id, std::string& key) {
  auto it = leases_.find(id);
  if (it == leases_.end() || it->second.keys.empty()) return false;
  auto& keys = it->second.keys;
  key = std::move(keys.extract(keys.begin()).value());
  return true;
}

void Lessor::checkpoint(LeaseId id, int64_t remaining_ttl_s, MonoTime now) {
  auto it = leases_.find(id);
  if (it == leases_.end()) return;
  Lease& lease = it->second;
  const int64_t before = lease.replicated_ttl_s;
  lease.replicated_ttl_s = remaining_ttl_s > 0 ? std::min(remaining_ttl_s, lease.granted_ttl_s) : lease.granted_ttl_s;
  if (!lease.deadline) return;
  MonoTime deadline = *lease.deadline;
  if (lease.replicated_ttl_s > before) deadline = std::max(deadline, later(now, lease.replicated_ttl_s));
  set_deadline(id, lease, deadline);
}

void Lessor::attach(LeaseId id, std::string_view key) {
  if (auto it = leases_.find(id); it != leases_.end()) it->second.keys.emplace(key);
}

void Lessor::detach(LeaseId id, std::string_view key) {
  auto it = leases_.find(id);
  if (it == leases_.end()) return;
  auto& keys = it->second.keys;
  if (auto at = keys.find(key); at != keys.end()) keys.erase(at);
}

void Lessor::visit(const std::function<void(LeaseId, int64_t, int64_t)>& visit) const {
  for (const auto& [id, lease] : leases_) visit(id, lease.granted_ttl_s, lease.replicated_ttl_s);
}

// The least TTL is that of the time of the grant, which another flag may have set.
bool Lessor::load(LeaseId id, int64_t granted_ttl_s, int64_t replicated_ttl_s) {
  if (id == 0 || granted_ttl_s < 1 || granted_ttl_s > std::max(limits::kMaxLeaseTtlS, min_ttl_s_)) return false;
  if (replicated_ttl_s < 1 || replicated_ttl_s > granted_ttl_s) return false;
  const auto [it, fresh] = leases_.try_emplace(id);
  it->second.granted_ttl_s = granted_ttl_s;
  it->second.replicated_ttl_s = replicated_ttl_s;
  return fresh;
}

void Lessor::promote(MonoTime now, Duration extend) {
  primary_ = true;
  if (mutated(Mutant::kForgetDeadline)) return;
  const bool full = mutated(Mutant::kRestartFullTtl);
  for (auto& [id, lease] : leases_) {
    set_deadline(id, lease, later(now, full ? lease.granted_ttl_s : lease.replicated_ttl_s, extend));
  }
}

void Lessor::demote() {
  primary_ = false;
  for (auto& [id, lease] : leases_) {
    lease.deadline.reset();
    lease.checkpoint_due.reset();
  }
  deadlines_.clear();
  checkpoints_.clear();
}

Result<int64_t> Lessor::renew(LeaseId id, MonoTime now) {
  if (!primary_) return fail(errors::NotPrimaryLessor());
  auto it = leases_.find(id);
  if (it == leases_.end() || *it->second.deadline <= now) return fail(errors::LeaseNotFound());
  Lease& lease = it->second;
  set_deadline(id, lease, later(now, lease.granted_ttl_s));
  return lease.granted_ttl_s;
}

std::vector<LeaseId> Lessor::expired(MonoTime now, size_t max) const {
  std::vector<LeaseId> ids;
  for (auto it = deadlines_.begin(); it != deadlines_.end() && it->first <= now && ids.size() < max; ++it) {
    ids.push_back(it->second);
  }
  return ids;
}

std::optional<MonoTime> Lessor::next_deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

std::vector<std::pair<LeaseId, int64_t>> Lessor::due_checkpoints(MonoTime now, size_t max) const {
  std::vector<std::pair<LeaseId, int64_t>> due;
  for (auto it = checkpoints_.begin(); it != checkpoints_.end() && it->first <= now && due.size() < max; ++it) {
    const MonoTime deadline = *leases_.at(it->second).deadline;
    // Rounded up, so that no other primary ends the lease before this one would. An expired one is beyond that.
    const int64_t remaining = std::chrono::ceil<std::chrono::seconds>(deadline - now).count();
    if (remaining > 0) due.emplace_back(it->second, remaining);
  }
  return due;
}

bool Lessor::exists(LeaseId id) const { return leases_.contains(id); }

std::optional<Lessor::Info> Lessor::info(LeaseId id, MonoTime now) const {
  auto it = leases_.find(id);
  if (it == leases_.end()) return std::nullopt;
  const Lease& lease = it->second;
  Info info{.granted_ttl_s = lease.granted_ttl_s,
            .remaining_ttl_s = lease.granted_ttl_s,
            .replicated_ttl_s = lease.replicated_ttl_s,
            .keys = &lease.keys};
  if (lease.deadline) {
    info.remaining_ttl_s = std::chrono::duration_cast<std::chrono::seconds>(*lease.deadline - now).count();
  }
  return info;
}

std::vector<LeaseId> Lessor::leases() const {
  std::vector<LeaseId> ids;
  ids.reserve(leases_.size());
  if (primary_) {
    for (const auto& [deadline, id] : deadlines_) ids.push_back(id);
    return ids;
  }
  for (const auto& [id, lease] : leases_) ids.push_back(id);
  std::sort(ids.begin(), ids.end(), [this](LeaseId a, LeaseId b) {
    return std::pair(leases_.at(a).granted_ttl_s, a) < std::pair(leases_.at(b).granted_ttl_s, b);
  });
  return ids;
}

size_t Lessor::size() const { return leases_.size(); }

// Replicated minus step is where the remaining TTL asks for a checkpoint; one that would come at the lease's end
// or after it is not worth an entry.
void Lessor::set_deadline(LeaseId id, Lease& lease, MonoTime deadline) {
  clear_deadline(id, lease);
  lease.deadline = deadline;
  deadlines_.emplace(deadline, id);
  const int64_t remaining_s = lease.replicated_ttl_s - checkpoint_step_s(lease.granted_ttl_s);
  if (remaining_s <= 0) return;
  lease.checkpoint_due = deadline - std::chrono::seconds(remaining_s);
  checkpoints_.emplace(*lease.checkpoint_due, id);
}

void Lessor::clear_deadline(LeaseId id, Lease& lease) {
  if (lease.deadline) deadlines_.erase({*lease.deadline, id});
  if (lease.checkpoint_due) checkpoints_.erase({*lease.checkpoint_due, id});
  lease.deadline.reset();
  lease.checkpoint_due.reset();
}

}  // namespace quorate::lease
