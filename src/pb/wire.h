// pb/wire.h: protobuf's wire format: a Reader of fields, and the two sinks that every encoder runs through.
//
// An encoder is one function template emit(sink, message) that names the fields from the last to the first. Run with
// a Sizer it yields the size; run with a Writer it fills exactly that many bytes from the end backwards, so that the
// length of a nested message is known when its prefix is written: one pass each, one reservation, nothing moved.
//
// Invariants:
//   (1) A Reader that failed stays failed, reads nothing more, and next() is false.
//   (2) Reader accepts and refuses what protobuf's own C++ parser does: varints of at most ten bytes (surplus bits
//       of the tenth are dropped), tags and lengths of at most five, no field number 0, groups closed by their own tag.
//   (3) Sizer and Writer agree: a Writer over Sizer's size ends at its begin.
// Threads: any; values. Source: protobuf encoding.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/check.h"

namespace quorate::pb::wire {

enum class Type : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kGroupBegin = 3, kGroupEnd = 4, kFixed32 = 5 };

// Of unknown groups inside unknown groups, as protobuf's default.
inline constexpr int kMaxGroupDepth = 100;

constexpr uint32_t tag_of(uint32_t field, Type type) { return (field << 3) | static_cast<uint32_t>(type); }
constexpr uint32_t varint_tag(uint32_t field) { return tag_of(field, Type::kVarint); }
constexpr uint32_t bytes_tag(uint32_t field) { return tag_of(field, Type::kBytes); }
constexpr uint32_t field_of(uint32_t tag) { return tag >> 3; }
constexpr Type type_of(uint32_t tag) { return static_cast<Type>(tag & 7); }

constexpr size_t varint_size(uint64_t value) { return (static_cast<size_t>(std::bit_width(value | 1)) * 9 + 64) / 64; }

// The slow paths. Each returns the position after what it read, or null for bytes that are malformed.
const char* read_varint(const char* at, const char* end, uint64_t& value);
const char* read_length(const char* at, const char* end, uint64_t& value);
const char* read_tag(const char* at, const char* end, uint32_t& tag);
const char* skip_field(const char* at, const char* end, uint32_t tag, int depth_left);

[[nodiscard]] bool is_utf8(std::string_view text);

// Bools, enums and integers are all varints.
template <class Number>
constexpr Number number_from(uint64_t value) {
  if constexpr (std::is_same_v<Number, bool>) {
    return value != 0;
  } else if constexpr (std::is_enum_v<Number>) {
    return static_cast<Number>(static_cast<std::underlying_type_t<Number>>(value));
  } else {
    return static_cast<Number>(value);
  }
}

// Negative numbers of 32 bits travel sign-extended.
template <class Number>
constexpr uint64_t varint_from(Number value) {
  if constexpr (std::is_enum_v<Number>) {
    return static_cast<uint64_t>(static_cast<int64_t>(static_cast<std::underlying_type_t<Number>>(value)));
  } else if constexpr (std::is_signed_v<Number>) {
    return static_cast<uint64_t>(static_cast<int64_t>(value));
  } else {
    return static_cast<uint64_t>(value);
  }
}

// Walks the fields of one message:  while (in.next(tag)) switch (tag) { ... default: in.skip(tag); }  return in.ok();
class Reader {
 public:
  explicit Reader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool ok() const { return ok_; }

  [[gnu::always_inline]] bool next(uint32_t& tag) {
    if (at_ == end_) return false;
    const auto first = static_cast<uint8_t>(*at_);
    if (first < 0x80) [[likely]] {
      tag = first;
      ++at_;
      return true;
    }
    return take(read_tag(at_, end_, tag));
  }

  template <class Number>
  [[gnu::always_inline]] void number(Number& out) {
    uint64_t value = 0;
    if (varint(value)) out = number_from<Number>(value);
  }

  [[gnu::always_inline]] void bytes(std::string_view& out) {
    uint64_t length = 0;
    if (!this->length(length)) return;
    if (length > static_cast<uint64_t>(end_ - at_)) [[unlikely]] {
      fail();
      return;
    }
    out = {at_, static_cast<size_t>(length)};
    at_ += length;
  }

  // A field of type `string`, which must be UTF-8.
  void text(std::string_view& out) {
    std::string_view value;
    bytes(value);
    if (ok_ && is_utf8(value)) {
      out = value;
    } else {
      fail();
    }
  }

  // The Reader of a nested message, whose verdict goes to require().
  [[gnu::always_inline]] Reader message() {
    std::string_view inside;
    bytes(inside);
    return Reader(inside);
  }

  // A packed run of numbers.
  template <class Number>
  void numbers(std::vector<Number>& out) {
    Reader run = message();
    while (run.ok_ && run.at_ != run.end_) {
      uint64_t value = 0;
      if (run.varint(value)) out.push_back(number_from<Number>(value));
    }
    require(run.ok_);
  }

  void skip(uint32_t tag) { take(skip_field(at_, end_, tag, kMaxGroupDepth)); }

  [[gnu::always_inline]] void require(bool condition) {
    if (!condition) [[unlikely]]
      fail();
  }

 private:
  void fail() {
    ok_ = false;
    at_ = end_;
  }

  [[gnu::always_inline]] bool take(const char* after) {
    if (after == nullptr) [[unlikely]] {
      fail();
      return false;
    }
    at_ = after;
    return true;
  }

  [[gnu::always_inline]] bool varint(uint64_t& value) {
    if (at_ != end_ && static_cast<uint8_t>(*at_) < 0x80) [[likely]] {
      value = static_cast<uint8_t>(*at_++);
      return true;
    }
    return take(read_varint(at_, end_, value));
  }

  [[gnu::always_inline]] bool length(uint64_t& value) {
    if (at_ != end_ && static_cast<uint8_t>(*at_) < 0x80) [[likely]] {
      value = static_cast<uint8_t>(*at_++);
      return true;
    }
    if (end_ - at_ >= 2 && static_cast<uint8_t>(at_[1]) < 0x80) {
      value = (static_cast<uint8_t>(at_[0]) & 0x7fu) | static_cast<uint32_t>(static_cast<uint8_t>(at_[1]) << 7);
      at_ += 2;
      return true;
    }
    return take(read_length(at_, end_, value));
  }

  const char* at_;
  const char* end_;
  bool ok_ = true;
};

// What Sizer and Writer share: number() and bytes() leave defaults out, always_number() and always_bytes() do not.
class Sizer {
 public:
  size_t size() const { return size_; }

  template <class Number>
  [[gnu::always_inline]] void number(uint32_t field, Number value) {
    if (value != Number{}) always_number(field, value);
  }
  template <class Number>
  [[gnu::always_inline]] void always_number(uint32_t field, Number value) {
    size_ += varint_size(varint_tag(field)) + varint_size(varint_from(value));
  }
  [[gnu::always_inline]] void bytes(uint32_t field, std::string_view value) {
    if (!value.empty()) always_bytes(field, value);
  }
  [[gnu::always_inline]] void always_bytes(uint32_t field, std::string_view value) {
    size_ += varint_size(bytes_tag(field)) + varint_size(value.size()) + value.size();
  }
  template <class Message>
  [[gnu::always_inline]] void message(uint32_t field, const Message& value) {
    nest(field, [&] { emit(*this, value); });
  }
  // A packed run of numbers.
  template <class Number>
  void numbers(uint32_t field, const std::vector<Number>& values) {
    nest(field, [&] {
      for (Number value : values) size_ += varint_size(varint_from(value));
    });
  }
  // A nested message that `inside` emits.
  template <class Inside>
  [[gnu::always_inline]] void nest(uint32_t field, Inside&& inside) {
    const size_t before = size_;
    inside();
    size_ += varint_size(bytes_tag(field)) + varint_size(size_ - before);
  }

 private:
  size_t size_ = 0;
};

// Fills a block from its end to its begin.
class Writer {
 public:
  explicit Writer(char* end) : at_(end) {}

  const char* at() const { return at_; }

  template <class Number>
  [[gnu::always_inline]] void number(uint32_t field, Number value) {
    if (value != Number{}) always_number(field, value);
  }
  template <class Number>
  [[gnu::always_inline]] void always_number(uint32_t field, Number value) {
    varint(varint_from(value));
    varint(varint_tag(field));
  }
  [[gnu::always_inline]] void bytes(uint32_t field, std::string_view value) {
    if (!value.empty()) always_bytes(field, value);
  }
  [[gnu::always_inline]] void always_bytes(uint32_t field, std::string_view value) {
    at_ -= value.size();
    if (!value.empty()) std::memcpy(at_, value.data(), value.size());
    varint(value.size());
    varint(bytes_tag(field));
  }
  template <class Message>
  [[gnu::always_inline]] void message(uint32_t field, const Message& value) {
    nest(field, [&] { emit(*this, value); });
  }
  template <class Number>
  void numbers(uint32_t field, const std::vector<Number>& values) {
    nest(field, [&] {
      for (Number value : values | std::views::reverse) varint(varint_from(value));
    });
  }
  template <class Inside>
  [[gnu::always_inline]] void nest(uint32_t field, Inside&& inside) {
    const char* end = at_;
    inside();
    varint(static_cast<uint64_t>(end - at_));
    varint(bytes_tag(field));
  }

 private:
  [[gnu::always_inline]] void varint(uint64_t value) {
    if (value < 0x80) [[likely]] {
      *--at_ = static_cast<char>(value);
      return;
    }
    at_ -= varint_size(value);
    char* to = at_;
    while (value >= 0x80) {
      *to++ = static_cast<char>(value | 0x80);
      value >>= 7;
    }
    *to = static_cast<char>(value);
  }

  char* at_;
};

template <class Message>
size_t encoded_size(const Message& message) {
  Sizer sizer;
  emit(sizer, message);
  return sizer.size();
}

// Appends `size` bytes to `out`, filled by `fill(Writer&)`.
template <class Fill>
void append_backwards(size_t size, std::string& out, Fill&& fill) {
  const size_t before = out.size();
  const size_t after = before + size;
  // The length that libstdc++ 12 passes to the callback may be the grown capacity.
  out.resize_and_overwrite(after, [&](char* data, size_t) {
    Writer writer(data + after);
    fill(writer);
    CHECK(writer.at() == data + before);
    return after;
  });
}

template <class Message>
void append_message(const Message& message, std::string& out) {
  append_backwards(encoded_size(message), out, [&](Writer& writer) { emit(writer, message); });
}

}  // namespace quorate::pb::wire
