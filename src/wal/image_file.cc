#include "wal/image_file.h"

#include <algorithm>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/fixed.h"
#include "wal/format.h"

namespace quorate::wal {

namespace {

constexpr uint64_t kImageMagic = 0x3145'4741'4d49'5251;  // "QRIMAGE1"
constexpr std::string_view kExtension = ".qimg";
// Less than a region of the store's pool: from windows that come and go the allocator would cut those, and keep what is
// left over, at a million keys a hundred and fifty MiB.
constexpr uint64_t kWindowBytes = 1024 * 1024;
constexpr size_t kIdAt = 16, kIdBytes = 32;  // in the header

uint32_t header_checksum(std::string_view header) { return crc32c(crc32c(header.substr(0, 12)), header.substr(16)); }

uint32_t seed_of(std::string_view header) { return crc32c(header.substr(kIdAt, kIdBytes)); }

std::string encode_header(const ImageId& id) {
  std::string out;
  append_fixed(out, kImageMagic);
  append_fixed(out, kImageVersion);
  append_fixed(out, uint32_t{0});
  append_fixed(out, id.cluster);
  append_fixed(out, id.member);
  append_fixed(out, id.index);
  append_fixed(out, id.term);
  out.resize(kImageHeaderBytes, '\0');
  store_fixed(out.data() + 12, header_checksum(out));
  return out;
}

uint32_t add_checksum(uint32_t hash, uint32_t checksum) {
  std::string bytes;
  append_fixed(bytes, checksum);
  return crc32c(hash, bytes);
}

}  // namespace

// --- ImageEncoder

ImageEncoder::ImageEncoder(const ImageId& id)
    : header_(encode_header(id)), seed_(seed_of(header_)), file_bytes_(kImageHeaderBytes) {}

void ImageEncoder::seal(ImageBlock kind, std::string& block) {
  CHECK(block.size() >= kImageBlockHeadBytes && block.size() - kImageBlockHeadBytes <= UINT32_MAX);
  char* head = block.data();
  store_fixed(head + 4, static_cast<uint32_t>(block.size() - kImageBlockHeadBytes));
  store_fixed(head + 8, blocks_);
  store_fixed(head + 12, static_cast<uint32_t>(kind));
  const uint32_t checksum = crc32c(seed_, std::string_view(block).substr(4));
  store_fixed(head, checksum);
  ++blocks_;
  hash_ = add_checksum(hash_, checksum);
  file_bytes_ += block.size();
}

std::string ImageEncoder::footer(uint64_t keys, uint64_t records) {
  std::string block(kImageBlockHeadBytes, '\0');
  append_fixed(block, uint64_t{blocks_});
  append_fixed(block, keys);
  append_fixed(block, records);
  append_fixed(block, file_bytes_ + kImageBlockHeadBytes + kImageFooterBytes);
  append_fixed(block, hash_);
  append_fixed(block, uint32_t{0});
  seal(ImageBlock::kFooter, block);
  return block;
}

// --- ImageReader

ImageReader::ImageReader(env::Disk& disk, std::string path, uint64_t file_bytes)
    : disk_(&disk), path_(std::move(path)), file_bytes_(file_bytes) {}

std::unexpected<Status> ImageReader::damaged(uint64_t offset, std::string_view what) const {
  return fail(Code::kDataLoss, path_ + ": offset " + std::to_string(offset) + ": " + std::string(what));
}

Result<ImageReader> ImageReader::open(env::Disk& disk, std::string path, const ImageId& expected) {
  TRY(const uint64_t file_bytes, disk.file_size(path));
  ImageReader reader(disk, std::move(path), file_bytes);
  TRY(const std::string_view header, reader.peek(kImageHeaderBytes));
  if (Status status = reader.check_header(header, expected); !status.ok()) return fail(std::move(status));
  return reader;
}

Status ImageReader::check_header(std::string_view bytes, const ImageId& expected) {
  FixedReader in(bytes);
  const auto magic = in.number<uint64_t>();
  const auto version = in.number<uint32_t>();
  const auto checksum = in.number<uint32_t>();
  id_.cluster = in.number<ClusterId>();
  id_.member = in.number<MemberId>();
  id_.index = in.number<Index>();
  id_.term = in.number<Term>();
  if (bytes.size() < kImageHeaderBytes || magic != kImageMagic || checksum != header_checksum(bytes)) {
    return damaged(0, "the image's header is damaged").error();
  }
  if (version > kImageVersion) {
    return Status(Code::kFailedPrecondition, path_ + ": is of format " + std::to_string(version) +
                                                 ", which a newer Quorate wrote; this one knows up to " +
                                                 std::to_string(kImageVersion) + ": start the newer one");
  }
  if (version == 0 || bytes.substr(kIdAt + kIdBytes).find_first_not_of('\0') != std::string_view::npos) {
    return damaged(0, "the image's header is damaged").error();
  }
  if (id_.cluster != expected.cluster || id_.member != expected.member) {
    return Status(Code::kFailedPrecondition, path_ + ": the image is of member " + hex(id_.member) + " of cluster " +
                                                 hex(id_.cluster) + ", not of member " + hex(expected.member) +
                                                 " of cluster " + hex(expected.cluster));
  }
  if (id_.index != expected.index || id_.index == 0) {
    return damaged(0, "this is the image of entry " + std::to_string(id_.index) + " under a wrong name").error();
  }
  seed_ = seed_of(bytes);
  offset_ = kImageHeaderBytes;
  return {};
}

Result<std::string_view> ImageReader::peek(uint64_t size) {
  size = std::min(size, file_bytes_ - offset_);
  if (offset_ < window_offset_ || offset_ + size > window_offset_ + window_.size()) {
    const uint64_t bytes = std::min(std::max(size, kWindowBytes), file_bytes_ - offset_);
    TRY(window_, disk_->read_at(path_, offset_, static_cast<size_t>(bytes)));
    window_offset_ = offset_;
  }
  return std::string_view(window_).substr(static_cast<size_t>(offset_ - window_offset_), static_cast<size_t>(size));
}

Result<ImageReader::Block> ImageReader::next() {
  TRY(const std::string_view head, peek(kImageBlockHeadBytes));
  if (head.size() < kImageBlockHeadBytes) return damaged(offset_, "the image ends before its footer");
  FixedReader in(head);
  const auto checksum = in.number<uint32_t>();
  const auto length = in.number<uint32_t>();
  const auto number = in.number<uint32_t>();
  const auto kind = in.number<uint32_t>();
  if (length > file_bytes_ - offset_ - kImageBlockHeadBytes) return damaged(offset_, "a block of the image is damaged");
  TRY(const std::string_view block, peek(kImageBlockHeadBytes + uint64_t{length}));
  if (block.size() < kImageBlockHeadBytes + uint64_t{length} || crc32c(seed_, block.substr(4)) != checksum ||
      number != blocks_ || kind < 1 || kind > 3) {
    return damaged(offset_, "a block of the image is damaged");
  }
  const Block out{
      .kind = static_cast<ImageBlock>(kind), .payload = block.substr(kImageBlockHeadBytes), .offset = offset_};
  offset_ += block.size();
  if (out.kind == ImageBlock::kFooter && !check_footer(out.payload)) {
    return damaged(out.offset, "the image's footer does not fit what stands before it");
  }
  ++blocks_;
  hash_ = add_checksum(hash_, checksum);
  return out;
}

bool ImageReader::check_footer(std::string_view payload) {
  FixedReader in(payload);
  const auto blocks = in.number<uint64_t>();
  keys_ = in.number<uint64_t>();
  records_ = in.number<uint64_t>();
  const auto bytes = in.number<uint64_t>();
  const auto hash = in.number<uint32_t>();
  const auto zero = in.number<uint32_t>();
  return in.ok() && in.at_end() && blocks == blocks_ && bytes == file_bytes_ && offset_ == file_bytes_ &&
         hash == hash_ && zero == 0;
}

// --- names: of the digits of a segment's

std::string image_name(Index index) {
  const std::string digits = hex(index);
  return std::string(16 - digits.size(), '0') + digits + std::string(kExtension);
}

Index index_of_image(std::string_view name) {
  if (!name.ends_with(kExtension)) return 0;
  name.remove_suffix(kExtension.size());
  return name.size() == 16 ? segment_of_name(std::string(name) + ".qlog") : 0;
}

}  // namespace quorate::wal
