#include "node/environment.h"

#include <algorithm>

#include "node/go_values.h"

namespace quorate::node {
namespace {

constexpr std::string_view kShadowed =
    "conflicting environment variable is shadowed by corresponding command-line flag (either unset environment "
    "variable or disable flag))";

const Flag* flag_of(std::string_view variable) {
  const auto flags = flag_table();
  const auto found = std::ranges::find(flags, variable, &Flag::variable);
  return found == flags.end() ? nullptr : &*found;
}

}  // namespace

Status read_environment(const Environment& environment, Settings& settings, std::vector<Note>& notes) {
  Status status;
  std::vector<Note> strange;
  for (const auto& [variable, value] : environment) {
    const Flag* flag = flag_of(variable);
    if (variable == "ETCD_VERSION") {
      if (!value.empty()) {
        notes.push_back(
            {env::Level::kWarn, "cannot set special environment variable", {{"key", variable}, {"value", value}}});
      }
      continue;
    }
    if (flag != nullptr && settings.source(flag->name) == Settings::Source::kArgument) {
      strange.push_back({env::Level::kFatal, std::string(kShadowed), {{"environment-variable", variable}}});
      continue;
    }
    if (flag != nullptr && !value.empty()) {
      if (const auto why = settings.set(*flag, value, Settings::Source::kVariable)) {
        status = Status(Code::kInvalidArgument, "invalid value " + go_quoted(value) + " for " + variable + ": " + *why);
      } else {
        notes.push_back({env::Level::kInfo,
                         "recognized and used environment variable",
                         {{"variable-name", variable}, {"variable-value", value}}});
      }
      continue;
    }
    if (variable.starts_with("ETCD_")) {
      strange.push_back(
          {env::Level::kWarn, "unrecognized environment variable", {{"environment-variable", variable + "=" + value}}});
    }
  }
  for (Note& note : strange) notes.push_back(std::move(note));
  return status;
}

}  // namespace quorate::node
