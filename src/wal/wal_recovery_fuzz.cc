// A log folder from any bytes: opening it must end, with a log or with a Status; and what is appended to a
// log that did open must be there when it is opened again.
//
// Input: a byte of switches, then operations. An operation is a byte of kind, two of length and the payload;
// it becomes a batch with a right checksum, so that what is behind the checksum is reached too, or raw bytes.
// The payload is taken as it is, or tells which well-formed records to make.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/check.h"
#include "env/trace.h"
#include "wal/format.h"
#include "wal/testing/fake_disk.h"
#include "wal/testing/manual_loop.h"
#include "wal/wal.h"

using namespace quorate;
using namespace quorate::wal;

namespace {

constexpr uint64_t kSegment = 3 * kAlignmentBytesMax;
constexpr Manifest kLog{.cluster = 1, .member = 2, .salt = 3, .first_segment = 1};

class Maker {
 public:
  explicit Maker(std::string_view input) : rest_(input) { begin_segment(); }

  std::map<std::string, std::string> make() {
    while (!rest_.empty() && segment_ < 5) operation();
    files_["/log/" + std::string(kManifestName)] = encode_manifest(kLog);
    return std::move(files_);
  }

 private:
  uint64_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::string& file() { return files_["/log/" + segment_name(segment_)]; }
  void begin_segment() {
    ++segment_;
    ++epoch_;
    file().assign(kSegment, '\0');
    encode_segment_header({.cluster = 1,
                           .member = 2,
                           .epoch = epoch_,
                           .segment = segment_,
                           .first_index = byte() % 4 + (segment_ == 1),
                           .first_sequence = sequence_,
                           .segment_bytes = kSegment,
                           .recycled = (byte() & 1) != 0},
                          checksum_seed(kLog), file());
    at_ = kBlockBytes;
  }
  // Well-formed records, mostly of entries that may follow each other.
  std::string some_records(std::string_view input) {
    std::string records;
    for (const char c : input.substr(0, 64)) {
      const auto value = static_cast<unsigned char>(c);
      if (value % 8 == 0) {
        append_record(pb::HardState{value, 1, 1}, records);
        continue;
      }
      index_ = value % 8 == 1 ? value / 8 : index_ + 1;
      append_record({static_cast<pb::EntryType>(value % 3), value, index_, Bytes::copy(std::string(value, c))},
                    records);
    }
    return records;
  }
  void operation() {
    const uint64_t kind = byte();
    const size_t length = static_cast<size_t>(byte() | byte() << 8);
    const std::string_view input = rest_.substr(0, length);
    rest_.remove_prefix(input.size());
    if (kind >= 0xf0) {  // raw, at any block
      const size_t at = (kind & 15) * kBlockBytes;
      file().replace(at, std::min(input.size(), file().size() - at), input, 0,
                     std::min(input.size(), file().size() - at));
      return;
    }
    std::string payload(input);
    if ((kind & 16) != 0) payload = some_records(input);
    const bool moves = (kind & 3) == 2;
    if (moves && (kind & 64) == 0) payload = encode_moved_on({.segment = segment_ + 1, .epoch = epoch_ + 1});
    const auto bytes = static_cast<size_t>(batch_bytes(payload.size()));
    if (at_ + bytes > file().size()) return;
    payload.copy(file().data() + at_ + kBatchHeaderBytes, payload.size());
    encode_batch_header({.epoch = epoch_,
                         .sequence = sequence_++,
                         .previous_end = at_,
                         .length = static_cast<uint32_t>(payload.size()),
                         .kind = static_cast<BatchKind>((kind & 3) % 3),
                         .begins = (kind & 4) == 0,
                         .ends = (kind & 8) == 0},
                        checksum_seed(kLog), std::span(file()).subspan(at_));
    if ((kind & 128) != 0) file()[at_ + kind % 80] ^= 1;
    at_ += bytes;
    if (moves) begin_segment();
  }

  std::string_view rest_;
  std::map<std::string, std::string> files_;
  uint64_t segment_ = 0, epoch_ = 0, sequence_ = 1;
  size_t at_ = 0;
  Index index_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input(data, data + size);
  testing::ManualLoop loop;
  testing::FakeDisk disk(loop);
  CHECK(disk.make_directory("/log").ok());
  disk.set_contents(Maker(input).make());
  env::NullLog log;
  env::Trace trace;
  const Options options{.directory = "/log", .cluster = 1, .member = 2, .segment_bytes = kSegment};
  auto opened = Wal::open(disk, loop, log, trace, options);
  if (!opened) return 0;

  if (opened->recovered.entries.empty()) return 0;  // where the log begins is not known here
  const Index last = opened->recovered.entries.back().index;
  const pb::Entry entry{pb::EntryType::kNormal, 9, last + 1, Bytes::copy("appended")};
  bool durable = false;
  opened->wal->append(pb::HardState{9, 9, 9}, {&entry, 1}, [&durable](const Status& status) { durable = status.ok(); });
  while (!durable) {
    loop.run();
    if (disk.pending_writes() != 0) disk.finish_write();
    if (disk.pending_fill()) disk.finish_fill();
  }
  const size_t entries = opened->recovered.entries.size() + 1;
  opened->wal.reset();
  disk.restart(loop);
  auto again = Wal::open(disk, loop, log, trace, options);
  CHECK(again.has_value());
  CHECK(again->recovered.entries.size() == entries && again->recovered.entries.back() == entry);
  CHECK(!again->recovered.cut_tail);
  return 0;
}
