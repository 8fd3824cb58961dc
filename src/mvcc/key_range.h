// mvcc/key_range.h: which keys a request speaks of.
//
// Threads: any; a value. Views are the caller's.
// Source:  v3 API, section 4.1.
#pragma once

#include <string_view>

namespace quorate::mvcc {

// A range of keys, by the rules of v3 API 4.1. KV, Watch, Compare and later permissions share this one type.
struct KeyRange {
  std::string_view key;
  std::string_view end;  // empty: only `key`; one zero byte: everything from `key`

  bool contains(std::string_view candidate) const {
    if (single()) return candidate == key;
    return candidate >= key && (open_ended() || candidate < end);
  }
  bool single() const { return end.empty(); }
  bool open_ended() const { return end == std::string_view("\0", 1); }
  // Whether no key can be inside.
  bool never() const { return !single() && !open_ended() && end <= key; }
};

}  // namespace quorate::mvcc
