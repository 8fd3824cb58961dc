// node/settings.h: one text for every flag, and where it came from.
//
// Invariant: each text can be read as its flag's kind says; set() lets no other in.
// Threads: any; a value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "node/config.h"
#include "node/flag_table.h"

namespace quorate::node {

class Settings {
 public:
  enum class Source : uint8_t { kDefault, kArgument, kVariable, kFile };

  Settings();

  // The error is what Go's flag package puts behind the colon ("parse error"); nothing on success.
  std::optional<std::string> set(const Flag& flag, std::string text, Source source);

  Source source(std::string_view name) const { return values_[index(name)].source; }
  bool given(std::string_view name) const { return source(name) != Source::kDefault; }
  // Whether the value differs from the default in meaning, not in spelling.
  bool changed(const Flag& flag) const;

  const std::string& text(std::string_view name) const { return values_[index(name)].text; }
  bool truth(std::string_view name) const;
  uint64_t number(std::string_view name) const;  // of the unsigned kinds
  int64_t integer(std::string_view name) const;  // of the signed ones
  Duration duration(std::string_view name) const;
  std::vector<Url> urls(std::string_view name) const;           // sorted, each once
  std::vector<std::string> words(std::string_view name) const;  // sorted, each once; none for ""

 private:
  struct Value {
    std::string text;
    Source source = Source::kDefault;
  };

  static size_t index(std::string_view name);

  std::vector<Value> values_;  // in the order of flag_table()
};

// Comma separated URLs, sorted, each once. Errors: parse_url's, for the first that has one.
Result<std::vector<Url>> parse_urls(std::string_view text);

}  // namespace quorate::node
