// base/mutant.h: named faults of our own making (mutants.def), for tests of the tests.
//
// A build with QUORATE_MUTANTS can switch one of them on; in every other build the question is answered
// by the compiler and costs nothing. Threads: switched before any loop runs, read by all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace quorate {

enum class Mutant : uint8_t {
  kNone,
#define QUORATE_MUTANT(symbol, name, text) k##symbol,
#include "base/mutants.def"
#undef QUORATE_MUTANT
};

inline constexpr size_t kMutants = 0  // without kNone
#define QUORATE_MUTANT(symbol, name, text) +1
#include "base/mutants.def"
#undef QUORATE_MUTANT
    ;

// Whether it is for the checkers of the simulator to find. What only makes a process die is for the flight recorder.
constexpr bool is_canary(Mutant mutant) { return mutant != Mutant::kCheckOnPoison; }

// The mutant called `name`; kNone where there is none.
Mutant mutant_by_name(std::string_view name);
std::string_view mutant_name(Mutant mutant);
// What it does wrong.
std::string_view mutant_text(Mutant mutant);

#ifdef QUORATE_MUTANTS
inline constexpr bool kHasMutants = true;
// Process-wide, as the fault is.
void switch_on(Mutant mutant);
bool mutated(Mutant mutant);
#else
inline constexpr bool kHasMutants = false;
inline void switch_on(Mutant) {}
constexpr bool mutated(Mutant) { return false; }
#endif

}  // namespace quorate
