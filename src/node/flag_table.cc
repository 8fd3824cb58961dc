#include "node/flag_table.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace quorate::node {
namespace {

// Rows know their section by the last section line above them.
struct Row {
  Flag flag;
  bool heading = false;
};

constexpr Row heading(std::string_view title) {
  Row row{};
  row.flag.section = title;
  row.heading = true;
  return row;
}

constexpr auto kRows = std::to_array<Row>({
#define QUORATE_FLAG(flag, variable, yaml, kind, initial, unit, in, note, help) \
  {{flag, variable, yaml, FlagKind::kind, initial, unit, FlagClass::in, note, help, {}}, false},
#define QUORATE_FLAG_SECTION(title) heading(title),
#define QUORATE_FLAG_IGNORED(name)
#include "node/flags.def"
#undef QUORATE_FLAG
#undef QUORATE_FLAG_SECTION
#undef QUORATE_FLAG_IGNORED
});

constexpr std::string_view kIgnored[] = {
#define QUORATE_FLAG(flag, variable, yaml, kind, initial, unit, in, note, help)
#define QUORATE_FLAG_SECTION(title)
#define QUORATE_FLAG_IGNORED(name) name,
#include "node/flags.def"
#undef QUORATE_FLAG
#undef QUORATE_FLAG_SECTION
#undef QUORATE_FLAG_IGNORED
};

constexpr size_t kFlagCount = static_cast<size_t>(std::ranges::count(kRows, false, &Row::heading));

constexpr std::array<Flag, kFlagCount> kFlags = [] {
  std::array<Flag, kFlagCount> out{};
  size_t at = 0;
  std::string_view section;
  for (const Row& row : kRows) {
    if (row.heading) {
      section = row.flag.section;
      continue;
    }
    out[at] = row.flag;
    out[at++].section = section;
  }
  return out;
}();

}  // namespace

std::span<const Flag> flag_table() { return kFlags; }

const Flag* find_flag(std::string_view name) {
  const auto* found = std::ranges::find(kFlags, name, &Flag::name);
  return found == kFlags.end() ? nullptr : found;
}

size_t flag_index(const Flag& flag) {
  CHECK(&flag >= kFlags.data() && &flag < kFlags.data() + kFlags.size());
  return static_cast<size_t>(&flag - kFlags.data());
}

bool is_ignored_flag(std::string_view name) { return std::ranges::find(kIgnored, name) != std::end(kIgnored); }

std::string_view class_name(FlagClass in) {
  switch (in) {
    case FlagClass::kWorks: return "works";
    case FlagClass::kNoEffect: return "no effect";
    case FlagClass::kRefused: return "refused";
  }
  return {};
}

}  // namespace quorate::node
