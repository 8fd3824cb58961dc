// http/testing/frames.h: HTTP/2 frames by hand, for what no client library would send.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/session.h"

namespace quorate::http::testing {

enum class FrameType : uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kReset = 3,
  kSettings = 4,
  kPing = 6,
  kGoaway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
};
inline constexpr uint8_t kEndStream = 1;  // and ACK
inline constexpr uint8_t kEndHeaders = 4;
inline constexpr uint8_t kPadded = 8;

// The low `bytes` bytes of `number`, big-endian.
std::string big_endian(uint64_t number, int bytes);
std::string frame(FrameType type, uint8_t flags, uint32_t stream, std::string_view payload = "");
// Header fields without compression.
std::string block(const std::vector<std::pair<std::string, std::string>>& fields);
// The fields of a gRPC request, and `more`.
std::string grpc_block(std::string_view path, const std::vector<std::pair<std::string, std::string>>& more = {});
// The preface, empty settings, and the acknowledgement of the server's.
std::string greeting();
// A gRPC message with its prefix.
std::string message(std::string_view text);

struct ParsedFrame {
  FrameType type;
  uint8_t flags;
  uint32_t stream;
  std::string payload;
};
std::vector<ParsedFrame> parse_frames(std::string_view bytes);
// The first frame of a type, or null.
const ParsedFrame* find_frame(const std::vector<ParsedFrame>& frames, FrameType type);
// The error of a RST_STREAM or GOAWAY.
uint32_t error_of(const ParsedFrame& frame);

}  // namespace quorate::http::testing
