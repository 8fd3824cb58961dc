// http/output.h: bytes on their way out: of one stream (OutQueue), and of one socket (Output).
//
// Loop: the io loop of the connection.
// Invariants:
//   (1) Large blocks are shared, never joined or copied; a block is let go once its last byte is written.
//   (2) Bytes leave in the order in which they were given.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "env/net.h"

namespace quorate::http {

// What a socket is to send next. Small parts are gathered in one reused buffer.
class Output {
 public:
  void append(std::string_view bytes) {
    text_.append(bytes);
    size_ += bytes.size();
  }
  // `part` lies inside `block`.
  void append(const Bytes& block, std::string_view part);
  // Gives the socket what it takes. True when nothing is left.
  bool write_to(env::Socket& socket);

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void clear();

 private:
  struct Block {
    size_t text_end;  // comes after text_[0, text_end)
    Bytes bytes;
  };
  // Fills `pieces`, returns how many.
  size_t gather(std::array<std::string_view, 64>& pieces) const;
  void drop(size_t bytes);

  std::string text_;
  std::vector<Block> blocks_;
  size_t text_sent_ = 0;
  size_t blocks_sent_ = 0;
  size_t block_offset_ = 0;  // of blocks_[blocks_sent_]
  size_t size_ = 0;
};

// What a stream is to send next; the frames are cut later.
class OutQueue {
 public:
  // The whole as one gRPC message: a prefix of five bytes goes before it.
  void push_message(Bytes message, bool compressed = false);
  void push_message(std::vector<Bytes>&& pieces);
  // The same of one that comes in parts, which add up to `message_bytes`.
  void begin_message(size_t message_bytes);
  void push_part(Bytes part);
  // Whether parts are still to come.
  bool in_message() const { return owed_bytes_ > 0; }
  void push_raw(Bytes bytes);
  // Moves the first `bytes` to `out`. Requires bytes <= size().
  void take(size_t bytes, Output& out);

  size_t size() const { return size_; }
  // All that was ever taken.
  uint64_t taken_bytes() const { return taken_bytes_; }
  void clear();

 private:
  static constexpr size_t kPrefixBytes = 5;
  struct Chunk {
    Bytes bytes;
    std::array<char, kPrefixBytes> prefix{};
    uint8_t prefix_left = 0;
    size_t offset = 0;  // of bytes
  };
  Chunk& push_prefix(size_t message_bytes, bool compressed = false);

  std::vector<Chunk> chunks_;
  size_t head_ = 0;
  size_t size_ = 0;
  size_t owed_bytes_ = 0;  // of the parts to come
  uint64_t taken_bytes_ = 0;
};

}  // namespace quorate::http
