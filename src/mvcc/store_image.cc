#include "mvcc/store_image.h"

#include <limits>
#include <utility>

#include "base/check.h"
#include "base/mutant.h"

namespace quorate::mvcc {

namespace {

constexpr uint8_t kItemKey = 1;
constexpr uint8_t kItemPut = 2;
constexpr uint8_t kItemTombstone = 3;
constexpr size_t kRecordBytesMin = 21;  // of an item
constexpr size_t kNotedMax = 10;

}  // namespace

// --- StoreWalk

StoreWalk::StoreWalk(const Store& store)
    : store_(store),
      revision_(store.revision()),
      compacted_(store.compacted()),
      begin_(store.space_.history().begin()),
      end_(store.space_.history().end()),
      dense_(store.space_.history().dense()) {
  CHECK(can_begin(store));
  // Below every revision: what a compaction would free at any of them waits.
  if (!mutated(Mutant::kFreeUnderPin)) pin_.emplace(store, std::numeric_limits<Revision>::min());
}

void StoreWalk::append_facts(std::string& out) const {
  append_fixed(out, revision_);
  append_fixed(out, compacted_);
  append_fixed(out, uint64_t{end_ - begin_});
  append_fixed(out, uint64_t{dense_ - begin_});
  const auto& noted = store_.compaction_.noted_hashes();
  append_fixed(out, static_cast<uint32_t>(noted.size()));
  for (const KeyHash& hash : noted) {
    append_fixed(out, hash.hash);
    append_fixed(out, hash.compact_revision);
    append_fixed(out, hash.revision);
  }
}

const Record* StoreWalk::resume(const Key& key) const {
  if (!next_record_ || key.text() != next_key_) return key.newest;
  const History& history = store_.space_.history();
  const History::Position position = *next_record_;
  if (position < history.begin() || position >= history.end()) return nullptr;
  const Record* record = history.at(position);
  return record && &record->key() == &key ? record : nullptr;
}

bool StoreWalk::step(size_t& budget, size_t bytes_max, std::string& out) {
  auto place = store_.space_.tree().seek(next_key_);
  for (; !place.at_end(); place.next()) {
    const Key& key = place.key();
    bool named = next_record_ && named_ && key.text() == next_key_;
    for (const Record* record = resume(key); record; record = record->older()) {
      if (budget == 0 || out.size() >= bytes_max) {
        next_key_ = key.text();
        next_record_ = begin_ + slot_of(*record);
        named_ = named;
        return false;
      }
      --budget;
      if (slot_of(*record) >= end_ - begin_) continue;  // younger than the walk
      if (!named) {
        named = true;
        ++keys_;
        append_fixed(out, kItemKey);
        append_text(out, key.text());
      }
      append(*record, out);
    }
    next_record_.reset();
  }
  pin_.reset();
  return true;
}

void StoreWalk::append(const Record& record, std::string& out) {
  ++records_;
  append_fixed(out, record.tombstone() ? kItemTombstone : kItemPut);
  append_fixed(out, uint64_t{slot_of(record)});
  append_fixed(out, record.mod_revision());
  append_fixed(out, record.sub());
  if (record.tombstone()) return;
  append_fixed(out, record.create_revision());
  append_fixed(out, record.version());
  append_fixed(out, record.lease());
  append_text(out, record.value());
}

// --- StoreLoader

StoreLoader::StoreLoader(Store& store, LeaseBook& leases, uint64_t image_bytes)
    : store_(store), leases_(leases), slots_max_(2 * (image_bytes / kRecordBytesMin) + 2 * History::kHolesMin) {
  CHECK(store.space_.history().end() == 0 && store.revision() == 1);
}

bool StoreLoader::take_facts(FixedReader& in) {
  store_.revision_ = in.number<Revision>();
  store_.compacted_ = in.number<Revision>();
  const auto slots = in.number<uint64_t>();
  const auto dense = in.number<uint64_t>();
  const auto noted = in.number<uint32_t>();
  if (!in.ok() || store_.revision_ < 1 || store_.compacted_ < -1 || store_.compacted_ > store_.revision_) return false;
  if (slots > slots_max_ || slots > std::numeric_limits<uint32_t>::max() || dense > slots || noted > kNotedMax) {
    return false;
  }
  store_.space_.history().make_room(slots, dense);
  order_.resize(slots);
  for (uint32_t i = 0; i < noted; ++i) {
    KeyHash hash;
    hash.hash = in.number<uint32_t>();
    hash.compact_revision = in.number<Revision>();
    hash.revision = in.number<Revision>();
    store_.compaction_.note(hash);
  }
  return in.ok();
}

bool StoreLoader::take_items(std::string_view bytes) {
  FixedReader in(bytes);
  while (!in.at_end()) {
    const bool key = bytes[bytes.size() - in.left()] == kItemKey;
    if (!(key ? take_key(in) : take_record(in))) return false;
  }
  return in.ok();
}

bool StoreLoader::take_key(FixedReader& in) {
  in.number<uint8_t>();
  const std::string_view text = in.text();
  if (!in.ok() || !end_key() || (key_ && text <= key_->text())) return false;
  key_ = &store_.space_.add_key(text);
  last_ = nullptr;
  ++keys_;
  return true;
}

bool StoreLoader::take_record(FixedReader& in) {
  const auto item = in.number<uint8_t>();
  const auto slot = in.number<uint64_t>();
  Record::Fields fields;
  fields.mod_revision = in.number<Revision>();
  fields.sub = in.number<uint32_t>();
  std::string_view value;
  if (fields.mod_revision < 1) return false;
  if (item == kItemPut) {
    fields.create_revision = in.number<Revision>();
    fields.version = in.number<int64_t>();
    fields.lease = in.number<LeaseId>();
    value = in.text();
    if (fields.version < 1 || fields.create_revision < 1 || fields.create_revision > fields.mod_revision) return false;
  } else if (item != kItemTombstone) {
    return false;
  }
  const History& history = store_.space_.history();
  if (!in.ok() || !key_ || value.size() > Record::kValueBytesMax || fields.mod_revision > store_.revision_)
    return false;
  if (slot >= history.end() || history.at(slot) || (last_ && slot >= last_->position())) return false;
  if (!last_ && fields.lease != 0) {
    if (!leases_.exists(fields.lease)) return false;
    leases_.move_key(key_->text(), 0, fields.lease);
  }
  last_ = &store_.space_.add_record(*key_, last_, slot, fields, value);
  order_[slot] = {fields.mod_revision, fields.sub};
  ++records_;
  return true;
}

bool StoreLoader::finish() {
  if (!end_key()) return false;
  const History::Position first_dense = store_.space_.history().dense();
  Order before;
  for (History::Position at = 0; at < order_.size(); ++at) {
    const Order& order = order_[at];
    const bool dense = at >= first_dense;
    if (order.revision == 0 && !dense) continue;
    // What is not compacted has no hole, and the other way round.
    if (order.revision == 0 || (order.revision >= store_.compacted_) != dense || order <= before) return false;
    before = order;
  }
  order_ = {};
  store_.space_.end_load();
  return true;
}

}  // namespace quorate::mvcc
