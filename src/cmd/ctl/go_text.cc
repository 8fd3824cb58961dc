#include "cmd/ctl/go_text.h"

#include <array>
#include <cstdio>
#include <limits>

namespace quorate::cmd::ctl {
namespace {

std::unexpected<Status> syntax(std::string_view function, std::string_view text, std::string_view why) {
  return fail(Code::kInvalidArgument,
              "strconv." + std::string(function) + ": parsing " + quote(text) + ": " + std::string(why));
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return std::numeric_limits<int>::max();
}

// The base that a text chooses by its prefix, which is cut off.
int cut_base(std::string_view& digits) {
  if (digits.size() > 1 && digits[0] == '0') {
    const char mark = static_cast<char>(digits[1] | 0x20);
    const int base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
    digits.remove_prefix(base != 0 ? 2 : 1);
    return base != 0 ? base : 8;
  }
  return 10;
}

// The length of the UTF-8 sequence at the front of `text`, and its code point; 0 when it is none.
size_t utf8_length(std::string_view text, uint32_t& point) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const size_t length = byte(0) < 0x80 ? 1 : byte(0) >= 0xF0 ? 4 : byte(0) >= 0xE0 ? 3 : byte(0) >= 0xC2 ? 2 : 0;
  if (length == 0 || byte(0) > 0xF4 || text.size() < length) return 0;
  point = length == 1 ? byte(0) : byte(0) & (0xFFu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    point = point << 6 | (byte(i) & 0x3F);
  }
  constexpr std::array<uint32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  if (point < kLeast[length] || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return 0;
  return length;
}

void append_utf8(uint32_t point, std::string& out) {
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xC0 | point >> 6);
    out += static_cast<char>(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    out += static_cast<char>(0xE0 | point >> 12);
    out += static_cast<char>(0x80 | (point >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (point & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | point >> 18);
    out += static_cast<char>(0x80 | (point >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (point >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (point & 0x3F));
  }
}

std::string padded_hex(uint64_t number, int width) {
  char text[24];
  std::snprintf(text, sizeof text, "%0*llx", width, static_cast<unsigned long long>(number));
  return text;
}

constexpr std::string_view kEscapes = "\a\b\f\n\r\t\v\\\"";
constexpr std::string_view kEscapeLetters = "abfnrtv\\\"";

// A number of `count` digits in `base` at the front of `text`, which is cut off.
bool take_digits(std::string_view& text, size_t count, int base, uint32_t& number) {
  if (text.size() < count) return false;
  number = 0;
  for (size_t i = 0; i < count; ++i) {
    const int digit = digit_of(text[i]);
    if (digit >= base) return false;
    number = number * static_cast<uint32_t>(base) + static_cast<uint32_t>(digit);
  }
  text.remove_prefix(count);
  return true;
}

// What follows a backslash.
bool unescape(std::string_view& text, std::string& out) {
  if (text.empty()) return false;
  const char letter = text[0];
  if (const size_t at = kEscapeLetters.find(letter); at != std::string_view::npos) {
    out += kEscapes[at];
    text.remove_prefix(1);
    return true;
  }
  uint32_t number = 0;
  if (letter >= '0' && letter <= '7') {
    if (!take_digits(text, 3, 8, number) || number > 255) return false;
    out += static_cast<char>(number);
    return true;
  }
  text.remove_prefix(1);
  if (letter == 'x') {
    if (!take_digits(text, 2, 16, number)) return false;
    out += static_cast<char>(number);
    return true;
  }
  if (letter != 'u' && letter != 'U') return false;
  if (!take_digits(text, letter == 'u' ? 4 : 8, 16, number)) return false;
  if (number > 0x10FFFF || (number >= 0xD800 && number < 0xE000)) return false;
  append_utf8(number, out);
  return true;
}

}  // namespace

Result<int64_t> parse_int(std::string_view text, int base) {
  std::string_view digits = text;
  const bool negative = !digits.empty() && digits[0] == '-';
  if (!digits.empty() && (digits[0] == '-' || digits[0] == '+')) digits.remove_prefix(1);
  if (digits.empty()) return syntax("ParseInt", text, "invalid syntax");
  if (base == 0) base = cut_base(digits);
  if (digits.empty()) return syntax("ParseInt", text, "invalid syntax");
  const uint64_t most = uint64_t{1} << 63;  // of a negative number
  uint64_t number = 0;
  bool too_large = false;
  for (const char c : digits) {
    const int digit = digit_of(c);
    if (digit >= base) return syntax("ParseInt", text, "invalid syntax");
    const uint64_t limit = negative ? most : most - 1;
    too_large = too_large || number > (limit - static_cast<uint64_t>(digit)) / static_cast<uint64_t>(base);
    if (!too_large) number = number * static_cast<uint64_t>(base) + static_cast<uint64_t>(digit);
  }
  if (too_large) return syntax("ParseInt", text, "value out of range");
  return static_cast<int64_t>(negative ? ~number + 1 : number);
}

Result<bool> parse_bool(std::string_view text) {
  for (const std::string_view word : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == word) return true;
  }
  for (const std::string_view word : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == word) return false;
  }
  return syntax("ParseBool", text, "invalid syntax");
}

Result<Duration> parse_duration(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return fail(Code::kInvalidArgument, "time: " + std::string(why) + " " + quote(text));
  };
  std::string_view rest = text;
  const bool negative = !rest.empty() && rest[0] == '-';
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) rest.remove_prefix(1);
  if (rest == "0") return Duration(0);
  if (rest.empty()) return bad("invalid duration");
  long double nanoseconds = 0;
  while (!rest.empty()) {
    long double number = 0, scale = 1;
    size_t digits = 0, at = 0;
    bool fraction = false;
    for (; at < rest.size() && (rest[at] == '.' || (rest[at] >= '0' && rest[at] <= '9')); ++at) {
      if (rest[at] == '.') {
        if (std::exchange(fraction, true)) return bad("invalid duration");
        continue;
      }
      number = number * 10 + (rest[at] - '0');
      if (fraction) scale *= 10;
      ++digits;
    }
    if (digits == 0) return bad("invalid duration");
    rest.remove_prefix(at);
    const size_t unit_length = std::min(rest.find_first_of(".0123456789"), rest.size());
    const std::string_view unit = rest.substr(0, unit_length);
    if (unit.empty()) return bad("missing unit in duration");
    const long double unit_ns = unit == "ns"                                                 ? 1
                                : unit == "us" || unit == "\xC2\xB5s" || unit == "\xCE\xBCs" ? 1e3L
                                : unit == "ms"                                               ? 1e6L
                                : unit == "s"                                                ? 1e9L
                                : unit == "m"                                                ? 6e10L
                                : unit == "h"                                                ? 3.6e12L
                                                                                             : 0;
    if (unit_ns == 0) return bad("unknown unit " + quote(unit) + " in duration");
    rest.remove_prefix(unit_length);
    nanoseconds += number * unit_ns / scale;
    if (nanoseconds > 9.2e18L) return bad("invalid duration");
  }
  const auto whole = static_cast<int64_t>(nanoseconds);
  return Duration(negative ? -whole : whole);
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    uint32_t point = 0;
    const size_t length = utf8_length(text, point);
    if (length == 0) {
      out += "\\x" + padded_hex(static_cast<unsigned char>(text[0]), 2);
      text.remove_prefix(1);
      continue;
    }
    if (const size_t at = kEscapes.find(text[0]); at != std::string_view::npos) {
      out += '\\';
      out += kEscapeLetters[at];
    } else if (point < 0x20 || point == 0x7F) {
      out += "\\x" + padded_hex(point, 2);
    } else if (point >= 0x80 && point < 0xA1) {
      out += "\\u" + padded_hex(point, 4);
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return out + "\"";
}

size_t literal_length(std::string_view text) {
  if (text.empty() || (text[0] != '"' && text[0] != '`')) return 0;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == text[0]) return i + 1;
    if (text[0] == '"' && text[i] == '\\') ++i;
  }
  return 0;
}

Result<std::string> unquote(std::string_view literal) {
  const auto bad = [] { return fail(Code::kInvalidArgument, "invalid syntax"); };
  if (literal.size() < 2 || literal_length(literal) != literal.size()) return bad();
  std::string_view inside = literal.substr(1, literal.size() - 2);
  if (literal[0] == '`') return std::string(inside);
  std::string out;
  while (!inside.empty()) {
    const char c = inside[0];
    inside.remove_prefix(1);
    if (c == '\n') return bad();
    if (c != '\\') {
      out += c;
    } else if (!unescape(inside, out)) {
      return bad();
    }
  }
  return out;
}

std::string hex(uint64_t number) { return padded_hex(number, 1); }
std::string hex16(uint64_t number) { return padded_hex(number, 16); }

std::string human_bytes(uint64_t bytes) {
  if (bytes < 10) return std::to_string(bytes) + " B";
  constexpr std::array<std::string_view, 7> kUnits = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  size_t unit = 0;
  double scale = 1;
  while (unit + 1 < kUnits.size() && static_cast<double>(bytes) >= scale * 1000) {
    scale *= 1000;
    ++unit;
  }
  // Rounded to a tenth first, and in this very way, as the reference does.
  // NOLINTNEXTLINE(bugprone-incorrect-roundings)
  const double value = static_cast<double>(static_cast<uint64_t>(static_cast<double>(bytes) / scale * 10 + 0.5)) / 10;
  char text[32];
  std::snprintf(text, sizeof text, value < 10 ? "%.1f " : "%.0f ", value);
  return text + std::string(kUnits[unit]);
}

}  // namespace quorate::cmd::ctl
