// mvcc/hash_walk.h: the hash of all pairs up to a revision, as etcd makes it of its database, in steps.
//
// CRC-32C over the bytes `key`, then, for each record in order of revisions, the key and the value that etcd stores
// for it: main and sub revision and the mark of a tombstone; the pair as protobuf.
//
// Loop:    core. Not safe for any other.
// Source:  v3 API, section 5; peer protocol, section 3.6.
// Invariants:
//   (1) The hash depends on the logical state alone: not on how far a compaction has come, nor on the steps' cuts, as
//       long as nothing that is hashed is freed or moved (KeyHasher's pin; a compaction's own order).
// Where one transaction deletes a key and puts it again, and a compaction hits its very revision, etcd loses the new
// pair; here it is kept and hashed.
#pragma once

#include <cstdint>
#include <string>

#include "mvcc/keyspace.h"

namespace quorate::mvcc {

struct KeyHash {
  uint32_t hash = 0;
  Revision compact_revision = -1;  // -1: never compacted
  Revision revision = 0;           // the last one that is in it
};

class HashWalk {
 public:
  enum class Purpose : uint8_t {
    kQuery,       // HashKV
    kCompaction,  // taken when compaction reaches `revision`, before it deletes; `compacted` is the one before
  };
  HashWalk(const Keyspace& space, Revision compacted, Revision revision, Purpose purpose);

  // Looks at up to `budget` records or keys, lowers it by those, and returns whether it is done.
  bool step(size_t& budget);
  // Once it is done.
  KeyHash result() const { return result_; }

 private:
  // Records up to the compacted revision count only where they are kept; but all do where nothing is kept.
  bool find_any_kept(size_t& budget);
  bool kept(const Record& record) const;
  void add(const Record& record);

  const Keyspace& space_;
  const Purpose purpose_;
  KeyHash result_;
  enum class Phase : uint8_t { kFindKept, kHash, kDone } phase_;
  bool any_kept_ = false;
  std::string next_key_;        // of kFindKept
  History::Position next_ = 0;  // of kHash
  std::string bytes_;           // of the record at hand, for its room
};

}  // namespace quorate::mvcc
