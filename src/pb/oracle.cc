#include "pb/oracle.h"

#include <google/protobuf/empty.pb.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <array>

#include "pb/wire.h"

namespace quorate::pb {
namespace oracle {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

namespace {

constexpr int kDepth = 7;

uint64_t some_number(Prng& prng) {
  switch (prng.below(5)) {
    case 0: return prng.below(3);
    case 1: return prng.below(300);
    case 2: return uint64_t{1} << prng.below(64);
    case 3: return ~prng.below(3);
    default: return prng.next();
  }
}

std::string some_text(Prng& prng) {
  static constexpr std::array<std::string_view, 6> kPieces = {"a", "z9", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                                              ""};
  std::string text;
  for (uint64_t i = prng.below(6); i > 0; --i) text += kPieces[prng.below(kPieces.size())];
  return text;
}

std::string some_bytes(Prng& prng) { return prng.bytes(prng.chance(1, 20) ? prng.below(400) : prng.below(12)); }

int some_enum(Prng& prng, const FieldDescriptor& field) {
  const bool closed = field.file()->syntax() == google::protobuf::FileDescriptor::SYNTAX_PROTO2;
  if (!closed && prng.chance(1, 5)) return static_cast<int>(some_number(prng));
  const auto& values = *field.enum_type();
  return values.value(static_cast<int>(prng.below(static_cast<uint64_t>(values.value_count()))))->number();
}

void fill_to_depth(Prng& prng, Message& message, int depth);

void set_field(Prng& prng, Message& message, const FieldDescriptor& field, int depth) {
  const auto& reflection = *message.GetReflection();
  const bool repeated = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL: reflection.SetBool(&message, &field, prng.chance(1, 2)); return;
    case FieldDescriptor::CPPTYPE_INT64:
      reflection.SetInt64(&message, &field, static_cast<int64_t>(some_number(prng)));
      return;
    case FieldDescriptor::CPPTYPE_UINT64:
      if (repeated) return reflection.AddUInt64(&message, &field, some_number(prng));
      return reflection.SetUInt64(&message, &field, some_number(prng));
    case FieldDescriptor::CPPTYPE_ENUM:
      if (repeated) return reflection.AddEnumValue(&message, &field, some_enum(prng, field));
      return reflection.SetEnumValue(&message, &field, some_enum(prng, field));
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string value = field.type() == FieldDescriptor::TYPE_STRING ? some_text(prng) : some_bytes(prng);
      if (repeated) return reflection.AddString(&message, &field, std::move(value));
      return reflection.SetString(&message, &field, std::move(value));
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (depth == 0) return;
      if (repeated) return fill_to_depth(prng, *reflection.AddMessage(&message, &field), depth - 1);
      return fill_to_depth(prng, *reflection.MutableMessage(&message, &field), depth - 1);
    default: FAIL() << "a field of a kind that no hot message has: " << field.full_name();
  }
}

// A codec writes these always: etcd does.
bool is_always_set(const FieldDescriptor& field) {
  return field.full_name() == "mvccpb.Event.kv" ||
         field.full_name() == "membershippb.ClusterMemberAttrSetRequest.member_attributes";
}

void fill_to_depth(Prng& prng, Message& message, int depth) {
  const auto& descriptor = *message.GetDescriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    if (is_always_set(field)) {
      set_field(prng, message, field, std::max(depth, 1));
    } else if (field.is_repeated()) {
      for (uint64_t count = prng.below(4); count > 0; --count) set_field(prng, message, field, depth);
    } else if (prng.chance(1, 2)) {
      set_field(prng, message, field, depth);
    }
  }
}

void put_varint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

// One field of any number and wire type, mostly well formed.
void put_field(Prng& prng, std::string& out, int depth) {
  static constexpr std::array<uint32_t, 20> kNumbers = {1,  2,  3,  4,  5,  6,  7,   8,    9,    10,
                                                        11, 12, 13, 15, 16, 64, 100, 1300, 1301, (1u << 29) - 1};
  const uint32_t number = prng.chance(1, 50) ? 0 : kNumbers[prng.below(kNumbers.size())];
  static constexpr std::array<uint32_t, 6> kTypes = {0, 1, 2, 2, 3, 5};
  const auto type = prng.chance(1, 50) ? static_cast<uint32_t>(prng.below(8)) : kTypes[prng.below(kTypes.size())];
  put_varint(out, (number << 3) | type);
  switch (type) {
    case 0: put_varint(out, some_number(prng)); return;
    case 1: out += prng.bytes(8); return;
    case 5: out += prng.bytes(4); return;
    case 2: {
      std::string inside;
      if (depth > 0 && prng.chance(1, 2)) {
        for (uint64_t count = prng.below(4); count > 0; --count) put_field(prng, inside, depth - 1);
      } else {
        inside = some_bytes(prng);
      }
      put_varint(out, inside.size());
      out += inside;
      return;
    }
    case 3:
      for (uint64_t count = depth > 0 ? prng.below(3) : 0; count > 0; --count) put_field(prng, out, depth - 1);
      put_varint(out, ((prng.chance(1, 20) ? number + 1 : number) << 3) | 4);
      return;
    default: return;
  }
}

void damage_once(Prng& prng, std::string& bytes, std::string_view other) {
  const size_t at = prng.below(bytes.size() + 1);
  switch (prng.below(8)) {
    case 0:
      if (at < bytes.size()) bytes[at] = static_cast<char>(prng.next());
      return;
    case 1:
      if (at < bytes.size()) bytes[at] = static_cast<char>(static_cast<uint8_t>(bytes[at]) ^ (1u << prng.below(8)));
      return;
    case 2: bytes.resize(at); return;
    case 3: bytes.insert(at, prng.bytes(prng.below(4))); return;
    case 4: bytes.erase(at, prng.below(4)); return;
    case 5: bytes += other; return;
    case 6: {
      std::string field;
      put_field(prng, field, 3);
      bytes.insert(prng.chance(1, 2) ? 0 : bytes.size(), field);
      return;
    }
    default: bytes.insert(at, bytes.substr(prng.below(bytes.size() + 1), prng.below(16))); return;
  }
}

}  // namespace

void fill(Prng& prng, Message& message) { fill_to_depth(prng, message, kDepth); }

std::string damage(Prng& prng, std::string bytes, std::string_view other) {
  for (uint64_t count = prng.between(1, 3); count > 0; --count) damage_once(prng, bytes, other);
  return bytes;
}

bool has_field(std::string_view bytes, int number) {
  google::protobuf::Empty all_unknown;
  all_unknown.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()));
  const auto& fields = all_unknown.GetReflection()->GetUnknownFields(all_unknown);
  for (int i = 0; i < fields.field_count(); ++i) {
    if (fields.field(i).number() == number) return true;
  }
  return false;
}

std::string hex_of(std::string_view bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (char c : bytes) {
    text.push_back(kDigits[static_cast<uint8_t>(c) >> 4]);
    text.push_back(kDigits[static_cast<uint8_t>(c) & 15]);
  }
  return text;
}

}  // namespace oracle

bool same(const ResponseHeader& hand, const etcdserverpb::ResponseHeader& generated) {
  return hand.cluster_id == generated.cluster_id() && hand.member_id == generated.member_id() &&
         hand.revision == generated.revision() && hand.raft_term == generated.raft_term();
}

bool same(const KeyValue& hand, const mvccpb::KeyValue& generated) {
  return hand.key == generated.key() && hand.create_revision == generated.create_revision() &&
         hand.mod_revision == generated.mod_revision() && hand.version == generated.version() &&
         hand.value == generated.value() && hand.lease == generated.lease();
}

bool same(std::string_view hand, const std::string& generated) { return hand == generated; }

}  // namespace quorate::pb
