// lease/lessor.h: grants, the keys attached to them, and when they end.
//
// Loop:    core. Not safe for any other. `now` is the Replica's clock and never comes from an entry.
// Source:  v3 API, section 7; peer protocol, section 3.5.7; DESIGN decision on leases: replicated is the
//          remaining TTL, deadlines are local.
// Invariants:
//   (1) A lease is never expired before its remaining TTL has passed on the primary's own clock.
//   (2) A key is attached to at most one lease.
//   (3) Only the primary (the leader) has deadlines; demoted, nothing expires.
//   (4) Grants, attachments and remaining TTLs depend on entries alone: equal on every member.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace quorate::lease {

class Lessor {
 public:
  // TTLs below `min_ttl_s` are raised to it: ceil(1.5 x election timeout).
  explicit Lessor(int64_t min_ttl_s) : min_ttl_s_(min_ttl_s) {}

  // Replicated changes.

  // Returns the TTL in force. Errors: LeaseExist, LeaseTTLTooLarge; id 0 is refused by a CHECK.
  Result<int64_t> grant(LeaseId id, int64_t ttl_s, MonoTime now);
  // Forgets the lease; returns its keys in key order, for the store to delete. Errors: LeaseNotFound.
  Result<std::vector<std::string>> revoke(LeaseId id);
  // For a revoke in steps: takes the first key off the lease, which stays; false where there is none.
  bool take_key(LeaseId id, std::string& key);
  // Sets the remaining TTL, at most the granted one, which 0 and less stand for; unknown ids are ignored. One that
  // raises it moves the deadline to at least now + remaining TTL; one that lowers it follows the deadline and
  // leaves it alone.
  void checkpoint(LeaseId id, int64_t remaining_ttl_s, MonoTime now);
  void attach(LeaseId id, std::string_view key);
  void detach(LeaseId id, std::string_view key);

  // Images: every lease by id; and one of those again, without its keys. False for what no lease can be.
  void visit(const std::function<void(LeaseId id, int64_t granted_ttl_s, int64_t replicated_ttl_s)>& visit) const;
  bool load(LeaseId id, int64_t granted_ttl_s, int64_t replicated_ttl_s);

  // Local to the primary.

  // Deadlines of all leases: now + `extend` + remaining TTL.
  void promote(MonoTime now, Duration extend);
  void demote();
  bool primary() const { return primary_; }
  // Renews to the granted TTL, which is returned. Errors: LeaseNotFound (also for one whose deadline has passed),
  // NotPrimaryLessor.
  Result<int64_t> renew(LeaseId id, MonoTime now);
  // Ids whose deadline has passed, earliest first, at most `max`.
  std::vector<LeaseId> expired(MonoTime now, size_t max) const;
  // When the next one expires, if any.
  std::optional<MonoTime> next_deadline() const;
  // Leases whose remaining TTL, lower by now than what is replicated by at least max(5 s, TTL/10), should be
  // checkpointed; at most `max`.
  std::vector<std::pair<LeaseId, int64_t>> due_checkpoints(MonoTime now, size_t max) const;

  // Questions.

  struct Info {
    int64_t granted_ttl_s = 0;
    int64_t remaining_ttl_s = 0;   // whole seconds, truncated; the granted TTL where there is no deadline
    int64_t replicated_ttl_s = 0;  // the remaining TTL that every member knows
    const std::set<std::string, std::less<>>* keys = nullptr;
  };
  bool exists(LeaseId id) const;
  std::optional<Info> info(LeaseId id, MonoTime now) const;
  // All leases by remaining time, then id.
  std::vector<LeaseId> leases() const;
  size_t size() const;

 private:
  struct Lease {
    int64_t granted_ttl_s = 0;
    int64_t replicated_ttl_s = 0;
    std::set<std::string, std::less<>> keys;
    std::optional<MonoTime> deadline;        // exactly while primary
    std::optional<MonoTime> checkpoint_due;  // exactly while queued for it
  };
  using Queue = std::set<std::pair<MonoTime, LeaseId>>;

  void set_deadline(LeaseId id, Lease& lease, MonoTime deadline);
  void clear_deadline(LeaseId id, Lease& lease);

  int64_t min_ttl_s_;
  bool primary_ = false;
  std::map<LeaseId, Lease> leases_;
  Queue deadlines_;
  Queue checkpoints_;
};

}  // namespace quorate::lease
