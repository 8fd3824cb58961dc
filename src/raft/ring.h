// raft/ring.h: a queue in one block of memory, indexed from its front.
//
// It grows by doubling and never shrinks, so that a queue which is filled and emptied for ever allocates
// only until it has seen its largest size.
// Threads: one per object.
// Invariants:
//   (1) A slot outside the queue holds a default value: what was popped owns nothing any more.
#pragma once

#include <bit>
#include <cstddef>
#include <utility>
#include <vector>

#include "base/check.h"

namespace quorate::raft {

template <class T>
class Ring {
 public:
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  T& operator[](size_t position) { return slots_[slot_of(position)]; }
  const T& operator[](size_t position) const { return slots_[slot_of(position)]; }
  T& front() { return (*this)[0]; }
  const T& front() const { return (*this)[0]; }
  T& back() { return (*this)[size_ - 1]; }
  const T& back() const { return (*this)[size_ - 1]; }

  void push_back(T value) {
    if (size_ == slots_.size()) grow();
    ++size_;
    back() = std::move(value);
  }
  void pop_front(size_t count = 1) {
    CHECK(count <= size_);
    for (size_t i = 0; i < count; ++i) {
      front() = T{};
      head_ = slot_of(1);
      --size_;
    }
  }
  void pop_back(size_t count = 1) {
    CHECK(count <= size_);
    for (size_t i = 0; i < count; ++i) {
      back() = T{};
      --size_;
    }
  }
  void clear() { pop_back(size_); }

 private:
  static constexpr size_t kFirstSlots = 16;
  static_assert(std::has_single_bit(kFirstSlots));

  size_t slot_of(size_t position) const { return (head_ + position) & (slots_.size() - 1); }

  void grow() {
    std::vector<T> larger(slots_.empty() ? kFirstSlots : slots_.size() * 2);
    for (size_t i = 0; i < size_; ++i) larger[i] = std::move((*this)[i]);
    slots_ = std::move(larger);
    head_ = 0;
  }

  std::vector<T> slots_;  // a power of two of them, or none
  size_t head_ = 0;
  size_t size_ = 0;
};

}  // namespace quorate::raft
