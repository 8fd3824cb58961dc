// wal/segment_reader.h: one segment's bytes through a window, and the batches in them.
//
// Thread:  core, at start-up; blocks.
// Invariant: a returned view lives until the next call.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "env/disk.h"
#include "wal/format.h"

namespace quorate::wal {

class SegmentReader {
 public:
  SegmentReader(env::Disk& disk, std::string path, uint64_t file_bytes, uint32_t seed)
      : disk_(disk), path_(std::move(path)), file_bytes_(file_bytes), seed_(seed) {}

  const std::string& path() const { return path_; }
  uint64_t file_bytes() const { return file_bytes_; }

  // The bytes at `offset`: `size` of them, or fewer where the file ends.
  Result<std::string_view> at(uint64_t offset, uint64_t size);
  // The segment's header, or nothing where the first block is not a whole one.
  Result<std::optional<SegmentHeader>> header();
  // The whole batch that begins at `offset`, or nothing.
  Result<std::optional<Batch>> batch_at(uint64_t offset);

  // What a look at every block from `offset` to the end of the file found.
  struct Scan {
    std::optional<uint64_t> later_batch;  // where the first batch of what was asked for begins
    uint64_t used_end = 0;                // the end of the last block that is not zero; `offset` where all are
  };
  // Looks for a batch with an epoch in [epoch_min, epoch_max] and a sequence of at least `sequence_min`.
  struct Wanted {
    uint64_t epoch_min = 0, epoch_max = 0;
    uint64_t sequence_min = 0;
  };
  Result<Scan> scan(uint64_t offset, const Wanted& wanted);

 private:
  env::Disk& disk_;
  const std::string path_;
  const uint64_t file_bytes_;
  const uint32_t seed_;
  std::string window_;
  uint64_t window_offset_ = 0;
};

}  // namespace quorate::wal
