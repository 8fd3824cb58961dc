#include "mvcc/key_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"

namespace quorate::mvcc {

namespace {

constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;

uint64_t mix(uint64_t x) {
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93;
  x ^= x >> 29;
  return x;
}

}  // namespace

KeyTable::KeyTable(uint64_t seed) : seed_(seed) { blocks_.push_back(std::make_unique<Key*[]>(kBlockBuckets)); }

uint32_t KeyTable::hash_of(std::string_view text) const {
  uint64_t hash = seed_ ^ (text.size() * kOdd);
  const char* at = text.data();
  size_t left = text.size();
  uint64_t word = 0;
  for (; left >= 8; left -= 8, at += 8) {
    std::memcpy(&word, at, 8);
    hash = mix(hash ^ word) * kOdd;
  }
  if (left != 0) {
    word = 0;
    std::memcpy(&word, at, left);
    hash = mix(hash ^ word) * kOdd;
  }
  return static_cast<uint32_t>(mix(hash) >> 16);
}

Key* KeyTable::find(std::string_view text, uint32_t hash) const {
  Key* key = bucket_of(hash);
  while (key && (key->hash != hash || key->text() != text)) key = key->next;
  return key;
}

void KeyTable::reserve(size_t keys) {
  CHECK(keys_ == 0);
  buckets_ = std::max(kBucketsMin, (2 * keys + 2) / 3);
  power_ = std::bit_floor(buckets_);
  while (blocks_.size() * kBlockBuckets < buckets_) blocks_.push_back(std::make_unique<Key*[]>(kBlockBuckets));
}

void KeyTable::insert(Key& key) {
  Key*& head = bucket_of(key.hash);
  key.next = head;
  head = &key;
  ++keys_;
  if (2 * keys_ > 3 * buckets_) grow();
}

void KeyTable::erase(Key& key) {
  Key** link = &bucket_of(key.hash);
  while (*link != &key) {
    CHECK(*link);
    link = &(*link)->next;
  }
  *link = key.next;
  --keys_;
  // Two at a time keep up with one key.
  for (int i = 0; i < 2 && buckets_ > kBucketsMin && 2 * keys_ < buckets_; ++i) shrink();
}

void KeyTable::grow() {
  if (buckets_ / kBlockBuckets == blocks_.size()) blocks_.push_back(std::make_unique<Key*[]>(kBlockBuckets));
  Key** stay = &bucket(buckets_ - power_);
  Key** go = &bucket(buckets_);
  for (Key* key = *stay; key; key = key->next) {
    Key**& link = (key->hash & (2 * power_ - 1)) == buckets_ ? go : stay;
    *link = key;
    link = &key->next;
  }
  *stay = *go = nullptr;
  if (++buckets_ == 2 * power_) power_ *= 2;
}

void KeyTable::shrink() {
  if (--buckets_ < power_) power_ /= 2;
  Key*& last = bucket(buckets_);
  Key** link = &bucket(buckets_ - power_);
  while (*link) link = &(*link)->next;
  *link = last;
  last = nullptr;
  if ((buckets_ + kBlockBuckets - 1) / kBlockBuckets + 1 < blocks_.size()) blocks_.pop_back();
}

}  // namespace quorate::mvcc
