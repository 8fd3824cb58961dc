// base/bytes.h: owned bytes that travel between loops without a copy.
//
// A Bytes is a view of an immutable block and one share in it. Copies and slices share the block; the
// last one frees it. The count is atomic, because blocks are the only thing that loops share.
// Threads: distinct Bytes of one block may be used from any thread; one Bytes object from one.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace quorate {

class Bytes {
 public:
  Bytes() = default;

  // Takes over `text` without copying it.
  static Bytes adopt(std::string&& text);
  // Copies `text` into a block of its own.
  static Bytes copy(std::string_view text) { return adopt(std::string(text)); }

  Bytes(const Bytes& other) : block_(other.block_), data_(other.data_), size_(other.size_) {
    if (block_) block_->shares.fetch_add(1, std::memory_order_relaxed);
  }
  Bytes(Bytes&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  Bytes& operator=(Bytes other) noexcept {
    std::swap(block_, other.block_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Bytes() { release(); }

  std::string_view view() const { return {data_, size_}; }
  const char* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // The part [offset, offset + length), sharing the block. Requires offset + length <= size().
  Bytes slice(size_t offset, size_t length) const;
  // The same bytes as `part`, which must lie inside view(), sharing the block.
  Bytes slice_of(std::string_view part) const { return slice(static_cast<size_t>(part.data() - data_), part.size()); }

  friend bool operator==(const Bytes& a, const Bytes& b) { return a.view() == b.view(); }

 private:
  struct Block {
    std::atomic<size_t> shares{1};
    std::string text;
  };

  void release() {
    if (block_ && block_->shares.fetch_sub(1, std::memory_order_acq_rel) == 1) delete block_;
  }

  Block* block_ = nullptr;
  const char* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace quorate
