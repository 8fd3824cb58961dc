#include "node/settings.h"

#include <algorithm>

#include "base/check.h"
#include "node/feature_gates.h"
#include "node/go_values.h"
#include "node/words.h"

namespace quorate::node {
namespace {

using Error = std::optional<std::string>;

std::string words_of(NumberError error) { return error == NumberError::kSyntax ? "parse error" : "value out of range"; }

Error check_number(FlagKind kind, std::string_view text) {
  if (kind == FlagKind::kInt || kind == FlagKind::kInt64) {
    const auto value = parse_int(text, 64);
    return value ? Error{} : words_of(value.error());
  }
  const auto value = parse_uint(text, kind == FlagKind::kUint32 ? 32 : 64);
  if (value) return {};
  if (kind != FlagKind::kUint32) return words_of(value.error());
  return "strconv.ParseUint: parsing " + go_quoted(text) + ": " +
         (value.error() == NumberError::kSyntax ? "invalid syntax" : "value out of range");
}

Error check_urls(std::string_view text) {
  const auto urls = parse_urls(text);
  return urls ? Error{} : urls.error().text();
}

Error check(const Flag& flag, std::string_view text) {
  switch (flag.kind) {
    case FlagKind::kString:
    case FlagKind::kHosts:
    case FlagKind::kList: return {};
    case FlagKind::kBool: return parse_bool(text) ? Error{} : "parse error";
    case FlagKind::kUint:
    case FlagKind::kUint32:
    case FlagKind::kUint64:
    case FlagKind::kInt:
    case FlagKind::kInt64: return check_number(flag.kind, text);
    case FlagKind::kDuration: return parse_duration(text) ? Error{} : "parse error";
    case FlagKind::kUrls: return text.empty() ? Error{} : check_urls(text);
    case FlagKind::kOrigins: return text == "*" ? Error{} : check_urls(text);
    case FlagKind::kGates: {
      const auto gates = parse_feature_gates(text);
      return gates ? Error{} : gates.error().text();
    }
    case FlagKind::kClusterState: return text == "new" || text == "existing" ? Error{} : "invalid value";
    case FlagKind::kFallback: return text == "exit" || text == "proxy" ? Error{} : "invalid value";
    case FlagKind::kV2:
      for (const std::string_view known : {"write-only", "write-only-skip-check", "write-only-drop-data", "gone"}) {
        if (text == known) return {};
      }
      return "invalid value " + go_quoted(text);
  }
  return {};
}

// One spelling for each meaning.
std::string canonical(FlagKind kind, std::string_view text) {
  switch (kind) {
    case FlagKind::kBool: return *parse_bool(text) ? "true" : "false";
    case FlagKind::kUint:
    case FlagKind::kUint32:
    case FlagKind::kUint64: return text.empty() ? "" : std::to_string(*parse_uint(text, 64));
    case FlagKind::kInt:
    case FlagKind::kInt64: return std::to_string(*parse_int(text, 64));
    case FlagKind::kDuration: return std::to_string(parse_duration(text)->count());
    default: return std::string(text);
  }
}

}  // namespace

Result<std::vector<Url>> parse_urls(std::string_view text) {
  std::vector<Url> out;
  for (const std::string_view part : split(text, ',')) {
    TRY(Url url, parse_url(trimmed(part)));
    out.push_back(std::move(url));
  }
  std::ranges::sort(out, {}, &Url::text);
  const auto [first, last] = std::ranges::unique(out);
  out.erase(first, last);
  return out;
}

Settings::Settings() {
  values_.reserve(flag_table().size());
  for (const Flag& flag : flag_table()) values_.push_back({std::string(flag.initial), Source::kDefault});
}

std::optional<std::string> Settings::set(const Flag& flag, std::string text, Source source) {
  if (auto error = check(flag, text)) return error;
  values_[flag_index(flag)] = {std::move(text), source};
  return {};
}

bool Settings::changed(const Flag& flag) const {
  const Value& value = values_[flag_index(flag)];
  return value.source != Source::kDefault && canonical(flag.kind, value.text) != canonical(flag.kind, flag.initial);
}

bool Settings::truth(std::string_view name) const { return *parse_bool(text(name)); }

uint64_t Settings::number(std::string_view name) const { return *parse_uint(text(name), 64); }

int64_t Settings::integer(std::string_view name) const { return *parse_int(text(name), 64); }

Duration Settings::duration(std::string_view name) const { return *parse_duration(text(name)); }

std::vector<Url> Settings::urls(std::string_view name) const {
  if (text(name).empty()) return {};
  return *parse_urls(text(name));
}

std::vector<std::string> Settings::words(std::string_view name) const {
  std::vector<std::string> out;
  if (text(name).empty()) return out;
  for (const std::string_view word : split(text(name), ',')) out.emplace_back(word);
  std::ranges::sort(out);
  const auto [first, last] = std::ranges::unique(out);
  out.erase(first, last);
  return out;
}

size_t Settings::index(std::string_view name) {
  const Flag* flag = find_flag(name);
  CHECK(flag != nullptr);
  return flag_index(*flag);
}

}  // namespace quorate::node
