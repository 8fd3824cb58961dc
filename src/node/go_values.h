// node/go_values.h: numbers, truths and durations as Go reads them, which is how etcd's flags are written.
//
// Threads: any; pure functions. Errors are Go's words.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/time.h"

namespace quorate::node {

enum class NumberError : uint8_t { kSyntax, kRange };

// With Go's prefixes (0x, 0o, 0b, 0) and underscores; `bits` is 32 or 64.
std::expected<uint64_t, NumberError> parse_uint(std::string_view text, int bits);
std::expected<int64_t, NumberError> parse_int(std::string_view text, int bits);
// Decimal alone, sign allowed, as strconv.Atoi.
std::expected<int64_t, NumberError> parse_decimal(std::string_view text);

// 1, t, T, TRUE, true, True and their opposites.
std::expected<bool, NumberError> parse_bool(std::string_view text);

// "1h30m", "1.5s", "-2ms", "0". Errors: `time: invalid duration "x"` and its sisters.
std::expected<Duration, std::string> parse_duration(std::string_view text);

// As Go prints a string with %q.
std::string go_quoted(std::string_view text);

}  // namespace quorate::node
