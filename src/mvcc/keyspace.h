// mvcc/keyspace.h: the keys, their records and their order, without rules: what Store and its cursors work on.
//
// Loop:    core. Not safe for any other.
// Invariants:
//   (1) A key is in the table and in the tree, or in neither while it is loaded; it has at least one record.
//   (2) It is live in the tree if and only if its newest record is no tombstone.
//   (3) Every record hangs on its key, and has its slot in history.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "mvcc/history.h"
#include "mvcc/key_range.h"
#include "mvcc/key_table.h"
#include "mvcc/key_tree.h"
#include "mvcc/pool.h"
#include "mvcc/record.h"

namespace quorate::mvcc {

class Keyspace {
 public:
  explicit Keyspace(uint64_t hash_seed) : table_(hash_seed) {}
  Keyspace(const Keyspace&) = delete;
  Keyspace& operator=(const Keyspace&) = delete;
  ~Keyspace();

  const KeyTree& tree() const { return tree_; }
  const History& history() const { return history_; }
  History& history() { return history_; }
  // Where to look for a key, worked out once.
  struct Spot {
    std::string_view text;
    uint32_t hash;
    Key* key;  // null where there is none
    const Record* live() const { return key ? key->live() : nullptr; }
  };
  Spot spot(std::string_view text) const {
    const uint32_t hash = table_.hash_of(text);
    return {text, hash, table_.find(text, hash)};
  }
  const Record* live(std::string_view text) const { return spot(text).live(); }
  const Record* at(std::string_view text, Revision revision) const {
    const Key* key = table_.find(text);
    return key ? key->at(revision) : nullptr;
  }

  // The revision of the newest change, published or not; 0 for none.
  Revision newest_change() const {
    const Record* last = history_.last();
    return last ? last->mod_revision() : 0;
  }
  // Keys that exist after the newest change.
  size_t live() const { return tree_.live(); }
  size_t live_in(const KeyRange& range) const;

  // A key's new newest record.
  const Record& put(const Spot& spot, const Record::Fields& fields, std::string_view value);
  // The tombstone of the live key at `place`, which stays valid.
  void bury(const KeyTree::Place& place, const Record::Fields& fields);

  // Frees what `record` replaced, as far as it is of a revision less than `below`. Returns how many went.
  size_t drop_older(Record& record, Revision below);
  // Frees the key with its only record.
  void drop(Key& key);

  // For a loader of a fresh keyspace, which brings keys in order and of each its records from the newest to the oldest:
  // a key without a record, and a record behind `newer`, or the newest where that is null. At the end of it the keys
  // can be found.
  Key& add_key(std::string_view text);
  Record& add_record(Key& key, Record* newer, History::Position slot, const Record::Fields& fields,
                     std::string_view value);
  void end_load();

  // What keys, values, records and indexes are counted for; once a compaction is done, the same on every member, but
  // for tombstones whose keys were created anew while it went on: they go with the next.
  uint64_t bytes() const { return bytes_; }
  // What a bbolt file would take for the records (bolt_size.h).
  uint64_t bolt_bytes() const { return bolt_bytes_; }
  // What they take in fact.
  size_t held_bytes() const;

 private:
  void append(Key& key, Record& record);
  void free(Record& record);

  Pool pool_;
  KeyTable table_;
  KeyTree tree_;
  History history_;
  std::vector<Key*> loading_;  // neither in the tree nor in the table yet
  uint64_t bytes_ = 0, bolt_bytes_ = 0;
};

}  // namespace quorate::mvcc
