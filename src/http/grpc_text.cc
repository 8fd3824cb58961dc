#include "http/grpc_text.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace quorate::http {

namespace {

constexpr std::string_view kHex = "0123456789ABCDEF";
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool is_plain(char c) { return c >= 0x20 && c <= 0x7e && c != '%'; }

// As Go's %q has it, of what a header can hold.
std::string go_quoted(std::string_view text) {
  std::string out(1, '"');
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\t') {
      out += "\\t";
    } else if (c >= 0x20 && c <= 0x7e) {
      out += c;
    } else {
      constexpr std::string_view kLowHex = "0123456789abcdef";
      const auto byte = static_cast<uint8_t>(c);
      out += "\\x";
      out += kLowHex[byte >> 4];
      out += kLowHex[byte & 15];
    }
  }
  return out + '"';
}

void append_escape(std::string& out, char c) {
  const auto byte = static_cast<uint8_t>(c);
  out += '%';
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
}

// The length of the UTF-8 sequence that `text` begins with; 0 when it begins with none (as Go decides).
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const auto tail = [&](size_t i, uint8_t low, uint8_t high) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(1, 0x80, 0xBF) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const uint8_t low = first == 0xE0 ? 0xA0 : 0x80;
    const uint8_t high = first == 0xED ? 0x9F : 0xBF;
    return tail(1, low, high) && tail(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const uint8_t low = first == 0xF0 ? 0x90 : 0x80;
    const uint8_t high = first == 0xF4 ? 0x8F : 0xBF;
    return tail(1, low, high) && tail(2, 0x80, 0xBF) && tail(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

struct Unit {
  char letter;
  Duration length;
};
constexpr std::array<Unit, 6> kUnits = {{{'n', 1ns}, {'u', 1us}, {'m', 1ms}, {'S', 1s}, {'M', 1min}, {'H', 1h}}};

// As Go's %q prints it, for the bytes that a header can hold.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\t') {
      out += "\\t";
    } else if (c >= 0x20 && c <= 0x7e) {
      out += c;
    } else {
      constexpr std::string_view kLower = "0123456789abcdef";
      const auto byte = static_cast<uint8_t>(c);
      out += "\\x";
      out += kLower[byte >> 4];
      out += kLower[byte & 15];
    }
  }
  return out + '"';
}

}  // namespace

std::string encode_grpc_message(std::string_view text) {
  if (std::all_of(text.begin(), text.end(), is_plain)) return std::string(text);
  std::string out;
  out.reserve(text.size() * 2);
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    if (length == 1 && is_plain(text[0])) {
      out += text[0];
    } else if (length > 0) {
      for (const char c : text.substr(0, length)) append_escape(out, c);
    } else {
      for (const char c : kReplacement) append_escape(out, c);
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

std::string decode_grpc_message(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high >= 0 && low >= 0) {
        out += static_cast<char>(high * 16 + low);
        i += 2;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

Result<Duration> parse_grpc_timeout(std::string_view text) {
  const auto bad = [&](std::string_view what) {
    return fail(Code::kInternal,
                "malformed grpc-timeout: transport: timeout " + std::string(what) + ": " + quoted(text));
  };
  if (text.size() < 2) return bad("string is too short");
  if (text.size() > 9) return bad("string is too long");
  const auto unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return u.letter == text.back(); });
  if (unit == kUnits.end()) return bad("unit is not recognized");
  const std::string_view digits = text.substr(0, text.size() - 1);
  int64_t count = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') {
      return fail(Code::kInternal,
                  "malformed grpc-timeout: strconv.ParseUint: parsing " + quoted(digits) + ": invalid syntax");
    }
    count = count * 10 + (c - '0');
  }
  if (count > Duration::max() / unit->length) return Duration::max();
  return unit->length * count;
}

std::string format_grpc_timeout(Duration timeout) {
  if (timeout <= 0ns) return "0n";
  for (const Unit& unit : kUnits) {
    const int64_t count = timeout / unit.length + (timeout % unit.length > 0ns ? 1 : 0);
    if (count <= 99'999'999) return std::to_string(count) + unit.letter;
  }
  return "99999999H";
}

namespace {

constexpr std::string_view kContentType = "application/grpc";

}  // namespace

ptrdiff_t base64_fault(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const bool padded = text.size() % 4 == 0;
  const size_t digits = std::min(text.find_first_not_of(kDigits), text.size());
  const auto at = [](size_t offset) { return static_cast<ptrdiff_t>(offset); };
  if (digits == text.size()) return digits % 4 == 1 ? at(digits - 1) : -1;
  if (!padded || text[digits] != '=' || digits % 4 < 2) return at(digits);
  if (digits % 4 == 2) {
    // A second one has to follow; of one that does not the first is told.
    if (digits + 1 == text.size()) return at(text.size());
    if (text[digits + 1] != '=') return at(digits);
  }
  const size_t end = digits + 4 - digits % 4;
  return end == text.size() ? -1 : at(end);
}

Status check_binary_metadata(const std::vector<std::pair<std::string, std::string>>& headers) {
  Status status;
  for (const auto& [name, value] : headers) {
    if (!name.ends_with("-bin")) continue;
    const ptrdiff_t fault = base64_fault(value);
    if (fault < 0) continue;
    status = Status(Code::kInternal, "malformed binary metadata " + go_quoted(value) + " in header " + go_quoted(name) +
                                         ": illegal base64 data at input byte " + std::to_string(fault));
  }
  return status;
}

bool is_grpc_content_type(std::string_view value) {
  if (!value.starts_with(kContentType)) return false;
  return value.size() == kContentType.size() || value[kContentType.size()] == '+' || value[kContentType.size()] == ';';
}

std::string echoed_content_type(std::string_view value) {
  if (value.size() <= kContentType.size() + 1) return {};
  return std::string(kContentType) + "+" + std::string(value.substr(kContentType.size() + 1));
}

}  // namespace quorate::http
