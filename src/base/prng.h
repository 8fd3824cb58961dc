// base/prng.h: deterministic random numbers with distributions of our own.
//
// The standard distributions differ between libraries, so a seed would not mean the same everywhere.
// Algorithm: xoshiro256** (Blackman and Vigna), seeded through splitmix64. Threads: one per object.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace quorate {

class Prng {
 public:
  explicit Prng(uint64_t seed);

  // Uniform over all 64-bit values.
  uint64_t next();
  // Uniform in [0, bound). Requires bound > 0.
  uint64_t below(uint64_t bound);
  // Uniform in [low, high], both included.
  uint64_t between(uint64_t low, uint64_t high) { return low + below(high - low + 1); }
  // True `numerator` times out of `denominator`.
  bool chance(uint64_t numerator, uint64_t denominator) { return below(denominator) < numerator; }
  // `size` random bytes.
  std::string bytes(size_t size);
  // An independent generator, for a part of the program that must not disturb the others.
  Prng fork() { return Prng(next()); }

 private:
  std::array<uint64_t, 4> state_;
};

}  // namespace quorate
