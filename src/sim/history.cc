#include "sim/history.h"

#include <array>
#include <cstring>

#include "pb/wire.h"

namespace quorate::sim {

namespace {

constexpr uint32_t kIdTag = pb::wire::tag_of(1000, pb::wire::Type::kFixed64);
constexpr size_t kIdBytes = 2 + sizeof(uint64_t);  // the tag is a varint of two bytes

struct Field {
  const char* begin = nullptr;  // null: not there
  uint64_t id = 0;
};

Field find_id(std::string_view message) {
  const char* at = message.data();
  const char* const end = at + message.size();
  while (at != end) {
    const char* const begin = at;
    uint32_t tag = 0;
    at = pb::wire::read_tag(at, end, tag);
    if (at == nullptr) return {};
    if (tag == kIdTag && static_cast<size_t>(end - at) >= sizeof(uint64_t)) {
      Field field{.begin = begin, .id = 0};
      for (size_t i = 0; i < sizeof(uint64_t); ++i) field.id |= uint64_t{static_cast<uint8_t>(at[i])} << (8 * i);
      return field;
    }
    at = pb::wire::skip_field(at, end, tag, pb::wire::kMaxGroupDepth);
    if (at == nullptr) return {};
  }
  return {};
}

}  // namespace

std::string_view kind_name(Kind kind) {
  static constexpr std::array<std::string_view, 10> kNames = {
      "put",         "delete_range",       "txn",         "range", "compact", "lease_grant", "lease_revoke",
      "lease_renew", "lease_time_to_live", "lease_leases"};
  return kNames.at(static_cast<size_t>(kind));
}

bool leaves_open(const Status& status) {
  switch (status.code()) {
    case Code::kCanceled:
    case Code::kDeadlineExceeded:
    case Code::kAborted:
    case Code::kInternal:
    case Code::kUnavailable:
    case Code::kDataLoss: return true;
    case Code::kUnknown: return status != errors::RequestTooManyRequests() && status != errors::NotPrimaryLessor();
    case Code::kResourceExhausted: return status != errors::NoSpace();
    default: return false;
  }
}

std::string with_operation_id(std::string request, uint64_t id) {
  request.reserve(request.size() + kIdBytes);
  request += static_cast<char>((kIdTag & 0x7f) | 0x80);
  request += static_cast<char>(kIdTag >> 7);
  for (size_t i = 0; i < sizeof id; ++i) request += static_cast<char>(id >> (8 * i));
  return request;
}

uint64_t operation_id_of(std::string_view message) { return find_id(message).id; }

std::string without_operation_id(std::string_view message) {
  std::string out(message);
  if (const Field field = find_id(message); field.begin) {
    out.erase(static_cast<size_t>(field.begin - message.data()), kIdBytes);
  }
  return out;
}

}  // namespace quorate::sim
