#include "api/proto.h"

#include "pb/wire.h"

namespace quorate::api {
namespace {

void append_varint(uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

}  // namespace

std::optional<std::string> canonical(std::string_view bytes) {
  std::string out;
  pb::wire::Reader in(bytes);
  for (uint32_t tag = 0; in.next(tag);) {
    if (pb::wire::field_of(tag) == 0) return std::nullopt;
    if (pb::wire::type_of(tag) == pb::wire::Type::kVarint) {
      uint64_t value = 0;
      in.number(value);
      append_varint(tag, out);
      append_varint(value, out);
    } else if (pb::wire::type_of(tag) == pb::wire::Type::kBytes) {
      std::string_view value;
      in.bytes(value);
      append_varint(tag, out);
      append_varint(value.size(), out);
      out += value;
    } else {
      in.skip(tag);
    }
  }
  if (!in.ok()) return std::nullopt;
  return out;
}

}  // namespace quorate::api
