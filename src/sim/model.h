// sim/model.h: what should have been: a log replayed through a store and a lease table too simple to be wrong.
//
// Shares the messages with the servers it judges, and nothing of their machine, lessor or store: mvcc::SimpleStore is
// the twin of the store that servers run on.
// Threads: any, one at a time. Source: peer protocol, section 3.5; v3 API, sections 4 and 7.
// Invariants:
//   (1) The entry at place i of the log is taken for index i + 1, whatever it says; the durability checker judges that.
//   (2) An entry that fails changes nothing.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "pb/internal.h"
#include "pb/raft.h"

namespace quorate::sim {

// What became of one entry.
struct Applied {
  Term term = 0;
  uint64_t operation = 0;  // 0: a server's own
  pb::Payload payload = pb::Payload::kNone;
  std::string_view body;  // of the payload as logged, a view into the log
  Status status;
  std::string
      response;  // encoded, of an entry that succeeded and answers something; its header holds the revision alone
  Revision revision = 1;    // of the store after it
  Revision compacted = -1;  // of the store after it
  bool changed = false;     // it made `revision`
};

// One key changed. Owns what pb::Event views.
struct Change {
  std::string key, value;
  Revision create_revision = 0, mod_revision = 0;
  int64_t version = 0;  // 0: deleted
  LeaseId lease = 0;
};

// One life of a lease: ids may be granted again after a revoke.
struct LeaseLife {
  LeaseId id = 0;
  int64_t ttl_s = 0;  // in force
  Index granted = 0;
  Index revoked = 0;               // 0: never
  bool revoked_by_client = false;  // false: it expired
  // The remaining TTLs that the log gives it, by index.
  std::vector<std::pair<Index, int64_t>> checkpoints;
};

struct ModelOptions {
  int64_t min_lease_ttl_s = 2;  // what shorter TTLs are raised to
};

class Model {
 public:
  // `log` must outlive the model.
  Model(const std::vector<pb::Entry>& log, const ModelOptions& options);
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  Index last_index() const { return applied_.size(); }
  // Of an index from 1 to last_index().
  const Applied& applied(Index index) const { return applied_[index - 1]; }
  // Of the store after the entries up to `index`, which may be 0.
  Revision revision_at(Index index) const { return index == 0 ? 1 : applied_[index - 1].revision; }
  Revision compacted_at(Index index) const { return index == 0 ? -1 : applied_[index - 1].compacted; }
  Revision revision() const { return revision_at(last_index()); }

  // The states that are at `revision` are those after first_at(revision) to last_at(revision) entries.
  // Requires 1 <= revision <= revision().
  Index first_at(Revision revision) const { return first_at_[static_cast<size_t>(revision)]; }
  Index last_at(Revision revision) const;

  // What happened in `revision`, in order, also where that is compacted by now.
  const std::vector<Change>& changes(Revision revision) const { return changes_[static_cast<size_t>(revision)]; }
  // The key before `revision`, where it existed then.
  const Change* before(std::string_view key, Revision revision) const;

  const std::vector<LeaseLife>& leases() const { return leases_; }
  // By when it was granted; empty for an id that was never granted.
  std::vector<const LeaseLife*> lives_of(LeaseId id) const;
  // The keys attached to `life` in the state at `revision`, in order.
  std::vector<std::string> keys_of(const LeaseLife& life, Revision revision) const;

  // A read put to the state after `at` entries.
  struct Question {
    Index at = 0;
    bool txn = false;  // a transaction of ranges; else a range
    std::string_view request;
  };
  struct Answer {
    Status status;
    std::string response;  // encoded; its header holds the revision alone
  };
  // Answers come in the order of the questions. Replays the log once.
  std::vector<Answer> ask(const std::vector<Question>& questions) const;

 private:
  class Replay;

  void note_lease(const pb::InternalRequest& request, Index index);
  void note_changes(const Replay& replay);
  static Answer answer(const Replay& replay, const Question& question);

  const std::vector<pb::Entry>& log_;
  const ModelOptions options_;
  std::vector<Applied> applied_;
  std::vector<Index> first_at_;                                    // by revision; 0 and 1 are of the empty log
  std::vector<std::vector<Change>> changes_;                       // by revision
  std::map<std::string_view, std::vector<const Change*>> by_key_;  // rising; into changes_
  std::vector<LeaseLife> leases_;                                  // in order of their grants
  std::map<LeaseId, size_t> latest_life_;                          // into leases_
};

}  // namespace quorate::sim
