#include "mvcc/hash_walk.h"

#include "base/check.h"
#include "base/crc32c.h"
#include "pb/codec.h"

namespace quorate::mvcc {

namespace {

constexpr std::string_view kBucket = "key";
constexpr History::Position kAhead = 8;  // records fetched before their turn

void append_big_endian(uint64_t number, std::string& out) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift));
}

}  // namespace

HashWalk::HashWalk(const Keyspace& space, Revision compacted, Revision revision, Purpose purpose)
    : space_(space), purpose_(purpose), phase_(Phase::kFindKept), next_(space.history().begin()) {
  result_ = {.hash = crc32c(kBucket), .compact_revision = compacted, .revision = revision};
  const bool newest = revision >= space.newest_change();
  // Without anything that old the question does not arise.
  if (compacted < 0) phase_ = Phase::kHash;
  if (newest && space.live() != 0) any_kept_ = true, phase_ = Phase::kHash;
}

bool HashWalk::step(size_t& budget) {
  if (phase_ == Phase::kFindKept) {
    if (!find_any_kept(budget)) return false;
    phase_ = Phase::kHash;
  }
  if (phase_ == Phase::kDone) return true;
  const History& history = space_.history();
  for (; next_ < history.end(); ++next_, --budget) {
    if (budget == 0) return false;
    if (next_ + kAhead < history.end()) __builtin_prefetch(history.at(next_ + kAhead));
    if (next_ + kAhead / 2 < history.end()) {
      if (const Record* soon = history.at(next_ + kAhead / 2)) __builtin_prefetch(&soon->key());
    }
    const Record* record = history.at(next_);
    if (!record) continue;
    if (record->mod_revision() > result_.revision) break;
    if (record->mod_revision() <= result_.compact_revision && !kept(*record)) continue;
    if (record->mod_revision() == result_.compact_revision && record->tombstone()) continue;
    add(*record);
  }
  phase_ = Phase::kDone;
  return true;
}

bool HashWalk::find_any_kept(size_t& budget) {
  auto place = space_.tree().seek(next_key_);
  for (; !place.at_end(); place.next(), --budget) {
    if (budget == 0) {
      next_key_ = place.key().text();
      return false;
    }
    const Record* record = place.key().newest_up_to(result_.revision);
    if (!record) continue;
    const bool counts = purpose_ == Purpose::kCompaction && record->mod_revision() == result_.revision;
    if (record->tombstone() && !counts) continue;
    any_kept_ = true;
    break;
  }
  return true;
}

bool HashWalk::kept(const Record& record) const {
  const Revision at = any_kept_ ? result_.revision : result_.compact_revision;
  return !record.tombstone() && record.key().newest_up_to(at) == &record;
}

void HashWalk::add(const Record& record) {
  bytes_.clear();
  append_big_endian(static_cast<uint64_t>(record.mod_revision()), bytes_);
  bytes_.push_back('_');
  append_big_endian(record.sub(), bytes_);
  pb::KeyValue stored = record.kv();
  if (record.tombstone()) {
    bytes_.push_back('t');
    stored.mod_revision = 0;  // only the key is stored
  }
  pb::append(stored, bytes_);
  result_.hash = crc32c(result_.hash, bytes_);
}

}  // namespace quorate::mvcc
