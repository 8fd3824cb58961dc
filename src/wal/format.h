// wal/format.h: the bytes of the log: manifest, segment header, batch, record. Pure; no disk.
//
// Thread:  any.
// Format:  docs/formats/wal.md
// Invariants:
//   (1) What decodes was encoded by this code under the same seed, but for a chance of 2^-32.
//   (2) Nothing is read outside the view that is passed in, whatever its bytes are.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/limits.h"
#include "base/result.h"
#include "pb/raft.h"

namespace quorate::wal {

inline constexpr uint32_t kFormatVersion = 1;
inline constexpr size_t kBlockBytes = 4096;  // where batches may begin, and what they are padded to
inline constexpr size_t kAlignmentBytesMax =
    64 * 1024;  // of a disk; a batch begins at most this far after the one before
inline constexpr size_t kManifestBytes = 48;
inline constexpr size_t kSegmentHeaderBytes = 80;
inline constexpr size_t kBatchHeaderBytes = 40;
inline constexpr std::string_view kManifestName = "manifest";
inline constexpr std::string_view kSpareName = "spare.tmp";
static_assert(kSegmentHeaderBytes <= kBlockBytes);
static_assert(kAlignmentBytesMax % kBlockBytes == 0);
static_assert(limits::kMaxBatchBytes + kBatchHeaderBytes <= UINT32_MAX);

constexpr uint64_t round_up(uint64_t value, uint64_t power_of_two) {
  return (value + power_of_two - 1) & ~(power_of_two - 1);
}

// log/manifest: which log this is and where it begins.
struct Manifest {
  ClusterId cluster = 0;
  MemberId member = 0;
  uint64_t salt = 0;           // random; keeps a client from forging a batch inside a value
  uint64_t first_segment = 0;  // 0: the folder is made, but no segment yet
  friend bool operator==(const Manifest&, const Manifest&) = default;
};
std::string encode_manifest(const Manifest& manifest);
// kDataLoss where damaged, kFailedPrecondition where of a newer format. Texts lack the path.
Result<Manifest> decode_manifest(std::string_view bytes);

// What every checksum inside the segments starts from.
uint32_t checksum_seed(const Manifest& manifest);

// The first block of a segment.
struct SegmentHeader {
  ClusterId cluster = 0;
  MemberId member = 0;
  uint64_t epoch = 0;           // rises with every use of a file
  uint64_t segment = 0;         // as in the file's name; the first is 1
  Index first_index = 0;        // one past the last entry of the segments before
  uint64_t first_sequence = 0;  // of the segment's first batch
  uint64_t segment_bytes = 0;   // of the whole file
  bool recycled = false;        // what follows the header may be left from an earlier use
  friend bool operator==(const SegmentHeader&, const SegmentHeader&) = default;
};
// Fills the first kBlockBytes of `block`, which must be zero.
void encode_segment_header(const SegmentHeader& header, uint32_t seed, std::span<char> block);
// Nothing where the block is damaged or was never a header.
std::optional<SegmentHeader> decode_segment_header(std::string_view block, uint32_t seed);

enum class BatchKind : uint8_t {
  kRecords = 0,
  kSeal = 1,     // empty: says that everything before it was acknowledged or never will be
  kMovedOn = 2,  // the last of its segment: the log goes on in the next
};

struct BatchHeader {
  uint64_t epoch = 0;
  uint64_t sequence = 0;      // one more than the batch before, through all segments
  uint64_t previous_end = 0;  // offset in this segment where the batch before (or the header) ended
  uint32_t length = 0;        // of the payload
  BatchKind kind = BatchKind::kRecords;
  bool begins = true;  // of records: the payload begins an append
  bool ends = true;    // and ends one; otherwise it goes on in the next batch of records
  friend bool operator==(const BatchHeader&, const BatchHeader&) = default;
};
struct Batch {
  BatchHeader header;
  std::string_view payload;  // into the decoded bytes
};
// Bytes of a batch in the file, its padding included.
constexpr uint64_t batch_bytes(uint64_t length) { return round_up(kBatchHeaderBytes + length, kBlockBytes); }
// Writes the header into `out`, which holds the payload right behind it.
void encode_batch_header(const BatchHeader& header, uint32_t seed, std::span<char> out);
// The fields as they stand, unchecked. `bytes` holds at least kBatchHeaderBytes.
struct RawBatchHeader {
  bool magic = false;
  uint64_t epoch = 0, sequence = 0, previous_end = 0;
  uint32_t length = 0;
};
RawBatchHeader peek_batch_header(std::string_view bytes);
// `bytes` begins with the batch. Nothing unless the batch is whole and its padding zero.
std::optional<Batch> decode_batch(std::string_view bytes, uint32_t seed);

// Payload of kMovedOn.
struct MovedOn {
  uint64_t segment = 0;  // the next one
  uint64_t epoch = 0;    // its epoch
  friend bool operator==(const MovedOn&, const MovedOn&) = default;
};
std::string encode_moved_on(const MovedOn& moved_on);
std::optional<MovedOn> decode_moved_on(std::string_view payload);

// Records: the payload of one append, whole.
void append_record(const pb::HardState& state, std::string& out);
void append_record(const pb::Entry& entry, std::string& out);
size_t record_bytes(const pb::HardState& state);
size_t record_bytes(const pb::Entry& entry);

class RecordReader {
 public:
  enum class Next : uint8_t { kHardState, kEntry, kEnd, kMalformed };
  explicit RecordReader(std::string_view payload) : rest_(payload) {}
  // After kEnd and kMalformed nothing follows.
  Next next();
  const pb::HardState& hard_state() const { return hard_state_; }
  // The entry, its bytes copied out of the payload.
  pb::Entry entry() const;
  // Its index and its term, without the copy.
  Index entry_index() const { return entry_.index; }
  Term entry_term() const { return entry_.term; }

 private:
  Next malformed();

  std::string_view rest_;
  pb::HardState hard_state_;
  pb::Entry entry_;  // without data
  std::string_view data_;
};

// "%016x.qlog". 0 where `name` is no segment's.
std::string segment_name(uint64_t segment);
uint64_t segment_of_name(std::string_view name);

}  // namespace quorate::wal
