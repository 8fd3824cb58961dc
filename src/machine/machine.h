// machine/machine.h: the replicated state machine: (state, committed entry) -> (state, outcome).
//
// Loop:    core. Not safe for any other.
// Source:  peer protocol, section 3.5; v3 API, sections 4, 7 and 10.
// Invariants:
//   (1) Two machines that applied the same entries are equal in all that is replicated, whatever `now` was.
//   (2) Entries are applied in index order, each once: applied_index() rises by one with every call.
//   (3) An entry that fails changes nothing but the applied index, and fails the same on every member.
//   (4) Of long work nothing is visible before its last step, applied_index() included: but for the keys of leases,
//       which lose what is deleted as it goes, and are not to be shown while applying().
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/time.h"
#include "lease/lessor.h"
#include "machine/alarms.h"
#include "machine/members.h"
#include "machine/tally.h"
#include "mvcc/long_write.h"
#include "mvcc/store.h"
#include "pb/internal.h"
#include "pb/raft.h"

namespace quorate::machine {

struct Options {
  int64_t min_lease_ttl_s = 2;
  size_t max_learners = 1;  // --max-learners
  uint64_t hash_seed = mvcc::StoreOptions{}.hash_seed;
  uint64_t keys_at_once = limits::kDeletedKeysAtOnce;  // what deletes more than so many is long work
};

// What became of one entry. Responses hold views into the store: encode them before the next apply. Their
// headers carry the revision alone.
struct Outcome {
  RequestId request = 0;  // 0: nobody's (empty entry, conf change)
  Status status;
  bool physical = false;  // answered only once step_compaction() has nothing left to do (v3 API, section 4.7)
  std::variant<std::monostate, pb::RangeResponse, pb::PutResponse, pb::DeleteRangeResponse, pb::TxnResponse,
               pb::CompactionResponse, pb::LeaseGrantResponse, pb::LeaseRevokeResponse, pb::AlarmResponse>
      response;
  pb::Payload payload = pb::Payload::kNone;  // what kind of request it was
  Tally tally;                               // of a request that succeeded
};

class Machine {
 public:
  explicit Machine(const Options& options);
  ~Machine();

  // A committed normal entry. `now` only sets local deadlines.
  // Bytes that are no request, and payloads that this version does not know, are an Internal and an Unimplemented
  // outcome. What a raised alarm forbids fails with its error.
  Outcome apply(const pb::Entry& entry, MonoTime now);
  // As apply(), where it is no long work, as a delete of very many keys is: then nothing, and step() goes on, about
  // `budget` keys at a time, until it gives the outcome. Nothing else may be applied before.
  std::optional<Outcome> begin(const pb::Entry& entry, MonoTime now);
  std::optional<Outcome> step(size_t budget);
  bool applying() const { return long_ != nullptr; }
  // A committed conf change, checked against the members (peer protocol 3.4); the caller tells Raft. On refusal
  // `change.node_id` is set to 0 and the status says why.
  Status apply_conf_change(const pb::Entry& entry, pb::ConfChange& change);

  Index applied_index() const { return applied_index_; }
  Term applied_term() const { return applied_term_; }

  const mvcc::Store& store() const { return store_; }
  // What compactions leave to do after their entries are applied; `budget` is in records.
  mvcc::Progress step_compaction(size_t budget) { return store_.step_compaction(budget); }
  lease::Lessor& lessor() { return lessor_; }
  const lease::Lessor& lessor() const { return lessor_; }
  const Members& members() const { return members_; }
  // Raised alarms, by type, then member.
  const std::set<Alarm>& alarms() const { return alarms_.all(); }

 private:
  friend class ImageLoader;

  // Takes note of the entry's place. Requires that it follows the one before.
  void advance(const pb::Entry& entry);
  void execute(pb::InternalRequest& request, MonoTime now, Outcome& outcome);
  // Begins what deletes very many keys, in long_; false where it is no such request, or fails.
  bool begin_long(pb::InternalRequest& request);

  Result<pb::CompactionResponse> compact(const pb::CompactionRequest& request);
  Result<pb::LeaseGrantResponse> grant(const pb::LeaseGrantRequest& request, MonoTime now);
  Result<pb::LeaseRevokeResponse> revoke(const pb::LeaseRevokeRequest& request, Tally& tally);
  Result<pb::AlarmResponse> alarm(const pb::AlarmRequest& request);
  pb::ResponseHeader header() const { return {.revision = store_.revision()}; }

  mvcc::Store store_;
  lease::Lessor lessor_;
  Members members_;
  Alarms alarms_;
  Index applied_index_ = 0;
  Term applied_term_ = 0;
  const uint64_t keys_at_once_;
  struct Long;
  std::unique_ptr<Long> long_;  // ends before what it works on
};

}  // namespace quorate::machine
