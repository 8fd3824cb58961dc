// http/share.h: bytes of one connection that count in a budget of its server.
//
// Loop: the server's.
#pragma once

#include <cstddef>

#include "base/check.h"

namespace quorate::http {

// Given back when it ends.
class Share {
 public:
  explicit Share(size_t& whole) : whole_(whole) {}
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;
  ~Share() { whole_ -= bytes_; }

  size_t bytes() const { return bytes_; }
  void set(size_t bytes) {
    whole_ = whole_ - bytes_ + bytes;
    bytes_ = bytes;
  }
  void add(size_t bytes) { set(bytes_ + bytes); }
  // Requires that they were added.
  void subtract(size_t bytes) {
    CHECK(bytes <= bytes_);
    set(bytes_ - bytes);
  }

 private:
  size_t& whole_;
  size_t bytes_ = 0;
};

}  // namespace quorate::http
