#include "node/arguments.h"

#include <optional>

#include "node/go_values.h"

namespace quorate::node {
namespace {

struct Argument {
  std::string_view name;
  std::optional<std::string_view> value;
};

std::optional<Argument> cut(std::string_view text) {
  text.remove_prefix(text.starts_with("--") ? 2 : 1);
  if (text.empty() || text[0] == '-' || text[0] == '=') return {};
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) return Argument{text, {}};
  return Argument{text.substr(0, equals), text.substr(equals + 1)};
}

std::string bad_value(const Flag& flag, std::string_view value, const std::string& why) {
  const bool truth = flag.kind == FlagKind::kBool;
  return (truth ? "invalid boolean value " : "invalid value ") + go_quoted(value) + (truth ? " for -" : " for flag -") +
         std::string(flag.name) + ": " + why;
}

}  // namespace

Arguments read_arguments(std::span<const std::string> arguments, Settings& settings, std::vector<Note>& notes) {
  Arguments out;
  size_t at = 0;
  for (; at < arguments.size(); ++at) {
    const std::string_view text = arguments[at];
    if (text.size() < 2 || text[0] != '-') break;
    if (text == "--") {
      ++at;
      break;
    }
    const auto argument = cut(text);
    if (!argument) {
      out.error = "bad flag syntax: " + std::string(text);
      return out;
    }
    if (is_ignored_flag(argument->name)) {
      notes.push_back({env::Level::kWarn, "flag is no longer supported - ignoring", {{"flag-name", argument->name}}});
      continue;
    }
    const Flag* flag = find_flag(argument->name);
    if (flag == nullptr) {
      out.help = argument->name == "help" || argument->name == "h";
      if (!out.help) out.error = "flag provided but not defined: -" + std::string(argument->name);
      return out;
    }
    std::string_view value;
    if (argument->value) {
      value = *argument->value;
    } else if (flag->kind == FlagKind::kBool) {
      value = "true";
    } else if (at + 1 < arguments.size()) {
      value = arguments[++at];
    } else {
      out.error = "flag needs an argument: -" + std::string(argument->name);
      return out;
    }
    if (const auto why = settings.set(*flag, std::string(value), Settings::Source::kArgument)) {
      out.error = bad_value(*flag, value, *why);
      return out;
    }
  }
  out.words.assign(arguments.begin() + static_cast<std::ptrdiff_t>(at), arguments.end());
  return out;
}

}  // namespace quorate::node
