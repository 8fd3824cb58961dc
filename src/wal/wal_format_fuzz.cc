// Any bytes as manifest, segment header, batch and records: no crash, and what decodes encodes to the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "wal/format.h"

using namespace quorate;
using namespace quorate::wal;

namespace {

void records(std::string_view bytes) {
  std::string again;
  RecordReader reader(bytes);
  for (;;) {
    switch (reader.next()) {
      case RecordReader::Next::kHardState: append_record(reader.hard_state(), again); break;
      case RecordReader::Next::kEntry: append_record(reader.entry(), again); break;
      case RecordReader::Next::kEnd: CHECK(again == bytes); return;
      case RecordReader::Next::kMalformed: CHECK(bytes.starts_with(again)); return;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(data, data + size);
  records(bytes);
  if (const auto manifest = decode_manifest(bytes)) CHECK(encode_manifest(*manifest) == bytes);
  if (const auto header = decode_segment_header(bytes, 0)) {
    std::string block(kBlockBytes, '\0');
    encode_segment_header(*header, 0, block);
    CHECK(bytes.starts_with(block));
  }
  if (const auto batch = decode_batch(bytes, 0)) {
    std::string again(static_cast<size_t>(batch_bytes(batch->header.length)), '\0');
    batch->payload.copy(again.data() + kBatchHeaderBytes, batch->payload.size());
    encode_batch_header(batch->header, 0, again);
    CHECK(bytes.starts_with(again));
  }
  if (const auto moved_on = decode_moved_on(bytes)) CHECK(encode_moved_on(*moved_on) == bytes);
  if (const uint64_t segment = segment_of_name(bytes); segment != 0) CHECK(segment_name(segment) == bytes);
  return 0;
}
