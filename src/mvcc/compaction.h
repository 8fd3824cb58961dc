// mvcc/compaction.h: takes out of the store what no read can ask for any more, in steps.
//
// That reads below a revision are refused is the store's doing, at once, when the request is applied. This follows.
// Of each key the newest record up to the compacted revision stays, unless it is a tombstone below it, and so do all
// changes of that revision itself: a watcher may still start there.
//
// Loop:    core. Not safe for any other.
// Source:  v3 API, section 4.7; peer protocol, sections 3.5.10 and 3.6.
// Costs:   O(changes since the last compaction), and with a hash O(records up to the compacted revision).
// Invariants:
//   (1) Compactions run one after the other. One that waits is replaced by a later one: its work is the later one's
//   too. (2) The hash is taken before the first record goes, and noted only if the compaction before had ended when
//   this
//       one was asked for, as etcd does it.
//   (3) Nothing is freed that is visible at a pinned revision, and nothing moves while there is a pin that walks
//   history.
#pragma once

#include <deque>
#include <optional>
#include <set>

#include "mvcc/hash_walk.h"
#include "mvcc/keyspace.h"

namespace quorate::mvcc {

// Revisions that are being read over several turns.
struct Pins {
  std::multiset<Revision> revisions;
  size_t in_history = 0;  // of these, those that hold positions there
};

enum class Progress : uint8_t {
  kDone,     // nothing is left to do
  kMore,     // the budget was used up
  kWaiting,  // for a pin to go
};

class Compaction {
 public:
  // `hashes`: whether to take them; a read of all that is kept, each time.
  Compaction(Keyspace& space, const Pins& pins, bool hashes) : space_(space), pins_(pins), hashes_(hashes) {}

  // From the revision compacted before (-1: none) to another.
  void add(Revision from, Revision to);
  Progress step(size_t budget);
  bool idle() const { return !running_; }

  // The newest ten, by ascending revision.
  const std::deque<KeyHash>& noted_hashes() const { return noted_; }
  void note(const KeyHash& hash);

 private:
  struct Job {
    Revision from = -1, to = -1;
    bool note_hash = false;
  };
  enum class Phase : uint8_t { kHash, kSweep, kSqueeze };

  void begin(const Job& job);
  bool sweep(size_t& budget);

  Keyspace& space_;
  const Pins& pins_;
  const bool hashes_;
  std::optional<Job> running_, waiting_;
  Phase phase_ = Phase::kHash;
  std::optional<HashWalk> hash_;
  bool sweeping_ = false;
  History::Position sweep_next_ = 0, sweep_end_ = 0;
  std::optional<History::Squeeze> squeeze_;
  std::deque<KeyHash> noted_;
};

}  // namespace quorate::mvcc
