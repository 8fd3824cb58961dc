#include "base/mutant.h"

#include <array>

namespace quorate {
namespace {

struct Row {
  std::string_view name;
  std::string_view text;
};

constexpr std::array kRows = {
    Row{"none", "nothing"},
#define QUORATE_MUTANT(symbol, name, text) Row{name, text},
#include "base/mutants.def"
#undef QUORATE_MUTANT
};

const Row& row_of(Mutant mutant) { return kRows.at(static_cast<size_t>(mutant)); }

#ifdef QUORATE_MUTANTS
Mutant active = Mutant::kNone;
#endif

}  // namespace

Mutant mutant_by_name(std::string_view name) {
  for (size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].name == name) return static_cast<Mutant>(i);
  }
  return Mutant::kNone;
}

std::string_view mutant_name(Mutant mutant) { return row_of(mutant).name; }
std::string_view mutant_text(Mutant mutant) { return row_of(mutant).text; }

#ifdef QUORATE_MUTANTS
void switch_on(Mutant mutant) { active = mutant; }
bool mutated(Mutant mutant) { return active == mutant; }
#endif

}  // namespace quorate
