#include "pb/wire.h"

#include <limits>

namespace quorate::pb::wire {

// The tenth byte has room for one bit: what does not fit is malformed to Go, which decides what etcd takes, and cut
// off by C++.
const char* read_varint(const char* at, const char* end, uint64_t& value) {
  uint64_t result = 0;
  for (uint32_t shift = 0; shift < 70; shift += 7) {
    if (at == end) return nullptr;
    const auto byte = static_cast<uint8_t>(*at++);
    if (shift == 63 && byte > 1) return nullptr;
    result |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      value = result;
      return at;
    }
  }
  return nullptr;
}

const char* read_length(const char* at, const char* end, uint64_t& value) {
  at = read_varint(at, end, value);
  return value <= static_cast<uint64_t>(std::numeric_limits<int32_t>::max()) ? at : nullptr;
}

const char* read_tag(const char* at, const char* end, uint32_t& tag) {
  uint64_t value = 0;
  at = read_varint(at, end, value);
  if (value > std::numeric_limits<uint32_t>::max()) return nullptr;
  tag = static_cast<uint32_t>(value);
  return at;
}

namespace {

const char* skip_bytes(const char* at, const char* end, uint64_t count) {
  return count <= static_cast<uint64_t>(end - at) ? at + count : nullptr;
}

const char* skip_group(const char* at, const char* end, uint32_t begin_tag, int depth_left) {
  if (depth_left == 0) return nullptr;
  while (at != nullptr && at != end) {
    uint32_t tag = 0;
    at = read_tag(at, end, tag);
    if (at == nullptr) return nullptr;
    if (type_of(tag) == Type::kGroupEnd) return field_of(tag) == field_of(begin_tag) ? at : nullptr;
    at = skip_field(at, end, tag, depth_left - 1);
  }
  return nullptr;
}

}  // namespace

const char* skip_field(const char* at, const char* end, uint32_t tag, int depth_left) {
  if (field_of(tag) == 0) return nullptr;
  uint64_t value = 0;
  switch (type_of(tag)) {
    case Type::kVarint: return read_varint(at, end, value);
    case Type::kFixed64: return skip_bytes(at, end, 8);
    case Type::kFixed32: return skip_bytes(at, end, 4);
    case Type::kBytes: at = read_length(at, end, value); return at == nullptr ? nullptr : skip_bytes(at, end, value);
    case Type::kGroupBegin: return skip_group(at, end, tag, depth_left);
    case Type::kGroupEnd: return nullptr;
  }
  return nullptr;
}

namespace {

// The shortest form of a code point that is no surrogate; 0 for anything else.
size_t utf8_sequence(const uint8_t* at, size_t left) {
  const auto continues = [&](size_t i) { return i < left && (at[i] & 0xc0) == 0x80; };
  if (at[0] < 0x80) return 1;
  if (at[0] < 0xc2) return 0;
  if (at[0] < 0xe0) return continues(1) ? 2 : 0;
  if (at[0] < 0xf0) {
    if (!continues(1) || !continues(2)) return 0;
    const bool overlong = at[0] == 0xe0 && at[1] < 0xa0;
    const bool surrogate = at[0] == 0xed && at[1] >= 0xa0;
    return overlong || surrogate ? 0 : 3;
  }
  if (at[0] > 0xf4 || !continues(1) || !continues(2) || !continues(3)) return 0;
  const bool overlong = at[0] == 0xf0 && at[1] < 0x90;
  const bool beyond = at[0] == 0xf4 && at[1] >= 0x90;
  return overlong || beyond ? 0 : 4;
}

}  // namespace

bool is_utf8(std::string_view text) {
  const auto* at = reinterpret_cast<const uint8_t*>(text.data());
  size_t left = text.size();
  while (left != 0) {
    const size_t taken = utf8_sequence(at, left);
    if (taken == 0) return false;
    at += taken;
    left -= taken;
  }
  return true;
}

}  // namespace quorate::pb::wire
