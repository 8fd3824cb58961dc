#include "sim/log_map.h"

#include <algorithm>
#include <optional>

namespace quorate::sim {
namespace {

// The entry that an append begins with, from its first batch; 0 where there is none in it.
Index first_entry(std::string_view payload) {
  wal::RecordReader records(payload);
  for (;;) {
    switch (records.next()) {
      case wal::RecordReader::Next::kEntry: return records.entry_index();
      case wal::RecordReader::Next::kHardState: break;
      default: return 0;
    }
  }
}

struct Segment {
  std::string path;
  std::string bytes;
  wal::SegmentHeader header;
};

class Mapping {
 public:
  Mapping(const env::sim::SimDrive& drive, std::string directory) : drive_(drive), directory_(std::move(directory)) {}

  std::vector<BatchPlace> run() {
    const auto manifest_bytes = drive_.read(directory_ + "/" + std::string(wal::kManifestName));
    if (!manifest_bytes) return {};
    const auto manifest = wal::decode_manifest(*manifest_bytes);
    if (!manifest || manifest->first_segment == 0) return {};
    seed_ = wal::checksum_seed(*manifest);
    for (uint64_t segment = manifest->first_segment; map_segment(segment); ++segment) {}
    return std::move(places_);
  }

 private:
  // Whether the log goes on in the next one.
  bool map_segment(uint64_t number) {
    Segment segment;
    segment.path = directory_ + "/" + wal::segment_name(number);
    auto bytes = drive_.read(segment.path);
    if (!bytes || bytes->size() < wal::kBlockBytes) return false;
    segment.bytes = std::move(*bytes);
    const auto header = wal::decode_segment_header(std::string_view(segment.bytes).substr(0, wal::kBlockBytes), seed_);
    if (!header) return false;
    segment.header = *header;
    if (sequence_ == 0) sequence_ = header->first_sequence;
    uint64_t end = wal::kBlockBytes;
    while (const auto offset = next_batch(segment, end)) {
      const auto batch = wal::decode_batch(std::string_view(segment.bytes).substr(*offset), seed_);
      if (batch->header.kind == wal::BatchKind::kRecords && batch->header.begins) append_ = first_entry(batch->payload);
      const uint64_t bytes_used = wal::batch_bytes(batch->header.length);
      places_.push_back({segment.path, *offset, bytes_used, batch->header.kind, append_});
      end = *offset + bytes_used;
      ++sequence_;
      if (batch->header.kind == wal::BatchKind::kMovedOn) return true;
    }
    return false;
  }

  // Where the batch that follows `end` begins: on a disk of large blocks, at a multiple of them.
  std::optional<uint64_t> next_batch(const Segment& segment, uint64_t end) const {
    for (uint64_t step = wal::kBlockBytes; step <= wal::kAlignmentBytesMax; step *= 2) {
      const uint64_t offset = wal::round_up(end, step);
      if (offset >= segment.bytes.size()) return std::nullopt;
      const auto batch = wal::decode_batch(std::string_view(segment.bytes).substr(offset), seed_);
      if (batch && batch->header.epoch == segment.header.epoch && batch->header.sequence == sequence_) return offset;
    }
    return std::nullopt;
  }

  const env::sim::SimDrive& drive_;
  const std::string directory_;
  uint32_t seed_ = 0;
  uint64_t sequence_ = 0;
  Index append_ = 0;
  std::vector<BatchPlace> places_;
};

}  // namespace

std::vector<BatchPlace> map_log(const env::sim::SimDrive& drive, const std::string& directory) {
  return Mapping(drive, directory).run();
}

}  // namespace quorate::sim
