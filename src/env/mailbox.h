// env/mailbox.h: the only way from one loop to another.
//
// Many threads push, one loop handles. Requests travel forward through try_push and may be refused;
// completions travel back through push and always fit, because each answers something that was admitted.
// Invariants:
//   (1) Items of one producer are handled in the order in which it pushed them.
//   (2) The consumer is woken at least once after the last push.
//   (3) A mailbox must outlive its producers, and is destroyed on the consumer's thread.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "env/loop.h"

namespace quorate::env {

template <class T>
class Mailbox final : public Inbox {
 public:
  using Handler = std::move_only_function<void(T&&)>;

  // `capacity` bounds try_push alone. `handler` runs on `consumer`.
  Mailbox(Loop& consumer, Priority priority, size_t capacity, Handler handler)
      : consumer_(consumer), capacity_(capacity), handler_(std::move(handler)) {
    consumer_.add_inbox(*this, priority);
  }
  ~Mailbox() override { consumer_.remove_inbox(*this); }
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // False when the mailbox is full; `item` is then untouched. Any thread.
  [[nodiscard]] bool try_push(T&& item) { return push_if(std::move(item), capacity_); }
  // Any thread.
  void push(T&& item) { (void)push_if(std::move(item), static_cast<size_t>(-1)); }

  size_t drain(size_t items_max) override {
    size_t handled = 0;
    while (handled < items_max) {
      if (next_ == taken_.size()) {
        taken_.clear();
        next_ = 0;
        const std::lock_guard lock(mutex_);
        if (waiting_.empty()) break;
        taken_.swap(waiting_);
      }
      handler_(std::move(taken_[next_++]));
      ++handled;
    }
    return handled;
  }

  bool has_items() override {
    if (next_ < taken_.size()) return true;
    const std::lock_guard lock(mutex_);
    return !waiting_.empty();
  }

 private:
  bool push_if(T&& item, size_t capacity) {
    bool was_empty;
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.size() >= capacity) return false;
      was_empty = waiting_.empty();
      waiting_.push_back(std::move(item));
    }
    if (was_empty) consumer_.wake();
    return true;
  }

  Loop& consumer_;
  const size_t capacity_;
  Handler handler_;
  std::mutex mutex_;
  std::vector<T> waiting_;  // guarded by mutex_
  std::vector<T> taken_;    // the consumer's
  size_t next_ = 0;         // the consumer's, into taken_
};

}  // namespace quorate::env
