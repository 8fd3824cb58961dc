// env/timers.h: what is due when: a heap of deadlines with removal.
//
// Loop: the one that owns it. No clock of its own: callers say what time it is.
// Invariants:
//   (1) take_due hands timers out by deadline, those of one deadline by age.
//   (2) An id is never handed out twice, so a late cancel forgets nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "env/loop.h"

namespace quorate::env {

class Timers {
 public:
  TimerId add(MonoTime deadline, Task task);
  // Unknown and finished ids are ignored.
  void cancel(TimerId timer);
  // The earliest task whose deadline is at or before `now`, removed; an empty Task when there is none.
  Task take_due(MonoTime now);
  std::optional<MonoTime> next_deadline() const;
  size_t size() const { return heap_.size(); }

 private:
  struct Entry {
    MonoTime deadline;
    uint64_t age;  // grows with every add
    uint32_t slot;
  };
  // An id is (generation << 32 | slot + 1); the generation moves on when the slot is free again.
  struct Slot {
    Task task;
    uint32_t generation = 0;
    uint32_t position = kFree;  // in heap_
  };
  static constexpr uint32_t kFree = UINT32_MAX;

  static bool earlier(const Entry& a, const Entry& b) {
    return a.deadline != b.deadline ? a.deadline < b.deadline : a.age < b.age;
  }
  void place(size_t position, Entry entry);
  void sift_up(size_t position, Entry entry);
  void sift_down(size_t position, Entry entry);
  Task remove_at(size_t position);

  std::vector<Entry> heap_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_slots_;
  uint64_t next_age_ = 0;
};

}  // namespace quorate::env
