// pb/oracle.h: tests only: random messages of generated protobuf, and the check that a hand codec agrees with it.
//
// A codec agrees when, for random messages, the hand decoder of protobuf's bytes sees the same fields and the hand
// encoder writes the same bytes; and when, for bytes damaged at random, both decoders come to the same verdict and,
// where they accept, to the same fields. `same(hand, generated)` says so field by field, beside each test.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/prng.h"
#include "kv.pb.h"
#include "pb/codec.h"
#include "rpc.pb.h"

namespace quorate::pb {

bool same(const ResponseHeader& hand, const etcdserverpb::ResponseHeader& generated);
bool same(const KeyValue& hand, const mvccpb::KeyValue& generated);
bool same(std::string_view hand, const std::string& generated);

namespace oracle {

// Sets random fields of `message`, nested ones to a bounded depth.
void fill(Prng& prng, google::protobuf::Message& message);

// `bytes` after one to three random damages; `other` is a second valid encoding to splice with.
std::string damage(Prng& prng, std::string bytes, std::string_view other);

// Whether `bytes` hold a field of that number on their outermost level.
bool has_field(std::string_view bytes, int number);

std::string hex_of(std::string_view bytes);

template <class Hand, class Generated>
bool same_optional(const std::optional<Hand>& hand, bool has, const Generated& generated) {
  return hand.has_value() == has && (!has || same(*hand, generated));
}

template <class Hand, class List>
bool same_list(const std::vector<Hand>& hand, const List& generated) {
  if (hand.size() != static_cast<size_t>(generated.size())) return false;
  for (size_t i = 0; i < hand.size(); ++i) {
    if (!same(hand[i], generated.Get(static_cast<int>(i)))) return false;
  }
  return true;
}

template <class Hand>
bool same_header(const Hand& hand, const auto& generated) {
  return same_optional(hand.header, generated.has_header(), generated.header());
}

template <class Enum>
bool same_enum(Enum hand, int generated) {
  return static_cast<int>(hand) == generated;
}

// Whether varints may be in `bytes` of which Go and C++ think differently: such as do not fit, and tags and lengths of
// more than five bytes. A negative number in its ten bytes is none.
inline bool has_odd_varint(std::string_view bytes) {
  size_t run = 0;
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte >= 0x80) {
      ++run;
      continue;
    }
    if (run >= 4 && !(run == 9 && byte == 1)) return true;
    run = 0;
  }
  return run >= 4;
}

template <class Hand, class Generated>
void expect_agreement(uint64_t seed, int rounds = 1500) {
  google::protobuf::LogSilencer silence;
  Prng prng(seed);
  std::string other;
  for (int round = 0; round < rounds; ++round) {
    Generated message;
    fill(prng, message);
    const std::string bytes = message.SerializeAsString();
    Hand hand;
    ASSERT_TRUE(decode(bytes, hand)) << hex_of(bytes);
    ASSERT_TRUE(same(hand, message)) << message.DebugString();
    ASSERT_EQ(hex_of(encode(hand)), hex_of(bytes)) << message.DebugString();
    for (int trial = 0; trial < 20; ++trial) {
      const std::string damaged = damage(prng, bytes, other);
      if (has_odd_varint(damaged)) continue;
      Generated parsed;
      const bool accepted = parsed.ParseFromString(damaged);
      Hand seen;
      ASSERT_EQ(decode(damaged, seen), accepted) << hex_of(damaged);
      if (!accepted) continue;
      ASSERT_TRUE(same(seen, parsed)) << hex_of(damaged) << "\n" << parsed.DebugString();
    }
    other = bytes;
  }
}

}  // namespace oracle
}  // namespace quorate::pb
