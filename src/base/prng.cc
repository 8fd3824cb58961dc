#include "base/prng.h"

#include "base/check.h"

namespace quorate {
namespace {

uint64_t rotate_left(uint64_t value, int bits) { return value << bits | value >> (64 - bits); }

}  // namespace

Prng::Prng(uint64_t seed) {
  for (uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15u;
    uint64_t mixed = seed;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    word = mixed ^ mixed >> 31;
  }
}

uint64_t Prng::next() {
  const uint64_t result = rotate_left(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = rotate_left(state_[3], 45);
  return result;
}

uint64_t Prng::below(uint64_t bound) {
  CHECK(bound > 0);
  const uint64_t reject_below = (0 - bound) % bound;  // makes the rest a whole number of bounds
  for (;;) {
    const uint64_t value = next();
    if (value >= reject_below) return value % bound;
  }
}

std::string Prng::bytes(size_t size) {
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>(next());
  return out;
}

}  // namespace quorate
