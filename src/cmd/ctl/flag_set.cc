#include "cmd/ctl/flag_set.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "cmd/ctl/go_text.h"

namespace quorate::cmd::ctl {
namespace {

constexpr std::array<std::string_view, 5> kKindNames = {"", "int", "string", "duration", "strings"};

std::unexpected<Status> bad(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

std::string shown_default(const FlagSet::Flag& flag) {
  const std::string& text = flag.default_value;
  if (text.empty() || text == "false" || text == "0" || text == "0s") {
    return flag.kind == FlagKind::kText && text == "0" ? " (default \"0\")" : "";
  }
  if (flag.kind == FlagKind::kText) return " (default " + quote(text) + ")";
  if (flag.kind == FlagKind::kList) return " (default [" + text + "])";
  return " (default " + text + ")";
}

}  // namespace

FlagSet& FlagSet::add(FlagKind kind, std::string_view name, std::string_view default_value,
                      std::string_view description, char letter) {
  Flag& flag = flags_[std::string(name)];
  flag.name = name;
  flag.letter = letter;
  flag.kind = kind;
  flag.scope = scope_;
  flag.default_value = default_value;
  flag.description = description;
  CHECK(set(flag, default_value.empty() && kind == FlagKind::kNumber ? "0" : default_value).ok());
  return *this;
}

Status FlagSet::set(Flag& flag, std::string_view value) {
  switch (flag.kind) {
    case FlagKind::kSwitch: {
      const auto on = parse_bool(value);
      if (!on) return on.error();
      flag.value = *on ? "true" : "false";
      return {};
    }
    case FlagKind::kNumber: {
      const auto number = parse_int(value, 0);
      if (!number) return number.error();
      flag.value = std::to_string(*number);
      return {};
    }
    case FlagKind::kDuration: {
      const auto duration = parse_duration(value);
      if (!duration) return duration.error();
      flag.value = std::to_string(duration->count());
      return {};
    }
    case FlagKind::kList:
      // The first value takes the place of the default.
      if (!flag.given) flag.list.clear();
      while (!value.empty()) {
        const size_t comma = std::min(value.find(','), value.size());
        flag.list.emplace_back(value.substr(0, comma));
        value.remove_prefix(std::min(comma + 1, value.size()));
      }
      return {};
    case FlagKind::kText: flag.value = value; return {};
  }
  return {};
}

Status FlagSet::set_as_argument(Flag& flag, std::string_view value) {
  Status status = set(flag, value);
  flag.given = true;
  if (status.ok()) return status;
  const std::string name = flag.letter != 0 ? "-" + std::string(1, flag.letter) + ", --" + flag.name : "--" + flag.name;
  return Status(status.code(), "invalid argument " + quote(value) + " for " + quote(name) + " flag: " + status.text());
}

Status FlagSet::parse(std::span<const std::string> arguments) {
  while (!arguments.empty()) {
    const std::string_view argument = arguments.front();
    arguments = arguments.subspan(1);
    if (argument == "--") {
      before_dashes_ = positional_.size();
      positional_.insert(positional_.end(), arguments.begin(), arguments.end());
      break;
    }
    if (argument.size() < 2 || argument[0] != '-') {
      positional_.emplace_back(argument);
      continue;
    }
    Status status = argument[1] == '-' ? parse_long(argument, arguments) : parse_letters(argument, arguments);
    if (!status.ok()) return status;
  }
  return {};
}

Status FlagSet::parse_long(std::string_view argument, std::span<const std::string>& rest) {
  const std::string_view body = argument.substr(2);
  if (body[0] == '-' || body[0] == '=') return bad("bad flag syntax: " + std::string(argument)).error();
  const size_t equals = std::min(body.find('='), body.size());
  const auto found = flags_.find(body.substr(0, equals));
  if (found == flags_.end()) return bad("unknown flag: --" + std::string(body.substr(0, equals))).error();
  Flag& flag = found->second;
  if (equals < body.size()) return set_as_argument(flag, body.substr(equals + 1));
  if (flag.kind == FlagKind::kSwitch) return set_as_argument(flag, "true");
  if (rest.empty()) return bad("flag needs an argument: " + std::string(argument)).error();
  const std::string_view value = rest.front();
  rest = rest.subspan(1);
  return set_as_argument(flag, value);
}

Status FlagSet::parse_letters(std::string_view argument, std::span<const std::string>& rest) {
  for (std::string_view letters = argument.substr(1); !letters.empty();) {
    const char letter = letters[0];
    Flag* flag = by_letter(letter);
    if (flag == nullptr) {
      return bad("unknown shorthand flag: '" + std::string(1, letter) + "' in -" + std::string(letters)).error();
    }
    if (letters.size() > 2 && letters[1] == '=') return set_as_argument(*flag, letters.substr(2));
    if (flag->kind == FlagKind::kSwitch) {
      if (Status status = set_as_argument(*flag, "true"); !status.ok()) return status;
      letters.remove_prefix(1);
      continue;
    }
    if (letters.size() > 1) return set_as_argument(*flag, letters.substr(1));
    if (rest.empty()) {
      return bad("flag needs an argument: '" + std::string(1, letter) + "' in -" + std::string(letters)).error();
    }
    const std::string_view value = rest.front();
    rest = rest.subspan(1);
    return set_as_argument(*flag, value);
  }
  return {};
}

FlagSet::Flag* FlagSet::by_letter(char letter) {
  for (auto& [name, flag] : flags_) {
    if (flag.letter == letter) return &flag;
  }
  return nullptr;
}

const FlagSet::Flag* FlagSet::find(std::string_view name) const {
  const auto found = flags_.find(name);
  return found == flags_.end() ? nullptr : &found->second;
}

const FlagSet::Flag& FlagSet::at(std::string_view name) const {
  const Flag* flag = find(name);
  CHECK(flag != nullptr);
  return *flag;
}

int64_t FlagSet::number(std::string_view name) const { return parse_int(at(name).value, 10).value_or(0); }
Duration FlagSet::duration(std::string_view name) const { return Duration(parse_int(at(name).value, 10).value_or(0)); }

bool FlagSet::takes_next(std::string_view argument) const {
  if (argument.size() < 2 || argument[0] != '-' || argument.find('=') != std::string_view::npos) return false;
  if (argument[1] == '-') {
    const Flag* flag = find(argument.substr(2));
    return flag == nullptr || flag->kind != FlagKind::kSwitch;
  }
  if (argument.size() != 2) return false;
  for (const auto& [name, flag] : flags_) {
    if (flag.letter == argument[1]) return flag.kind != FlagKind::kSwitch;
  }
  return true;
}

std::string FlagSet::help(FlagScope scope) const {
  std::vector<std::pair<std::string, std::string>> lines;
  size_t width = 0;
  for (const auto& [name, flag] : flags_) {
    if (flag.scope != scope) continue;
    std::string left = flag.letter != 0 ? "  -" + std::string(1, flag.letter) + ", --" : "      --";
    left += name;
    if (flag.kind != FlagKind::kSwitch) left += " " + std::string(kKindNames[static_cast<size_t>(flag.kind)]);
    width = std::max(width, left.size());
    lines.emplace_back(std::move(left), flag.description + shown_default(flag));
  }
  std::string out;
  for (const auto& [left, right] : lines) out += left + std::string(width - left.size() + 3, ' ') + right + "\n";
  return out;
}

}  // namespace quorate::cmd::ctl
