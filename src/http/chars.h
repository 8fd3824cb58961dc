// http/chars.h: which bytes may stand where in HTTP. Threads: any. Source: RFC 9110, 5.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace quorate::http {

namespace detail {
constexpr std::array<bool, 256> make_token_chars() {
  std::array<bool, 256> table{};
  for (const char c :
       std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
    table[static_cast<uint8_t>(c)] = true;
  }
  return table;
}
constexpr std::array<bool, 256> make_value_chars() {
  std::array<bool, 256> table{};
  for (size_t c = 0; c < table.size(); ++c) table[c] = c == '\t' || (c >= 0x20 && c != 0x7f);
  return table;
}
inline constexpr std::array<bool, 256> kTokenChars = make_token_chars();
inline constexpr std::array<bool, 256> kValueChars = make_value_chars();
}  // namespace detail

constexpr bool is_token_char(char c) { return detail::kTokenChars[static_cast<uint8_t>(c)]; }
constexpr bool is_value_char(char c) { return detail::kValueChars[static_cast<uint8_t>(c)]; }

constexpr bool is_token(std::string_view text) {
  for (const char c : text) {
    if (!is_token_char(c)) return false;
  }
  return !text.empty();
}

constexpr bool is_value(std::string_view text) {
  for (const char c : text) {
    if (!is_value_char(c)) return false;
  }
  return true;
}

}  // namespace quorate::http
