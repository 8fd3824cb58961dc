// cmd/ctl/go_text.h: numbers, switches, durations and quotes as Go reads and writes them.
//
// The command line is compared byte by byte with a Go program: its texts are the contract.
// Threads: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace quorate::cmd::ctl {

// A number in `base`; base 0 lets the text choose with 0x, 0o, 0b or a leading 0.
// Errors: kInvalidArgument `strconv.ParseInt: parsing "x": invalid syntax` or `...: value out of range`.
Result<int64_t> parse_int(std::string_view text, int base);
// 1 t T TRUE true True and 0 f F FALSE false False.
Result<bool> parse_bool(std::string_view text);
// "1.5s", "2h45m"; a number needs its unit.
Result<Duration> parse_duration(std::string_view text);

// "text" with what is not printable escaped; bytes that are no UTF-8 as \xff.
std::string quote(std::string_view text);
// The bytes of a literal in double quotes or backquotes. Errors: "invalid syntax".
Result<std::string> unquote(std::string_view literal);
// The length of the literal that `text` begins with, quotes included; 0 when there is no whole one.
size_t literal_length(std::string_view text);

std::string hex(uint64_t number);    // "1f"
std::string hex16(uint64_t number);  // "000000000000001f"
// "999 B", "1.0 kB", "25 kB": powers of a thousand.
std::string human_bytes(uint64_t bytes);

}  // namespace quorate::cmd::ctl
