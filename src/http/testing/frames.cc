#include "http/testing/frames.h"

#include "base/check.h"

namespace quorate::http::testing {

namespace {

uint32_t read_number(std::string_view bytes) {
  uint32_t number = 0;
  for (const char c : bytes) number = (number << 8) | static_cast<uint8_t>(c);
  return number;
}

// HPACK's integer of a seven-bit prefix.
std::string hpack_length(size_t length) {
  if (length < 127) return std::string(1, static_cast<char>(length));
  std::string out(1, '\x7f');
  for (length -= 127; length >= 128; length /= 128) out += static_cast<char>(length % 128 + 128);
  return out + static_cast<char>(length);
}

}  // namespace

std::string big_endian(uint64_t number, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(number >> (8 * i));
  return out;
}

std::string frame(FrameType type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string out = big_endian(payload.size(), 3);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  out += big_endian(stream, 4);
  return out.append(payload);
}

std::string block(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string out;
  for (const auto& [name, value] : fields) {
    out += '\0';  // literal, not indexed
    out += hpack_length(name.size()) + name + hpack_length(value.size()) + value;
  }
  return out;
}

std::string grpc_block(std::string_view path, const std::vector<std::pair<std::string, std::string>>& more) {
  return block({{":method", "POST"},
                {":scheme", "http"},
                {":path", std::string(path)},
                {":authority", "x"},
                {"content-type", "application/grpc"},
                {"te", "trailers"}}) +
         block(more);
}

std::string greeting() {
  return std::string(kClientPreface) + frame(FrameType::kSettings, 0, 0) + frame(FrameType::kSettings, kEndStream, 0);
}

std::string message(std::string_view text) { return '\0' + big_endian(text.size(), 4) + std::string(text); }

std::vector<ParsedFrame> parse_frames(std::string_view bytes) {
  std::vector<ParsedFrame> frames;
  while (bytes.size() >= 9) {
    const size_t length = read_number(bytes.substr(0, 3));
    CHECK(bytes.size() >= 9 + length);
    frames.push_back({static_cast<FrameType>(bytes[3]), static_cast<uint8_t>(bytes[4]), read_number(bytes.substr(5, 4)),
                      std::string(bytes.substr(9, length))});
    bytes.remove_prefix(9 + length);
  }
  return frames;
}

const ParsedFrame* find_frame(const std::vector<ParsedFrame>& frames, FrameType type) {
  for (const ParsedFrame& f : frames) {
    if (f.type == type) return &f;
  }
  return nullptr;
}

uint32_t error_of(const ParsedFrame& frame) {
  return read_number(std::string_view(frame.payload).substr(frame.type == FrameType::kGoaway ? 4 : 0, 4));
}

}  // namespace quorate::http::testing
