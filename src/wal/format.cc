#include "wal/format.h"

#include <algorithm>

#include "base/check.h"
#include "base/crc32c.h"

namespace quorate::wal {

namespace {

constexpr uint64_t kManifestMagic = 0x3149'4e41'4d57'4c51;  // "QLWMANI1"
constexpr uint64_t kSegmentMagic = 0x3147'4553'574c'5251;   // "QRLWSEG1"
constexpr uint32_t kBatchMagic = 0x5441'4251;               // "QBAT"
constexpr uint8_t kBegins = 1;
constexpr uint8_t kEnds = 2;
constexpr uint8_t kRecordHardState = 1;
constexpr uint8_t kRecordEntry = 2;
constexpr size_t kRecordHeaderBytes = 8;
constexpr size_t kHardStateBytes = 24;
constexpr size_t kEntryFixedBytes = 16;
constexpr size_t kRecordAlignment = 8;

template <class T>
void store(char* at, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) at[i] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * i));
}

template <class T>
T load(std::string_view bytes, size_t offset) {
  CHECK(offset + sizeof(T) <= bytes.size());
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[offset + i])) << (8 * i);
  }
  return static_cast<T>(value);
}

template <class T>
void push(std::string& out, T value) {
  const size_t at = out.size();
  out.resize(at + sizeof(T));
  store(out.data() + at, value);
}

bool all_zero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
}

// A record's bytes up to the next one.
size_t padded(size_t bytes) { return static_cast<size_t>(round_up(bytes, kRecordAlignment)); }

void push_record_header(std::string& out, uint8_t record, uint8_t kind, size_t length) {
  CHECK(length <= UINT32_MAX);
  push<uint8_t>(out, record);
  push<uint8_t>(out, kind);
  push<uint16_t>(out, 0);
  push<uint32_t>(out, static_cast<uint32_t>(length));
}

}  // namespace

std::string encode_manifest(const Manifest& manifest) {
  std::string out;
  push(out, kManifestMagic);
  push(out, kFormatVersion);
  push<uint32_t>(out, 0);
  push(out, manifest.cluster);
  push(out, manifest.member);
  push(out, manifest.salt);
  push(out, manifest.first_segment);
  const std::string_view bytes = out;
  const uint32_t crc = crc32c(crc32c(bytes.substr(0, 12)), bytes.substr(16));
  store(out.data() + 12, crc);
  CHECK(out.size() == kManifestBytes);
  return out;
}

Result<Manifest> decode_manifest(std::string_view bytes) {
  if (bytes.size() < 16 || load<uint64_t>(bytes, 0) != kManifestMagic) {
    return fail(Code::kDataLoss, "is damaged: it does not begin as a log's manifest");
  }
  if (crc32c(crc32c(bytes.substr(0, 12)), bytes.substr(16)) != load<uint32_t>(bytes, 12)) {
    return fail(Code::kDataLoss, "is damaged: its checksum does not match");
  }
  const auto version = load<uint32_t>(bytes, 8);
  if (version != kFormatVersion) {
    return fail(Code::kFailedPrecondition, "is of log format " + std::to_string(version) + "; this program knows " +
                                               std::to_string(kFormatVersion) + ": start the newer program");
  }
  if (bytes.size() != kManifestBytes) return fail(Code::kDataLoss, "is damaged: its size is wrong");
  return Manifest{load<uint64_t>(bytes, 16), load<uint64_t>(bytes, 24), load<uint64_t>(bytes, 32),
                  load<uint64_t>(bytes, 40)};
}

uint32_t checksum_seed(const Manifest& manifest) {
  std::string bytes;
  push(bytes, manifest.cluster);
  push(bytes, manifest.member);
  push(bytes, manifest.salt);
  return crc32c(bytes);
}

void encode_segment_header(const SegmentHeader& header, uint32_t seed, std::span<char> block) {
  CHECK(block.size() >= kBlockBytes);
  char* const at = block.data();
  store(at, kSegmentMagic);
  store(at + 12, kFormatVersion);
  store(at + 16, header.cluster);
  store(at + 24, header.member);
  store(at + 32, header.epoch);
  store(at + 40, header.segment);
  store(at + 48, header.first_index);
  store(at + 56, header.first_sequence);
  store(at + 64, header.segment_bytes);
  store<uint32_t>(at + 72, header.recycled ? 1 : 0);
  store<uint32_t>(at + 76, 0);
  store(at + 8, crc32c(seed, std::string_view(at + 12, kSegmentHeaderBytes - 12)));
}

std::optional<SegmentHeader> decode_segment_header(std::string_view block, uint32_t seed) {
  if (block.size() < kBlockBytes || load<uint64_t>(block, 0) != kSegmentMagic) return std::nullopt;
  if (load<uint32_t>(block, 8) != crc32c(seed, block.substr(12, kSegmentHeaderBytes - 12))) return std::nullopt;
  if (load<uint32_t>(block, 12) != kFormatVersion) return std::nullopt;
  const auto flags = load<uint32_t>(block, 72);
  if (flags > 1 || load<uint32_t>(block, 76) != 0) return std::nullopt;
  if (!all_zero(block.substr(kSegmentHeaderBytes, kBlockBytes - kSegmentHeaderBytes))) return std::nullopt;
  return SegmentHeader{.cluster = load<uint64_t>(block, 16),
                       .member = load<uint64_t>(block, 24),
                       .epoch = load<uint64_t>(block, 32),
                       .segment = load<uint64_t>(block, 40),
                       .first_index = load<uint64_t>(block, 48),
                       .first_sequence = load<uint64_t>(block, 56),
                       .segment_bytes = load<uint64_t>(block, 64),
                       .recycled = flags == 1};
}

void encode_batch_header(const BatchHeader& header, uint32_t seed, std::span<char> out) {
  CHECK(out.size() >= kBatchHeaderBytes + header.length);
  CHECK(header.length <= limits::kMaxBatchBytes);
  char* const at = out.data();
  store(at, kBatchMagic);
  store(at + 8, header.epoch);
  store(at + 16, header.sequence);
  store(at + 24, header.previous_end);
  store(at + 32, header.length);
  store(at + 36, static_cast<uint8_t>(header.kind));
  store(at + 37, static_cast<uint8_t>((header.begins ? kBegins : 0) | (header.ends ? kEnds : 0)));
  store<uint16_t>(at + 38, 0);
  store(at + 4, crc32c(seed, std::string_view(at + 8, kBatchHeaderBytes - 8 + header.length)));
}

RawBatchHeader peek_batch_header(std::string_view bytes) {
  CHECK(bytes.size() >= kBatchHeaderBytes);
  return RawBatchHeader{.magic = load<uint32_t>(bytes, 0) == kBatchMagic,
                        .epoch = load<uint64_t>(bytes, 8),
                        .sequence = load<uint64_t>(bytes, 16),
                        .previous_end = load<uint64_t>(bytes, 24),
                        .length = load<uint32_t>(bytes, 32)};
}

std::optional<Batch> decode_batch(std::string_view bytes, uint32_t seed) {
  if (bytes.size() < kBatchHeaderBytes) return std::nullopt;
  const RawBatchHeader raw = peek_batch_header(bytes);
  if (!raw.magic || raw.length > limits::kMaxBatchBytes || bytes.size() < batch_bytes(raw.length)) return std::nullopt;
  const size_t end = kBatchHeaderBytes + raw.length;
  if (load<uint32_t>(bytes, 4) != crc32c(seed, bytes.substr(8, end - 8))) return std::nullopt;
  const auto kind = load<uint8_t>(bytes, 36);
  const auto flags = load<uint8_t>(bytes, 37);
  if (kind > static_cast<uint8_t>(BatchKind::kMovedOn) || flags > (kBegins | kEnds)) return std::nullopt;
  if (load<uint16_t>(bytes, 38) != 0) return std::nullopt;
  if (!all_zero(bytes.substr(end, static_cast<size_t>(batch_bytes(raw.length)) - end))) return std::nullopt;
  return Batch{.header = {.epoch = raw.epoch,
                          .sequence = raw.sequence,
                          .previous_end = raw.previous_end,
                          .length = raw.length,
                          .kind = static_cast<BatchKind>(kind),
                          .begins = (flags & kBegins) != 0,
                          .ends = (flags & kEnds) != 0},
               .payload = bytes.substr(kBatchHeaderBytes, raw.length)};
}

std::string encode_moved_on(const MovedOn& moved_on) {
  std::string out;
  push(out, moved_on.segment);
  push(out, moved_on.epoch);
  return out;
}

std::optional<MovedOn> decode_moved_on(std::string_view payload) {
  if (payload.size() != 16) return std::nullopt;
  return MovedOn{load<uint64_t>(payload, 0), load<uint64_t>(payload, 8)};
}

void append_record(const pb::HardState& state, std::string& out) {
  push_record_header(out, kRecordHardState, 0, kHardStateBytes);
  push(out, state.term);
  push(out, state.vote);
  push(out, state.commit);
}

void append_record(const pb::Entry& entry, std::string& out) {
  const auto type = static_cast<uint32_t>(entry.type);
  CHECK(type <= static_cast<uint32_t>(pb::EntryType::kConfChangeV2));
  const size_t begin = out.size();
  push_record_header(out, kRecordEntry, static_cast<uint8_t>(type), kEntryFixedBytes + entry.data.size());
  push(out, entry.term);
  push(out, entry.index);
  out.append(entry.data.view());
  out.resize(begin + record_bytes(entry));
}

size_t record_bytes(const pb::HardState&) { return kRecordHeaderBytes + kHardStateBytes; }
size_t record_bytes(const pb::Entry& entry) {
  return kRecordHeaderBytes + padded(kEntryFixedBytes + entry.data.size());
}

RecordReader::Next RecordReader::malformed() {
  rest_ = {};
  return Next::kMalformed;
}

RecordReader::Next RecordReader::next() {
  if (rest_.empty()) return Next::kEnd;
  if (rest_.size() < kRecordHeaderBytes) return malformed();
  const auto record = load<uint8_t>(rest_, 0);
  const auto kind = load<uint8_t>(rest_, 1);
  const size_t length = load<uint32_t>(rest_, 4);
  if (load<uint16_t>(rest_, 2) != 0 || rest_.size() - kRecordHeaderBytes < padded(length)) return malformed();
  const std::string_view body = rest_.substr(kRecordHeaderBytes, length);
  if (!all_zero(rest_.substr(kRecordHeaderBytes + length, padded(length) - length))) return malformed();
  if (record == kRecordHardState && kind == 0 && length == kHardStateBytes) {
    hard_state_ = {load<uint64_t>(body, 0), load<uint64_t>(body, 8), load<uint64_t>(body, 16)};
    rest_.remove_prefix(kRecordHeaderBytes + padded(length));
    return Next::kHardState;
  }
  const bool known_type = kind <= static_cast<uint8_t>(pb::EntryType::kConfChangeV2);
  if (record == kRecordEntry && known_type && length >= kEntryFixedBytes) {
    entry_.type = static_cast<pb::EntryType>(kind);
    entry_.term = load<uint64_t>(body, 0);
    entry_.index = load<uint64_t>(body, 8);
    data_ = body.substr(kEntryFixedBytes);
    rest_.remove_prefix(kRecordHeaderBytes + padded(length));
    return Next::kEntry;
  }
  return malformed();
}

pb::Entry RecordReader::entry() const {
  pb::Entry entry = entry_;
  if (!data_.empty()) entry.data = Bytes::copy(data_);
  return entry;
}

std::string segment_name(uint64_t segment) {
  const std::string digits = hex(segment);
  return std::string(16 - digits.size(), '0') + digits + ".qlog";
}

uint64_t segment_of_name(std::string_view name) {
  constexpr std::string_view kSuffix = ".qlog";
  if (name.size() != 16 + kSuffix.size() || !name.ends_with(kSuffix)) return 0;
  uint64_t segment = 0;
  for (const char c : name.substr(0, 16)) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && (c < 'a' || c > 'f')) return 0;
    segment = segment << 4 | static_cast<uint64_t>(digit ? c - '0' : c - 'a' + 10);
  }
  return segment;
}

}  // namespace quorate::wal
