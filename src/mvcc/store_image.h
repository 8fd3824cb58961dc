// mvcc/store_image.h: a store as bytes, taken while the store goes on; and the store that such bytes make again.
//
// Loop:    core; the loader at start-up, before any loop runs.
// Format:  docs/formats/checkpoint.md, sections 4 and 5.
// Invariants:
//   (1) What a walk yields is the store as it was when the walk began, whatever was changed between its steps.
//   (2) While a walk lives nothing of the store is freed and nothing moves: compactions may be asked for, and wait.
//   (3) A loader takes any bytes and refuses those that no walk can have made. A refused store must be thrown away.
//   (4) A loaded store answers everything, HashKV and bytes() included, as the one that was walked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fixed.h"
#include "mvcc/cursors.h"
#include "mvcc/lease_book.h"
#include "mvcc/store.h"

namespace quorate::mvcc {

class StoreWalk {
 public:
  // While a compaction has work left, or a LongWrite is under way, there is no state that one revision names.
  static bool can_begin(const Store& store) { return !store.compacting() && !store.writing_; }
  // Requires can_begin(). Must end before its store.
  explicit StoreWalk(const Store& store);

  // What the store is besides its keys.
  void append_facts(std::string& out) const;
  // Appends items of up to `budget` keys and records, lowered by those, and stops soon after `out` has `bytes_max`.
  // True when nothing is left.
  bool step(size_t& budget, size_t bytes_max, std::string& out);
  uint64_t keys() const { return keys_; }
  uint64_t records() const { return records_; }

 private:
  uint32_t slot_of(const Record& record) const { return record.position() - static_cast<uint32_t>(begin_); }
  // The record at which the key at hand goes on; null where it is through.
  const Record* resume(const Key& key) const;
  void append(const Record& record, std::string& out);

  const Store& store_;
  std::optional<Pin> pin_;
  const Revision revision_, compacted_;
  const History::Position begin_, end_, dense_;
  std::string next_key_;
  std::optional<History::Position> next_record_;  // of next_key_, where that is begun
  bool named_ = false;                            // next_key_ itself is out already
  uint64_t keys_ = 0, records_ = 0;
};

class StoreLoader {
 public:
  // `store` is fresh; `leases` is told which key hangs on which lease. An image of `image_bytes` bounds what is
  // believed before it is seen.
  StoreLoader(Store& store, LeaseBook& leases, uint64_t image_bytes);

  // Each is false for bytes that make no store; nothing may be called after that. First the facts, once.
  bool take_facts(FixedReader& in);
  // Whole items, as one or several steps of a walk yielded them.
  bool take_items(std::string_view bytes);
  // After the last items.
  bool finish();
  uint64_t keys() const { return keys_; }
  uint64_t records() const { return records_; }

 private:
  bool take_key(FixedReader& in);
  bool take_record(FixedReader& in);
  bool end_key() const { return !key_ || last_; }

  Store& store_;
  LeaseBook& leases_;
  const uint64_t slots_max_;
  Key* key_ = nullptr;
  Record* last_ = nullptr;  // the oldest one so far of `key_`
  struct Order {
    Revision revision = 0;  // 0: a hole
    uint32_t sub = 0;
    auto operator<=>(const Order&) const = default;
  };
  std::vector<Order> order_;  // by slot
  uint64_t keys_ = 0, records_ = 0;
};

}  // namespace quorate::mvcc
