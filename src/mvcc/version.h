// mvcc/version.h: what a key was from one revision on, and the chain of all that it was.
//
// Loop:    core. Not safe for any other.
// Invariants:
//   (1) A chain falls from its newest version to its oldest in (revision, order of execution).
//   (2) A version's value lies behind it in the same allocation; its key is the key of the map node that owns it.
//   (3) A chain frees its versions when it ends, whatever their number: no recursion.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/ids.h"
#include "pb/rpc.h"

namespace quorate::mvcc {

class Chain;
using KeyNode = std::pair<const std::string, Chain>;

struct Version {
  Version* older;
  KeyNode* node;  // map nodes do not move
  Revision mod_revision;
  Revision create_revision;  // 0 for a tombstone, as the two below
  int64_t version;
  LeaseId lease;
  size_t value_size;

  static Version* make(KeyNode& node, std::string_view value);
  static void free(Version* version);

  bool tombstone() const { return version == 0; }
  std::string_view value() const { return {reinterpret_cast<const char*>(this + 1), value_size}; }
  std::string_view key() const;
  // A tombstone's has its key and mod_revision alone.
  pb::KeyValue kv() const;
  size_t bytes() const { return sizeof(Version) + value_size; }
};

class Chain {
 public:
  Chain() = default;
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;
  ~Chain();

  Version* newest() const { return newest_; }
  // The newest one unless it is a tombstone.
  Version* live() const { return newest_ && !newest_->tombstone() ? newest_ : nullptr; }
  // What the key was at the end of `revision`; null where it was not.
  const Version* at(Revision revision) const;
  // Takes over `version`, which becomes the newest.
  void push(Version* version) {
    version->older = newest_;
    newest_ = version;
  }

 private:
  Version* newest_ = nullptr;
};

}  // namespace quorate::mvcc
