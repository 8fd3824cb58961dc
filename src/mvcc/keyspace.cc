#include "mvcc/keyspace.h"

#include "base/check.h"
#include "mvcc/bolt_size.h"

namespace quorate::mvcc {

namespace {

constexpr size_t kIndexBytes = 24;  // of a key, in table and tree
constexpr size_t kHistoryBytes = sizeof(Record*);

}  // namespace

Keyspace::~Keyspace() {
  for (Key* key : loading_) {
    if (!Pool::ends_with_pool(key->bytes())) key->free(pool_);
  }
  for (auto place = tree_.seek({}); !place.at_end(); place.next()) {
    if (!Pool::ends_with_pool(place.key().bytes())) place.key().free(pool_);
  }
  for (auto at = history_.begin(); at < history_.end(); ++at) {
    Record* record = history_.at(at);
    if (record && !Pool::ends_with_pool(record->bytes())) record->free(pool_);
  }
}

size_t Keyspace::live_in(const KeyRange& range) const {
  if (range.single()) return live(range.key) ? 1 : 0;
  if (range.never()) return 0;
  const size_t before = tree_.live_before(range.key);
  return (range.open_ended() ? tree_.live() : tree_.live_before(range.end)) - before;
}

const Record& Keyspace::put(const Spot& spot, const Record::Fields& fields, std::string_view value) {
  Key* key = spot.key;
  if (!key) {
    key = Key::make(pool_, spot.text, spot.hash);
    table_.insert(*key);
    tree_.insert(*key);
    bytes_ += key->bytes() + kIndexBytes;
  } else if (!key->live()) {
    tree_.mark(tree_.seek(spot.text), true);
  }
  Record* record = Record::make(pool_, *key, fields, value);
  append(*key, *record);
  return *record;
}

void Keyspace::bury(const KeyTree::Place& place, const Record::Fields& fields) {
  tree_.mark(place, false);
  append(place.key(), *Record::make(pool_, place.key(), fields, {}));
}

void Keyspace::append(Key& key, Record& record) {
  record.set_older(key.newest);
  key.newest = &record;
  history_.push(record);
  bytes_ += record.bytes() + kHistoryBytes;
  bolt_bytes_ += mvcc::bolt_bytes(record);
}

Key& Keyspace::add_key(std::string_view text) {
  Key* key = Key::make(pool_, text, table_.hash_of(text));
  loading_.push_back(key);
  bytes_ += key->bytes() + kIndexBytes;
  return *key;
}

Record& Keyspace::add_record(Key& key, Record* newer, History::Position slot, const Record::Fields& fields,
                             std::string_view value) {
  Record* record = Record::make(pool_, key, fields, value);
  if (newer) {
    newer->set_older(record);
  } else {
    key.newest = record;
  }
  history_.fill(slot, *record);
  bytes_ += record->bytes() + kHistoryBytes;
  bolt_bytes_ += mvcc::bolt_bytes(*record);
  return *record;
}

void Keyspace::end_load() {
  tree_.build(loading_);
  table_.reserve(loading_.size());
  for (Key* key : loading_) table_.insert(*key);
  loading_ = {};
}

size_t Keyspace::drop_older(Record& record, Revision below) {
  size_t dropped = 0;
  while (record.older() && record.older()->mod_revision() < below) {
    Record& older = *record.older();
    record.set_older(older.older());
    free(older);
    ++dropped;
  }
  return dropped;
}

void Keyspace::drop(Key& key) {
  CHECK(key.newest && !key.newest->older());
  free(*key.newest);
  tree_.erase(key);
  table_.erase(key);
  bytes_ -= key.bytes() + kIndexBytes;
  key.free(pool_);
}

void Keyspace::free(Record& record) {
  history_.clear(record);
  bytes_ -= record.bytes() + kHistoryBytes;
  bolt_bytes_ -= mvcc::bolt_bytes(record);
  record.free(pool_);
}

size_t Keyspace::held_bytes() const {
  const auto slots = static_cast<size_t>(history_.end() - history_.begin());
  return pool_.held_bytes() + tree_.held_bytes() + table_.buckets() * sizeof(Key*) + slots * sizeof(Record*);
}

}  // namespace quorate::mvcc
