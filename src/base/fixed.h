// base/fixed.h: numbers of fixed width in little endian, and a reader that never leaves its bytes.
//
// Invariants:
//   (1) A FixedReader that failed stays failed and reads zeros and empty texts.
// Threads: any; values. The formats of ours (docs/formats) are made of these.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace quorate {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie in memory");

template <class T>
void append_fixed(std::string& out, T value) {
  static_assert(std::is_integral_v<T>);
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

template <class T>
void store_fixed(char* at, T value) {
  static_assert(std::is_integral_v<T>);
  std::memcpy(at, &value, sizeof(T));
}

// A text behind its length of 32 bits.
inline void append_text(std::string& out, std::string_view text) {
  append_fixed(out, static_cast<uint32_t>(text.size()));
  out.append(text);
}

class FixedReader {
 public:
  explicit FixedReader(std::string_view bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  size_t left() const { return rest_.size(); }

  template <class T>
  T number() {
    static_assert(std::is_integral_v<T> && !std::is_same_v<T, bool>);
    T value = 0;
    const std::string_view bytes = take(sizeof(T));
    if (ok_) std::copy_n(bytes.data(), bytes.size(), reinterpret_cast<char*>(&value));
    return value;
  }
  std::string_view take(size_t size) {
    if (!ok_ || size > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::string_view text() { return take(number<uint32_t>()); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace quorate
