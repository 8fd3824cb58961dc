// wal/image_file.h: the file of a checkpoint: a header, checksummed blocks and a footer.
//
// What the blocks say is the state machine's (machine/image.h).
// Thread:  any for the encoder, one at a time; core at start-up for the reader, which blocks and changes nothing.
// Format:  docs/formats/checkpoint.md
// Invariants:
//   (1) A reader returns a block only if it is whole, and kFooter only if every block before it was there.
//   (2) What a file holds is never believed beyond its size.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "env/disk.h"

namespace quorate::wal {

inline constexpr uint32_t kImageVersion = 1;
inline constexpr size_t kImageHeaderBytes = 64;
inline constexpr size_t kImageBlockHeadBytes = 16;
inline constexpr size_t kImageFooterBytes = 40;
inline constexpr std::string_view kImageTemporarySuffix = ".tmp";

struct ImageId {
  ClusterId cluster = 0;
  MemberId member = 0;
  Index index = 0;  // the last entry that is in it
  Term term = 0;    // of that entry
  friend bool operator==(const ImageId&, const ImageId&) = default;
};

enum class ImageBlock : uint32_t { kState = 1, kItems = 2, kFooter = 3 };

class ImageEncoder {
 public:
  explicit ImageEncoder(const ImageId& id);
  // The file begins with it.
  const std::string& header() const { return header_; }
  // `block` holds the payload behind kImageBlockHeadBytes of room, which are filled.
  void seal(ImageBlock kind, std::string& block);
  // The last block, whole.
  std::string footer(uint64_t keys, uint64_t records);
  uint64_t file_bytes() const { return file_bytes_; }  // so far

 private:
  std::string header_;
  uint32_t seed_;
  uint32_t blocks_ = 0;
  uint32_t hash_ = 0;  // of the blocks' checksums
  uint64_t file_bytes_;
};

class ImageReader {
 public:
  // kDataLoss with path and offset where damaged, kFailedPrecondition where of a newer format or another member's.
  static Result<ImageReader> open(env::Disk& disk, std::string path, const ImageId& expected);

  const ImageId& id() const { return id_; }
  uint64_t file_bytes() const { return file_bytes_; }
  struct Block {
    ImageBlock kind = ImageBlock::kState;
    std::string_view payload;  // until the next call
    uint64_t offset = 0;
  };
  // Until it returned the footer, which was compared with what was read.
  Result<Block> next();
  // Of the footer.
  uint64_t keys() const { return keys_; }
  uint64_t records() const { return records_; }
  std::unexpected<Status> damaged(uint64_t offset, std::string_view what) const;

 private:
  ImageReader(env::Disk& disk, std::string path, uint64_t file_bytes);

  // `size` bytes at offset_, fewer at the end of the file.
  Result<std::string_view> peek(uint64_t size);
  Status check_header(std::string_view bytes, const ImageId& expected);
  bool check_footer(std::string_view payload);

  env::Disk* disk_;
  std::string path_;
  uint64_t file_bytes_;
  ImageId id_;
  uint32_t seed_ = 0;
  uint32_t blocks_ = 0;
  uint32_t hash_ = 0;
  uint64_t offset_ = 0;
  uint64_t keys_ = 0, records_ = 0;
  std::string window_;
  uint64_t window_offset_ = 0;
};

// "%016x.qimg", by index; and back: 0 where `name` is no image's.
std::string image_name(Index index);
Index index_of_image(std::string_view name);

}  // namespace quorate::wal
