// mvcc/key_table.h: every key by its hash: points in O(1).
//
// Linear hashing: one bucket is split or joined at a time, so no call costs more than a bucket's chain, whatever the
// number of keys. Nothing iterates over it: the order of the buckets is never seen.
//
// Loop:    core. Not safe for any other.
// Invariants:
//   (1) A key with hash h is in bucket h mod 2n, or h mod n where that is not there yet; n is the largest power of two
//       that is at most the number of buckets.
//   (2) There are at least two buckets for three keys, and with more than kBucketsMin of them at most two for one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "mvcc/record.h"

namespace quorate::mvcc {

class KeyTable {
 public:
  // `seed` makes which keys share a bucket differ between processes.
  explicit KeyTable(uint64_t seed);

  uint32_t hash_of(std::string_view text) const;
  Key* find(std::string_view text) const { return find(text, hash_of(text)); }
  Key* find(std::string_view text, uint32_t hash) const;
  // Makes room in a fresh table for so many keys at once.
  void reserve(size_t keys);
  // Requires that it is not there, and that key.hash is hash_of its text.
  void insert(Key& key);
  // Requires that it is there.
  void erase(Key& key);

  size_t size() const { return keys_; }
  size_t buckets() const { return buckets_; }

 private:
  static constexpr size_t kBlockBuckets = 4096;
  static constexpr size_t kBucketsMin = 16;

  Key*& bucket(size_t index) const { return blocks_[index / kBlockBuckets][index % kBlockBuckets]; }
  Key*& bucket_of(uint32_t hash) const {
    size_t index = hash & (2 * power_ - 1);
    if (index >= buckets_) index &= power_ - 1;
    return bucket(index);
  }
  void grow();
  void shrink();

  std::vector<std::unique_ptr<Key*[]>> blocks_;
  size_t buckets_ = kBucketsMin;
  size_t power_ = kBucketsMin;
  size_t keys_ = 0;
  uint64_t seed_;
};

}  // namespace quorate::mvcc
