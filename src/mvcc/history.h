// mvcc/history.h: every change in order: the dense vector of revisions.
//
// Watchers catch up on it, compaction works along it, HashKV and images read it from end to end.
//
// Loop:    core. Not safe for any other.
// Invariants:
//   (1) Each record has one slot and knows its position; positions rise by (revision, sub). A slot whose record was
//       freed is a hole, until squeezing takes it away.
//   (2) There is no hole at or behind dense(): positions there are consecutive changes.
//   (3) A position names the same record until squeezing moves it, and squeezing moves records only to higher
//       positions, in their order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "mvcc/record.h"

namespace quorate::mvcc {

class History {
 public:
  // Positions count modulo 2^32 in records and wholly here.
  using Position = uint64_t;
  static constexpr size_t kHolesMin = 256;  // below which nothing is squeezed

  void push(Record& record) {
    record.set_position(static_cast<uint32_t>(end()));
    slots_.push_back(&record);
  }
  // Makes the record's slot a hole.
  void clear(const Record& record);
  // Of a fresh history: so many holes, to be filled one by one, and all of those from `dense` on.
  void make_room(Position slots, Position dense);
  void fill(Position position, Record& record);

  Position begin() const { return begin_; }
  Position end() const { return begin_ + slots_.size(); }
  Position dense() const { return dense_; }
  // Null for a hole.
  Record* at(Position position) const { return slots_[position - begin_]; }
  // The newest change; null where there is none.
  const Record* last() const { return slots_.empty() ? nullptr : slots_.back(); }
  // The first position at or behind dense() whose change has a revision of at least `revision`.
  Position first(Revision revision) const;
  // From now on there may be holes before `position`.
  void set_dense(Position position) { dense_ = position; }

  size_t records() const { return slots_.size() - holes_; }
  // Whether more than half of the slots before dense() are holes.
  bool sparse() const { return holes_ > kHolesMin && 2 * holes_ > dense_ - begin_; }

  // Moves what lies before `from` together, towards it, a slot at a time from behind. Nothing else may happen to
  // history but push() until it is done.
  class Squeeze {
   public:
    explicit Squeeze(History& history) : history_(history), read_(history.dense()), write_(history.dense()) {}
    // Looks at up to `budget` slots, lowers it by those, and returns whether it is done.
    bool step(size_t& budget);

   private:
    History& history_;
    Position read_, write_;
  };

 private:
  std::deque<Record*> slots_;
  Position begin_ = 0;
  Position dense_ = 0;
  size_t holes_ = 0;
};

}  // namespace quorate::mvcc
