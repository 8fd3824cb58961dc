// mvcc/visible_walk.h: the records that are visible at one revision, in key order, over as many steps as it takes.
//
// Loop:    core. Not safe for any other.
// Costs:   at the newest revision O(what it visits), at an older one O(keys of the range that have history).
// Invariants:
//   (1) What is visited does not depend on how the steps were cut, nor on changes and freed records between them, as
//       long as no record that is visible at the revision is freed.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "mvcc/keyspace.h"

namespace quorate::mvcc {

// What a visitor says of going on: pause ends the step, and the next one goes on behind the record.
enum class Walk : uint8_t { kOn, kPause, kEnd };

class VisibleWalk {
 public:
  static constexpr size_t kBatch = 16;  // keys and records fetched ahead of use

  // What `range` views must live as long as this. Not of a single key.
  VisibleWalk(const Keyspace& space, const KeyRange& range, Revision at) : space_(space), range_(range), at_(at) {}

  // Looks at up to `budget` keys, which it lowers by those, and at most `ahead` before they are visited; true at the
  // end. Requires `ahead` > 0.
  template <class Visit>
  bool step(size_t& budget, size_t ahead, Visit&& visit) {
    return at_ >= space_.newest_change() ? walk<true>(budget, ahead, visit) : walk<false>(budget, ahead, visit);
  }
  void rewind() { begun_ = false; }

 private:
  void pause_at(const Key& key) {
    next_key_ = key.text();
    begun_ = true;
  }

  template <bool kOnlyLive, class Visit>
  bool walk(size_t& budget, size_t ahead, Visit& visit) {
    const std::string_view from = begun_ ? std::string_view(next_key_) : range_.key;
    KeyTree::Place place = kOnlyLive ? space_.tree().seek_live(from) : space_.tree().seek(from);
    std::array<const Key*, kBatch> keys;
    while (!place.at_end()) {
      if (budget == 0) {
        pause_at(place.key());
        return false;
      }
      const size_t most = std::min({kBatch, budget, ahead});
      size_t size = 0;
      for (; size < most && !place.at_end(); ++size) {
        keys[size] = &place.key();
        __builtin_prefetch(keys[size]);
        kOnlyLive ? place.next_live() : place.next();
      }
      budget -= size;
      for (size_t i = 0; i < size; ++i) __builtin_prefetch(keys[i]->newest);
      for (size_t i = 0; i < size; ++i) {
        if (!range_.open_ended() && keys[i]->text() >= range_.end) return true;
        const Record* record = kOnlyLive ? keys[i]->newest : keys[i]->at(at_);
        if (!record) continue;
        const Walk next = visit(*record);
        if (next == Walk::kEnd) return true;
        if (next == Walk::kOn) continue;
        budget += size - i - 1;
        if (i + 1 == size && place.at_end()) return true;
        pause_at(i + 1 < size ? *keys[i + 1] : place.key());
        return false;
      }
    }
    return true;
  }

  const Keyspace& space_;
  const KeyRange range_;
  const Revision at_;
  std::string next_key_;  // where the next step begins, once there was one
  bool begun_ = false;
};

}  // namespace quorate::mvcc
