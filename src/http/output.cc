#include "http/output.h"

#include <algorithm>

#include "base/check.h"

namespace quorate::http {

namespace {
// Below this a copy into the common buffer costs less than a piece of its own.
constexpr size_t kShareBytes = 4096;
constexpr size_t kKeptCapacityBytes = 1024 * 1024;
}  // namespace

void Output::append(const Bytes& block, std::string_view part) {
  if (part.size() < kShareBytes) {
    append(part);
    return;
  }
  blocks_.push_back({text_.size(), block.slice_of(part)});
  size_ += part.size();
}

size_t Output::gather(std::array<std::string_view, 64>& pieces) const {
  size_t count = 0;
  size_t text = text_sent_;
  size_t offset = block_offset_;
  for (size_t i = blocks_sent_; i < blocks_.size() && count + 2 < pieces.size(); ++i) {
    const Block& block = blocks_[i];
    if (block.text_end > text) pieces[count++] = std::string_view(text_).substr(text, block.text_end - text);
    text = block.text_end;
    pieces[count++] = block.bytes.view().substr(offset);
    offset = 0;
  }
  const bool all_blocks = blocks_sent_ == blocks_.size() || count + 2 < pieces.size();
  if (all_blocks && text < text_.size()) pieces[count++] = std::string_view(text_).substr(text);
  return count;
}

void Output::drop(size_t bytes) {
  CHECK(bytes <= size_);
  size_ -= bytes;
  while (bytes > 0) {
    const size_t text_end = blocks_sent_ < blocks_.size() ? blocks_[blocks_sent_].text_end : text_.size();
    const size_t text = std::min(bytes, text_end - text_sent_);
    text_sent_ += text;
    bytes -= text;
    if (bytes == 0) break;
    Block& block = blocks_[blocks_sent_];
    const size_t part = std::min(bytes, block.bytes.size() - block_offset_);
    block_offset_ += part;
    bytes -= part;
    if (block_offset_ == block.bytes.size()) {
      block.bytes = Bytes();
      block_offset_ = 0;
      ++blocks_sent_;
    }
  }
  if (size_ == 0) clear();
}

bool Output::write_to(env::Socket& socket) {
  while (size_ > 0) {
    std::array<std::string_view, 64> pieces;
    const size_t count = gather(pieces);
    size_t offered = 0;
    for (size_t i = 0; i < count; ++i) offered += pieces[i].size();
    const size_t taken = socket.write({pieces.data(), count});
    drop(taken);
    if (taken < offered) return false;
  }
  return true;
}

void Output::clear() {
  text_.clear();
  if (text_.capacity() > kKeptCapacityBytes) text_.shrink_to_fit();
  blocks_.clear();
  text_sent_ = blocks_sent_ = block_offset_ = size_ = 0;
}

OutQueue::Chunk& OutQueue::push_prefix(size_t message_bytes, bool compressed) {
  CHECK(message_bytes <= UINT32_MAX);
  Chunk& chunk = chunks_.emplace_back();
  chunk.prefix = {static_cast<char>(compressed ? 1 : 0), static_cast<char>(message_bytes >> 24),
                  static_cast<char>(message_bytes >> 16), static_cast<char>(message_bytes >> 8),
                  static_cast<char>(message_bytes)};
  chunk.prefix_left = kPrefixBytes;
  size_ += kPrefixBytes + message_bytes;
  return chunk;
}

void OutQueue::push_message(Bytes message, bool compressed) {
  Chunk& chunk = push_prefix(message.size(), compressed);
  chunk.bytes = std::move(message);
}

void OutQueue::push_message(std::vector<Bytes>&& pieces) {
  size_t total = 0;
  for (const Bytes& piece : pieces) total += piece.size();
  push_prefix(total);
  for (Bytes& piece : pieces) {
    if (piece.empty()) continue;
    chunks_.emplace_back().bytes = std::move(piece);
  }
}

void OutQueue::begin_message(size_t message_bytes) {
  CHECK(owed_bytes_ == 0);
  push_prefix(message_bytes);
  size_ -= message_bytes;  // comes with the parts
  owed_bytes_ = message_bytes;
}

void OutQueue::push_part(Bytes part) {
  CHECK(part.size() <= owed_bytes_);
  owed_bytes_ -= part.size();
  push_raw(std::move(part));
}

void OutQueue::push_raw(Bytes bytes) {
  if (bytes.empty()) return;
  size_ += bytes.size();
  chunks_.emplace_back().bytes = std::move(bytes);
}

void OutQueue::take(size_t bytes, Output& out) {
  CHECK(bytes <= size_);
  size_ -= bytes;
  taken_bytes_ += bytes;
  while (bytes > 0) {
    Chunk& chunk = chunks_[head_];
    const size_t prefix = std::min<size_t>(bytes, chunk.prefix_left);
    out.append({chunk.prefix.data() + (kPrefixBytes - chunk.prefix_left), prefix});
    chunk.prefix_left = static_cast<uint8_t>(chunk.prefix_left - prefix);
    bytes -= prefix;
    const size_t part = std::min(bytes, chunk.bytes.size() - chunk.offset);
    if (part > 0) out.append(chunk.bytes, chunk.bytes.view().substr(chunk.offset, part));
    chunk.offset += part;
    bytes -= part;
    if (chunk.prefix_left == 0 && chunk.offset == chunk.bytes.size()) {
      chunk.bytes = Bytes();
      ++head_;
    }
  }
  if (head_ == chunks_.size()) {
    chunks_.clear();
    head_ = 0;
  } else if (head_ > 64 && head_ * 2 > chunks_.size()) {
    chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<ptrdiff_t>(head_));
    head_ = 0;
  }
}

void OutQueue::clear() {
  chunks_.clear();
  head_ = size_ = owed_bytes_ = 0;
}

}  // namespace quorate::http
