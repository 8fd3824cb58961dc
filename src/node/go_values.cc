#include "node/go_values.h"

#include <array>
#include <charconv>
#include <limits>

namespace quorate::node {
namespace {

struct Digits {
  int base = 10;
  std::string text;
};

// Takes the prefix off and the underscores out; an underscore must stand between digits or after the prefix.
std::expected<Digits, NumberError> digits_of(std::string_view text) {
  Digits out;
  bool after_digit = false;
  if (text.size() > 1 && text[0] == '0') {
    const char mark = static_cast<char>(text[1] | 0x20);
    out.base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
    text.remove_prefix(mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1);
    after_digit = true;
  }
  for (const char c : text) {
    if (c == '_') {
      if (!after_digit) return std::unexpected(NumberError::kSyntax);
      after_digit = false;
      continue;
    }
    out.text += c;
    after_digit = true;
  }
  if (!after_digit || out.text.empty()) return std::unexpected(NumberError::kSyntax);
  return out;
}

std::expected<uint64_t, NumberError> to_number(const std::string& text, int base) {
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value, base);
  if (parsed.ptr != end || parsed.ec == std::errc::invalid_argument) return std::unexpected(NumberError::kSyntax);
  if (parsed.ec != std::errc()) return std::unexpected(NumberError::kRange);
  return value;
}

uint64_t unit_ns(std::string_view unit) {
  struct Unit {
    std::string_view name;
    uint64_t ns;
  };
  static constexpr std::array<Unit, 8> kUnits{{{"ns", 1},
                                               {"us", 1'000},
                                               {"\u00b5s", 1'000},
                                               {"\u03bcs", 1'000},
                                               {"ms", 1'000'000},
                                               {"s", 1'000'000'000},
                                               {"m", 60'000'000'000},
                                               {"h", 3'600'000'000'000}}};
  for (const Unit& known : kUnits) {
    if (known.name == unit) return known.ns;
  }
  return 0;
}

bool digit(char c) { return c >= '0' && c <= '9'; }

// One "1.5h" at the head of `text`, which it takes off. Zero units and overflow are errors.
enum class PartError : uint8_t { kInvalid, kNoUnit, kUnknownUnit };
struct PartFailure {
  PartError why;
  std::string_view unit = {};
};

std::expected<uint64_t, PartFailure> take_part(std::string_view& text) {
  constexpr uint64_t kMax = uint64_t{1} << 63;
  uint64_t whole = 0;
  double fraction = 0, scale = 1;
  bool any = false;
  while (!text.empty() && digit(text[0])) {
    if (whole > kMax / 10) return std::unexpected(PartFailure{PartError::kInvalid});
    whole = whole * 10 + static_cast<uint64_t>(text[0] - '0');
    if (whole > kMax) return std::unexpected(PartFailure{PartError::kInvalid});
    any = true;
    text.remove_prefix(1);
  }
  if (!text.empty() && text[0] == '.') {
    text.remove_prefix(1);
    while (!text.empty() && digit(text[0])) {
      if (scale < 1e18) {
        scale *= 10;
        fraction = fraction * 10 + (text[0] - '0');
      }
      any = true;
      text.remove_prefix(1);
    }
  }
  if (!any) return std::unexpected(PartFailure{PartError::kInvalid});
  size_t length = 0;
  while (length < text.size() && text[length] != '.' && !digit(text[length])) ++length;
  if (length == 0) return std::unexpected(PartFailure{PartError::kNoUnit});
  const std::string_view unit = text.substr(0, length);
  const uint64_t ns = unit_ns(unit);
  if (ns == 0) return std::unexpected(PartFailure{PartError::kUnknownUnit, unit});
  text.remove_prefix(length);
  if (whole > kMax / ns) return std::unexpected(PartFailure{PartError::kInvalid});
  const uint64_t sum = whole * ns + static_cast<uint64_t>(fraction * (static_cast<double>(ns) / scale));
  if (sum > kMax) return std::unexpected(PartFailure{PartError::kInvalid});
  return sum;
}

}  // namespace

std::expected<uint64_t, NumberError> parse_uint(std::string_view text, int bits) {
  const auto digits = digits_of(text);
  if (!digits) return std::unexpected(digits.error());
  const auto value = to_number(digits->text, digits->base);
  if (!value) return value;
  if (bits == 32 && *value > std::numeric_limits<uint32_t>::max()) return std::unexpected(NumberError::kRange);
  return value;
}

std::expected<int64_t, NumberError> parse_int(std::string_view text, int bits) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const auto digits = digits_of(text);
  if (!digits) return std::unexpected(digits.error());
  const auto value = to_number(digits->text, digits->base);
  if (!value) return std::unexpected(value.error());
  const uint64_t limit = (uint64_t{1} << (bits - 1)) - (negative ? 0 : 1);
  if (*value > limit) return std::unexpected(NumberError::kRange);
  return static_cast<int64_t>(negative ? 0 - *value : *value);
}

std::expected<int64_t, NumberError> parse_decimal(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::unexpected(NumberError::kSyntax);
  }
  int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec == std::errc::invalid_argument || parsed.ptr != text.data() + text.size()) {
    return std::unexpected(NumberError::kSyntax);
  }
  if (parsed.ec != std::errc()) return std::unexpected(NumberError::kRange);
  return value;
}

std::expected<bool, NumberError> parse_bool(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == no) return false;
  }
  return std::unexpected(NumberError::kSyntax);
}

std::expected<Duration, std::string> parse_duration(std::string_view text) {
  const auto bad = [&](const std::string& why) { return std::unexpected("time: " + why + " " + go_quoted(text)); };
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return Duration(0);
  if (rest.empty()) return bad("invalid duration");
  constexpr uint64_t kMax = uint64_t{1} << 63;
  uint64_t sum = 0;
  while (!rest.empty()) {
    const auto part = take_part(rest);
    if (!part) {
      switch (part.error().why) {
        case PartError::kNoUnit: return bad("missing unit in duration");
        case PartError::kUnknownUnit: return bad("unknown unit " + go_quoted(part.error().unit) + " in duration");
        case PartError::kInvalid: return bad("invalid duration");
      }
    }
    sum += *part;
    if (sum > kMax) return bad("invalid duration");
  }
  if (sum > kMax - (negative ? 0 : 1)) return bad("invalid duration");
  return Duration(static_cast<int64_t>(negative ? 0 - sum : sum));
}

std::string go_quoted(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace quorate::node
