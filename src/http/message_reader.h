// http/message_reader.h: gRPC messages out of a stream of bytes: a prefix of five, then the message.
//
// Loop: the connection's. Source: gRPC over HTTP/2, "Length-Prefixed-Message"; the error texts are grpc-go's.
// Invariants:
//   (1) Memory held is bounded by what has arrived, not by what a prefix claims; that of a compressed message, while it
//       is taken apart, by the limit as well.
//   (2) After an error nothing more is read.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"

namespace quorate::http {

class MessageReader {
 public:
  enum class Next : uint8_t { kMessage, kNeedMore, kError };

  struct Options {
    size_t max_message_bytes = 0;
    // What a compressed message is answered with: kUnimplemented by a server, kInternal by a client.
    Code compressed = Code::kUnimplemented;
  };

  void reset(const Options& options);
  // grpc-encoding as the other side announced it.
  void set_encoding(std::string_view encoding) { encoding_ = encoding; }
  // Messages compressed by gzip are taken, and given out as they were before.
  void take_gzip() { takes_gzip_ = true; }

  // Takes bytes from the front of `bytes` until there is a message or nothing is left.
  Next next(std::string_view& bytes, Bytes& message, Status& error);
  // Bytes of an unfinished message; 0 between messages.
  size_t held_bytes() const { return prefix_size_ + partial_.size(); }
  // Whether a message has begun: its prefix is there and it is not. A part of a prefix is nothing, as in grpc-go.
  bool in_message() const { return prefix_size_ == kPrefixBytes; }

 private:
  Status check_prefix() const;
  // A whole one is there.
  Next give(Bytes whole, Bytes& message, Status& error);
  size_t message_bytes() const;

  static constexpr size_t kPrefixBytes = 5;
  Options options_;
  std::array<uint8_t, kPrefixBytes> prefix_{};
  size_t prefix_size_ = 0;
  std::string partial_;
  std::string encoding_;
  bool takes_gzip_ = false;
};

}  // namespace quorate::http
