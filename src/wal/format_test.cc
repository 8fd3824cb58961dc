#include "wal/format.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "base/prng.h"

namespace quorate::wal {
namespace {

std::string hex_of(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(c));
    out += digits;
  }
  return out;
}

constexpr Manifest kManifest{.cluster = 0x1122, .member = 0x3344, .salt = 0x5566, .first_segment = 7};

// The bytes are a promise to every later version: docs/formats/wal.md.
TEST(WalFormat, ManifestIsWhatThePageSays) {
  EXPECT_EQ(hex_of(encode_manifest(kManifest)),
            "514c574d414e493101000000"
            "83f9fcd7"
            "2211000000000000"
            "4433000000000000"
            "6655000000000000"
            "0700000000000000");
}

TEST(WalFormat, BatchIsWhatThePageSays) {
  std::string payload;
  append_record(pb::HardState{3, 4, 5}, payload);
  append_record({pb::EntryType::kConfChange, 6, 7, Bytes::copy("abc")}, payload);
  EXPECT_EQ(hex_of(payload),
            "0100000018000000"
            "0300000000000000"
            "0400000000000000"
            "0500000000000000"
            "0201000013000000"
            "0600000000000000"
            "0700000000000000"
            "6162630000000000");
  std::string batch(kBatchHeaderBytes, '\0');
  batch += payload;
  encode_batch_header({.epoch = 8, .sequence = 9, .previous_end = 4096, .length = 64, .ends = false}, 0x1234, batch);
  EXPECT_EQ(hex_of(batch.substr(0, kBatchHeaderBytes)),
            "51424154"
            "efa6932e"
            "0800000000000000"
            "0900000000000000"
            "0010000000000000"
            "40000000"
            "00"
            "01"
            "0000");
  EXPECT_EQ(hex_of(encode_moved_on({.segment = 2, .epoch = 3})), "02000000000000000300000000000000");
}

TEST(WalFormat, SegmentHeaderIsWhatThePageSays) {
  std::string block(kBlockBytes, '\0');
  const SegmentHeader header{.cluster = 1,
                             .member = 2,
                             .epoch = 3,
                             .segment = 4,
                             .first_index = 5,
                             .first_sequence = 6,
                             .segment_bytes = 7 << 16,
                             .recycled = true};
  encode_segment_header(header, checksum_seed(kManifest), block);
  EXPECT_EQ(hex_of(block.substr(0, kSegmentHeaderBytes)),
            "51524c5753454731"
            "87a09360"
            "01000000"
            "0100000000000000"
            "0200000000000000"
            "0300000000000000"
            "0400000000000000"
            "0500000000000000"
            "0600000000000000"
            "0000070000000000"
            "01000000"
            "00000000");
  EXPECT_EQ(decode_segment_header(block, checksum_seed(kManifest)), header);
  EXPECT_FALSE(decode_segment_header(block, checksum_seed(kManifest) + 1));
}

TEST(WalFormat, ANewerManifestIsNotCalledDamaged) {
  std::string bytes = encode_manifest(kManifest);
  EXPECT_EQ(decode_manifest(bytes), kManifest);
  bytes[8] = 2;
  EXPECT_EQ(decode_manifest(bytes).error().code(), Code::kDataLoss);
  // Version 2, as a newer program would write it: longer, and with its checksum.
  const std::string newer =
      std::string("QLWMANI1\2\0\0\0", 12) + std::string("\x2f\xd9\x78\x56", 4) + std::string(60, 'n');
  const auto decoded = decode_manifest(newer);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code(), Code::kFailedPrecondition) << decoded.error().text();
  EXPECT_NE(decoded.error().text().find("log format 2"), std::string::npos);
}

TEST(WalFormat, ABatchWithAnyBitFlippedIsNone) {
  Prng prng(1);
  for (const size_t length : {size_t{0}, size_t{1}, size_t{100}, kBlockBytes - kBatchHeaderBytes, kBlockBytes}) {
    std::string batch(static_cast<size_t>(batch_bytes(length)), '\0');
    prng.bytes(length).copy(batch.data() + kBatchHeaderBytes, length);
    encode_batch_header({.epoch = 1, .sequence = 2, .previous_end = 4096, .length = static_cast<uint32_t>(length)}, 5,
                        batch);
    ASSERT_TRUE(decode_batch(batch, 5));
    EXPECT_FALSE(decode_batch(batch, 6));
    for (size_t at = 0; at < batch.size(); ++at) {
      const char bit = static_cast<char>(1 << prng.below(8));
      batch[at] = static_cast<char>(batch[at] ^ bit);
      ASSERT_FALSE(decode_batch(batch, 5)) << at;
      batch[at] = static_cast<char>(batch[at] ^ bit);
    }
    for (const size_t size : {size_t{0}, size_t{39}, size_t{40}, batch.size() - 1}) {
      EXPECT_FALSE(decode_batch(std::string_view(batch).substr(0, size), 5)) << size;
    }
  }
}

TEST(WalFormat, NamesOfSegmentsAreReadBack) {
  EXPECT_EQ(segment_name(0x1a), "000000000000001a.qlog");
  EXPECT_EQ(segment_of_name("000000000000001a.qlog"), 0x1au);
  EXPECT_EQ(segment_of_name(segment_name(UINT64_MAX)), UINT64_MAX);
  for (const char* other : {"", "manifest", "spare.tmp", "000000000000001A.qlog", "00000000000001a.qlog",
                            "000000000000001a.qlog.tmp", "000000000000001g.qlog"}) {
    EXPECT_EQ(segment_of_name(other), 0u) << other;
  }
}

}  // namespace
}  // namespace quorate::wal
