// bench/messages.h: etcd's requests, framed for gRPC, built once and patched in place.
// Source: etcd's rpc.proto and kv.proto; field numbers are named at each builder.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace quorate::bench {

inline constexpr size_t kKeySize = 64;

// The key of number `n`, kKeySize bytes; keys sort by their number.
std::string key_of(uint32_t n);

// A framed request with up to two keys in it that can be exchanged without building it anew.
class Request {
 public:
  static Request put(size_t value_size);
  static Request get(bool serializable);
  static Request range();
  static Request lease_grant(int64_t ttl_s);
  static Request lease_keep_alive(int64_t id);
  static Request watch_create(uint32_t key);

  void set_key(uint32_t n);
  void set_range_end(uint32_t n);
  // The first 8 bytes of the value of a put.
  void set_stamp(uint64_t stamp);

  std::string_view bytes() const { return framed_; }

 private:
  std::string framed_;
  size_t key_at_ = 0;
  size_t end_at_ = 0;
  size_t value_at_ = 0;
};

// One field of a message; `bytes` is set for length-delimited fields, `number` for varints.
struct Field {
  uint32_t tag = 0;
  uint64_t number = 0;
  std::span<const uint8_t> bytes;
};

// Takes the next field off `message`; false at its end or where it is damaged.
bool next_field(std::span<const uint8_t>& message, Field& field);

// Cuts a stream of DATA bytes into gRPC messages.
class MessageReader {
 public:
  template <typename F>
  void feed(std::span<const uint8_t> bytes, F&& take) {
    if (!partial_.empty()) {
      partial_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      bytes = {reinterpret_cast<const uint8_t*>(partial_.data()), partial_.size()};
    }
    while (bytes.size() >= 5) {
      const size_t size = size_t{bytes[1]} << 24 | size_t{bytes[2]} << 16 | size_t{bytes[3]} << 8 | bytes[4];
      if (bytes.size() < 5 + size) break;
      take(bytes.subspan(5, size));
      bytes = bytes.subspan(5 + size);
    }
    partial_ = std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }

 private:
  std::string partial_;
};

}  // namespace quorate::bench
