// bench/hpack.h: the request headers of one connection, encoded once; its response headers, read.
//
// Requests are few kinds and all alike, so the encoder puts every field into the dynamic table at
// its first use (RFC 7541, 6.2.1) and each later block is a handful of index bytes.
// Responses are inflated by nghttp2 unless their block consists of index bytes alone and was seen
// since the table last changed: then its meaning is known.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct nghttp2_hd_inflater;

namespace quorate::bench {

class HeaderEncoder {
 public:
  explicit HeaderEncoder(std::string authority) : authority_(std::move(authority)) {}

  // The header block of a gRPC call to `path`. Blocks must be sent in the order of the calls.
  // The view is valid until the next call.
  std::string_view block_for(std::string_view path);

 private:
  struct Path {
    std::string name;
    size_t entry = 0;     // its place in the order of insertion
    size_t built_at = 0;  // insertions when `block` was built
    std::string block;
  };

  size_t insert(unsigned static_name_index, std::string_view name, std::string_view value, std::string& out);
  void append_index(size_t entry, std::string& out) const;

  std::string authority_;
  std::vector<Path> paths_;
  std::array<size_t, 4> common_{};
  std::string first_;
  size_t inserted_ = 0;
};

class HeaderDecoder {
 public:
  // What one block of a response says. `status` is the HTTP status, -1 when absent (trailers).
  struct Meaning {
    int http_status = -1;
    int grpc_status = -1;
    std::string grpc_message;
  };

  HeaderDecoder();
  ~HeaderDecoder();
  HeaderDecoder(const HeaderDecoder&) = delete;
  HeaderDecoder& operator=(const HeaderDecoder&) = delete;

  // Null when the block is not HPACK; valid until the next call.
  const Meaning* decode(std::span<const uint8_t> block);

 private:
  struct Known {
    std::string block;
    Meaning meaning;
  };

  bool inflate(std::span<const uint8_t> block, Meaning& meaning);

  nghttp2_hd_inflater* inflater_ = nullptr;
  std::vector<Known> known_;
  Meaning latest_;
};

}  // namespace quorate::bench
