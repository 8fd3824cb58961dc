#include "wal/segment_reader.h"

#include <algorithm>

namespace quorate::wal {

namespace {
constexpr uint64_t kWindowBytes = 1024 * 1024;
}  // namespace

Result<std::string_view> SegmentReader::at(uint64_t offset, uint64_t size) {
  if (offset >= file_bytes_) return std::string_view();
  size = std::min(size, file_bytes_ - offset);
  if (offset < window_offset_ || offset + size > window_offset_ + window_.size()) {
    const uint64_t wanted = std::min(std::max(size, kWindowBytes), file_bytes_ - offset);
    TRY(window_, disk_.read_at(path_, offset, static_cast<size_t>(wanted)));
    window_offset_ = offset;
    size = std::min<uint64_t>(size, window_.size());
  }
  return std::string_view(window_).substr(static_cast<size_t>(offset - window_offset_), static_cast<size_t>(size));
}

Result<std::optional<SegmentHeader>> SegmentReader::header() {
  TRY(const std::string_view block, at(0, kBlockBytes));
  return decode_segment_header(block, seed_);
}

Result<std::optional<Batch>> SegmentReader::batch_at(uint64_t offset) {
  TRY(const std::string_view head, at(offset, kBatchHeaderBytes));
  if (head.size() < kBatchHeaderBytes) return std::optional<Batch>();
  const RawBatchHeader raw = peek_batch_header(head);
  if (!raw.magic || raw.length > limits::kMaxBatchBytes) return std::optional<Batch>();
  TRY(const std::string_view bytes, at(offset, batch_bytes(raw.length)));
  return decode_batch(bytes, seed_);
}

Result<SegmentReader::Scan> SegmentReader::scan(uint64_t offset, const Wanted& wanted) {
  Scan found{.later_batch = std::nullopt, .used_end = offset};
  for (uint64_t at_offset = offset; at_offset < file_bytes_; at_offset += kBlockBytes) {
    TRY(const std::string_view block, at(at_offset, kBlockBytes));
    if (block.empty()) break;
    if (std::all_of(block.begin(), block.end(), [](char c) { return c == 0; })) continue;
    found.used_end = at_offset + kBlockBytes;
    if (found.later_batch || block.size() < kBatchHeaderBytes) continue;
    // The cheap tests come first: a block of a large value may look like a batch.
    const RawBatchHeader raw = peek_batch_header(block);
    if (!raw.magic || raw.epoch < wanted.epoch_min || raw.epoch > wanted.epoch_max) continue;
    if (raw.sequence < wanted.sequence_min || raw.previous_end > at_offset) continue;
    TRY(const std::optional<Batch> batch, batch_at(at_offset));
    if (batch) found.later_batch = at_offset;
  }
  return found;
}

}  // namespace quorate::wal
