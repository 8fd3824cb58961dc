#include "bench/messages.h"

#include <cstdio>
#include <cstring>

namespace quorate::bench {

namespace {

constexpr size_t kKeyDigits = 8;
constexpr uint8_t kVarint = 0;
constexpr uint8_t kLength = 2;

void append_varint(uint64_t v, std::string& out) {
  for (; v >= 0x80; v >>= 7) out.push_back(static_cast<char>(v | 0x80));
  out.push_back(static_cast<char>(v));
}

void append_number(unsigned field, uint64_t v, std::string& out) {
  append_varint(field << 3 | kVarint, out);
  append_varint(v, out);
}

// Returns where the bytes begin.
size_t append_bytes(unsigned field, std::string_view bytes, std::string& out) {
  append_varint(field << 3 | kLength, out);
  append_varint(bytes.size(), out);
  const size_t at = out.size();
  out.append(bytes);
  return at;
}

// Five bytes for gRPC's prefix: not compressed, and the length that seal() fills in.
std::string unsealed() { return std::string(5, '\0'); }

void seal(std::string& framed) {
  const auto size = static_cast<uint32_t>(framed.size() - 5);
  for (unsigned i = 0; i < 4; ++i) framed[1 + i] = static_cast<char>(size >> (24 - 8 * i));
}

void write_digits(uint32_t n, char* key) {
  for (size_t i = 0; i < kKeyDigits; ++i, n /= 10) key[kKeySize - 1 - i] = static_cast<char>('0' + n % 10);
}

}  // namespace

std::string key_of(uint32_t n) {
  std::string key = "quorate-bench/";
  key.resize(kKeySize, '0');
  write_digits(n, key.data());
  return key;
}

// PutRequest: key 1, value 2.
Request Request::put(size_t value_size) {
  Request r;
  r.framed_ = unsealed();
  r.key_at_ = append_bytes(1, key_of(0), r.framed_);
  std::string value(value_size, 'v');
  r.value_at_ = append_bytes(2, value, r.framed_);
  seal(r.framed_);
  return r;
}

// RangeRequest: key 1, range_end 2, serializable 7.
Request Request::get(bool serializable) {
  Request r;
  r.framed_ = unsealed();
  r.key_at_ = append_bytes(1, key_of(0), r.framed_);
  if (serializable) append_number(7, 1, r.framed_);
  seal(r.framed_);
  return r;
}

Request Request::range() {
  Request r;
  r.framed_ = unsealed();
  r.key_at_ = append_bytes(1, key_of(0), r.framed_);
  r.end_at_ = append_bytes(2, key_of(0), r.framed_);
  seal(r.framed_);
  return r;
}

// LeaseGrantRequest: TTL 1.
Request Request::lease_grant(int64_t ttl_s) {
  Request r;
  r.framed_ = unsealed();
  append_number(1, static_cast<uint64_t>(ttl_s), r.framed_);
  seal(r.framed_);
  return r;
}

// LeaseKeepAliveRequest: ID 1.
Request Request::lease_keep_alive(int64_t id) {
  Request r;
  r.framed_ = unsealed();
  append_number(1, static_cast<uint64_t>(id), r.framed_);
  seal(r.framed_);
  return r;
}

// WatchRequest: create_request 1 { key 1 }.
Request Request::watch_create(uint32_t key) {
  std::string create;
  append_bytes(1, key_of(key), create);
  Request r;
  r.framed_ = unsealed();
  append_bytes(1, create, r.framed_);
  seal(r.framed_);
  return r;
}

void Request::set_key(uint32_t n) { write_digits(n, framed_.data() + key_at_); }

void Request::set_range_end(uint32_t n) { write_digits(n, framed_.data() + end_at_); }

void Request::set_stamp(uint64_t stamp) { std::memcpy(framed_.data() + value_at_, &stamp, sizeof stamp); }

bool next_field(std::span<const uint8_t>& message, Field& field) {
  const auto varint = [&message](uint64_t& v) {
    v = 0;
    for (unsigned shift = 0; shift < 64 && !message.empty(); shift += 7) {
      const uint8_t byte = message.front();
      message = message.subspan(1);
      v |= uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return true;
    }
    return false;
  };
  uint64_t tag = 0;
  if (message.empty() || !varint(tag) || !varint(field.number)) return false;
  field.tag = static_cast<uint32_t>(tag >> 3);
  field.bytes = {};
  if ((tag & 7) == kVarint) return true;
  if ((tag & 7) != kLength || field.number > message.size()) return false;
  field.bytes = message.first(static_cast<size_t>(field.number));
  message = message.subspan(static_cast<size_t>(field.number));
  return true;
}

}  // namespace quorate::bench
