#include "env/timers.h"

#include <utility>

namespace quorate::env {

TimerId Timers::add(MonoTime deadline, Task task) {
  uint32_t slot;
  if (free_slots_.empty()) {
    slot = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  slots_[slot].task = std::move(task);
  heap_.emplace_back();
  sift_up(heap_.size() - 1, {deadline, next_age_++, slot});
  return static_cast<uint64_t>(slots_[slot].generation) << 32 | (slot + 1);
}

void Timers::cancel(TimerId timer) {
  const uint32_t slot = static_cast<uint32_t>(timer) - 1;
  if (slot >= slots_.size()) return;
  const Slot& held = slots_[slot];
  if (held.position == kFree || held.generation != timer >> 32) return;
  // The task may own what calls back into the timers when destroyed, so it dies last.
  const Task forgotten = remove_at(held.position);
}

Task Timers::take_due(MonoTime now) {
  if (heap_.empty() || heap_.front().deadline > now) return {};
  return remove_at(0);
}

std::optional<MonoTime> Timers::next_deadline() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front().deadline;
}

void Timers::place(size_t position, Entry entry) {
  slots_[entry.slot].position = static_cast<uint32_t>(position);
  heap_[position] = entry;
}

void Timers::sift_up(size_t position, Entry entry) {
  while (position > 0) {
    const size_t parent = (position - 1) / 2;
    if (!earlier(entry, heap_[parent])) break;
    place(position, heap_[parent]);
    position = parent;
  }
  place(position, entry);
}

void Timers::sift_down(size_t position, Entry entry) {
  for (;;) {
    size_t child = 2 * position + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && earlier(heap_[child + 1], heap_[child])) ++child;
    if (!earlier(heap_[child], entry)) break;
    place(position, heap_[child]);
    position = child;
  }
  place(position, entry);
}

Task Timers::remove_at(size_t position) {
  Slot& slot = slots_[heap_[position].slot];
  Task task = std::exchange(slot.task, nullptr);
  slot.position = kFree;
  ++slot.generation;
  free_slots_.push_back(heap_[position].slot);
  const Entry last = heap_.back();
  heap_.pop_back();
  if (position < heap_.size()) {
    if (position > 0 && earlier(last, heap_[(position - 1) / 2])) {
      sift_up(position, last);
    } else {
      sift_down(position, last);
    }
  }
  return task;
}

}  // namespace quorate::env
