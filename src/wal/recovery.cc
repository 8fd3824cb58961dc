#include "wal/recovery.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/check.h"
#include "wal/segment_reader.h"

namespace quorate::wal {

namespace {

class Reading {
 public:
  Reading(env::Disk& disk, std::string directory, const Manifest& manifest, Index skip_to, CommittedSink* committed)
      : disk_(disk),
        directory_(std::move(directory)),
        manifest_(manifest),
        skip_to_(skip_to),
        committed_(committed),
        given_to_(skip_to),
        seed_(checksum_seed(manifest)) {}

  Result<Recovery> run();

 private:
  enum class Way : uint8_t { kGoesOn, kEndsHere };

  std::string path_of(uint64_t segment) const { return directory_ + "/" + segment_name(segment); }
  static std::unexpected<Status> loss(const std::string& path, uint64_t offset, const std::string& what) {
    return fail(Code::kDataLoss, path + ": offset " + std::to_string(offset) + ": " + what);
  }

  Result<SegmentReader> open(uint64_t segment);
  Result<Way> read_segment(uint64_t segment);
  Result<SegmentHeader> read_header(SegmentReader& file, uint64_t segment);
  // The batch that follows in the log, at the first place where it may begin; its offset in `offset`.
  Result<std::optional<Batch>> next_batch(SegmentReader& file, uint64_t& offset);
  // Whether a batch that continues the log, or a later one, begins at a block of [from, to).
  Result<bool> batch_between(SegmentReader& file, uint64_t from, uint64_t to);
  Result<Way> take(const SegmentReader& file, uint64_t offset, const Batch& batch);
  Status take_records(const std::string& path, uint64_t offset, const BatchHeader& header, std::string_view payload);
  Status take_append(const std::string& path, uint64_t offset, std::string_view payload);
  Status take_entry(const std::string& path, uint64_t offset, const RecordReader& records);
  void give_committed();

  Result<Way> finish(SegmentReader& file);
  Result<bool> looks_torn(SegmentReader& file);
  Status check_later_segments();

  env::Disk& disk_;
  const std::string directory_;
  const Manifest manifest_;
  const Index skip_to_;
  CommittedSink* const committed_;
  Index given_to_;  // the last entry that was skipped or given away
  const uint32_t seed_;
  std::vector<uint64_t> segments_;  // that the folder holds, ascending
  Recovered recovered_;
  Tail tail_;
  uint64_t next_epoch_ = 0;  // of the segment that comes, said by the one before; 0 for the first
  std::string append_;       // the payloads of an append that has not ended yet
  bool in_append_ = false;
};

Result<SegmentReader> Reading::open(uint64_t segment) {
  const std::string path = path_of(segment);
  auto size = disk_.file_size(path);
  if (!size && !disk_.exists(path)) {
    return fail(Code::kDataLoss, path + ": this segment of the log is missing");
  }
  if (!size) return fail(size.error());
  return SegmentReader(disk_, path, *size, seed_);
}

Result<SegmentHeader> Reading::read_header(SegmentReader& file, uint64_t segment) {
  TRY(const std::optional<SegmentHeader> header, file.header());
  if (!header) return loss(file.path(), 0, "the segment's header is damaged");
  const SegmentHeader& h = *header;
  if (h.cluster != manifest_.cluster || h.member != manifest_.member) {
    return loss(file.path(), 0, "the segment belongs to member " + hex(h.member) + " of cluster " + hex(h.cluster));
  }
  if (h.segment != segment)
    return loss(file.path(), 0, "this is segment " + std::to_string(h.segment) + " under a wrong name");
  if (h.segment_bytes != file.file_bytes()) {
    const uint64_t offset = std::min(file.file_bytes(), h.segment_bytes);
    return loss(file.path(), offset,
                "the file has " + std::to_string(file.file_bytes()) + " bytes, but was made with " +
                    std::to_string(h.segment_bytes));
  }
  const bool first = segment == manifest_.first_segment;
  if (first && h.first_index != 0) {
    tail_.next_sequence = h.first_sequence;
    tail_.last_index = h.first_index - 1;
    recovered_.first_index = h.first_index;
  }
  if ((!first && h.epoch != next_epoch_) || h.first_sequence != tail_.next_sequence || h.epoch == 0 ||
      h.first_index == 0 || h.first_index != tail_.last_index + 1 || h.segment_bytes % kBlockBytes != 0) {
    return loss(file.path(), 0, "the segment does not continue the one before");
  }
  return h;
}

Result<bool> Reading::batch_between(SegmentReader& file, uint64_t from, uint64_t to) {
  for (uint64_t at = from; at < to; at += kBlockBytes) {
    TRY(const std::optional<Batch> batch, file.batch_at(at));
    if (batch && batch->header.epoch == tail_.segment.epoch && batch->header.sequence >= tail_.next_sequence)
      return true;
  }
  return false;
}

Result<std::optional<Batch>> Reading::next_batch(SegmentReader& file, uint64_t& offset) {
  // Where a disk asks for more than a block, batches begin at its multiples.
  uint64_t tried = 0;
  for (uint64_t step = kBlockBytes; step <= kAlignmentBytesMax; step *= 2) {
    offset = round_up(tail_.end, step);
    if (offset == tried) continue;
    tried = offset;
    TRY(const bool written, batch_between(file, tail_.end, offset));
    if (written) break;  // what lies further on was written to a wrong place
    TRY(const std::optional<Batch> batch, file.batch_at(offset));
    if (batch && batch->header.epoch == tail_.segment.epoch && batch->header.sequence == tail_.next_sequence &&
        batch->header.previous_end == tail_.end) {
      return batch;
    }
  }
  return std::optional<Batch>();
}

Status Reading::take_entry(const std::string& path, uint64_t offset, const RecordReader& records) {
  const Index index = records.entry_index();
  if (index < recovered_.first_index || index > tail_.last_index + 1) {
    return Status(Code::kDataLoss, path + ": offset " + std::to_string(offset) + ": entry " + std::to_string(index) +
                                       " follows entry " + std::to_string(tail_.last_index));
  }
  if (index > skip_to_ && index <= given_to_) {
    return Status(Code::kDataLoss, path + ": offset " + std::to_string(offset) + ": entry " + std::to_string(index) +
                                       " replaces one that is committed");
  }
  while (!recovered_.entries.empty() && recovered_.entries.back().index >= index) recovered_.entries.pop_back();
  if (index > skip_to_) {
    recovered_.entries.push_back(records.entry());
  } else {
    recovered_.skipped_term = index == skip_to_ ? records.entry_term() : 0;
  }
  tail_.last_index = index;
  return {};
}

// After an append: the hard state that it begins with counts what it brings, not what it replaces.
void Reading::give_committed() {
  if (!committed_ || recovered_.first_index > skip_to_ + 1) return;
  auto& entries = recovered_.entries;
  size_t given = 0;
  for (; given < entries.size() && entries[given].index <= recovered_.hard_state.commit; ++given) {
    CHECK(entries[given].index == given_to_ + 1);
    committed_->take(entries[given]);
    ++given_to_;
  }
  entries.erase(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(given));
}

Status Reading::take_append(const std::string& path, uint64_t offset, std::string_view payload) {
  RecordReader records(payload);
  for (;;) {
    switch (records.next()) {
      case RecordReader::Next::kEnd: give_committed(); return {};
      case RecordReader::Next::kMalformed:
        return Status(Code::kDataLoss,
                      path + ": offset " + std::to_string(offset) + ": the batch holds a record that is none");
      case RecordReader::Next::kHardState: recovered_.hard_state = records.hard_state(); break;
      case RecordReader::Next::kEntry:
        if (Status status = take_entry(path, offset, records); !status.ok()) return status;
        break;
    }
  }
}

Status Reading::take_records(const std::string& path, uint64_t offset, const BatchHeader& header,
                             std::string_view payload) {
  // What an append left unfinished at a crash is void once another one begins.
  if (header.begins) {
    append_.clear();
    in_append_ = true;
  }
  if (!in_append_) {
    return Status(Code::kDataLoss,
                  path + ": offset " + std::to_string(offset) + ": the batch continues an append that did not begin");
  }
  if (header.begins && header.ends) {
    in_append_ = false;
    return take_append(path, offset, payload);
  }
  append_ += payload;
  if (!header.ends) return {};
  in_append_ = false;
  Status status = take_append(path, offset, append_);
  append_ = {};
  return status;
}

Result<Reading::Way> Reading::take(const SegmentReader& file, uint64_t offset, const Batch& batch) {
  ++tail_.next_sequence;
  tail_.end = offset + batch_bytes(batch.header.length);
  switch (batch.header.kind) {
    case BatchKind::kRecords: {
      tail_.sealed = false;
      const Status status = take_records(file.path(), offset, batch.header, batch.payload);
      if (!status.ok()) return fail(status);
      return Way::kEndsHere;
    }
    case BatchKind::kSeal:
      if (!batch.payload.empty()) return loss(file.path(), offset, "a seal that is not empty");
      tail_.sealed = true;
      return Way::kEndsHere;
    case BatchKind::kMovedOn: {
      const std::optional<MovedOn> moved_on = decode_moved_on(batch.payload);
      if (!moved_on || moved_on->segment != tail_.segment.segment + 1 || moved_on->epoch <= tail_.segment.epoch) {
        return loss(file.path(), offset, "the segment's last batch does not name the next segment");
      }
      next_epoch_ = moved_on->epoch;
      tail_.sealed = true;
      return Way::kGoesOn;
    }
  }
  return loss(file.path(), offset, "a batch of an unknown kind");
}

Result<Reading::Way> Reading::read_segment(uint64_t segment) {
  TRY(SegmentReader file, open(segment));
  TRY(tail_.segment, read_header(file, segment));
  tail_.segments.push_back({.segment = segment, .first_index = tail_.segment.first_index, .whole = !in_append_});
  tail_.epoch_max = std::max(tail_.epoch_max, tail_.segment.epoch);
  tail_.end = kBlockBytes;
  for (;;) {
    uint64_t offset = 0;
    TRY(const std::optional<Batch> batch, next_batch(file, offset));
    if (!batch) return finish(file);
    TRY(const Way way, take(file, offset, *batch));
    if (way == Way::kGoesOn) return way;
  }
}

// Whether what stands where the next batch would begin is rather that batch, damaged, than what a file held
// before: two of its four fields are as they must be, and one of them no earlier use of the file can have.
Result<bool> Reading::looks_torn(SegmentReader& file) {
  for (uint64_t step = kBlockBytes; step <= kAlignmentBytesMax; step *= 2) {
    TRY(const std::string_view head, file.at(round_up(tail_.end, step), kBatchHeaderBytes));
    if (head.size() < kBatchHeaderBytes) continue;
    const RawBatchHeader raw = peek_batch_header(head);
    const bool epoch = raw.epoch == tail_.segment.epoch;
    const bool sequence = raw.sequence == tail_.next_sequence;
    const bool place = raw.previous_end == tail_.end;
    if ((epoch || sequence) && int{raw.magic} + int{epoch} + int{sequence} + int{place} >= 2) return true;
  }
  return false;
}

Result<Reading::Way> Reading::finish(SegmentReader& file) {
  const uint64_t epoch = tail_.segment.epoch;
  TRY(const SegmentReader::Scan scan,
      file.scan(tail_.end, {.epoch_min = epoch, .epoch_max = epoch, .sequence_min = tail_.next_sequence}));
  if (scan.later_batch) {
    return loss(file.path(), tail_.end,
                "batch " + std::to_string(tail_.next_sequence) + " is damaged: a later one is whole at offset " +
                    std::to_string(*scan.later_batch));
  }
  if (const Status status = check_later_segments(); !status.ok()) return fail(status);
  TRY(const bool torn, looks_torn(file));
  tail_.stale_end = tail_.end;
  // A file that was filled with zeros shows everything that was ever written behind the end.
  if (torn || (!tail_.segment.recycled && scan.used_end > tail_.end)) {
    recovered_.cut_tail = true;
    // A recycled file is full of old batches: no more is wiped than one write can have left.
    const uint64_t write_max = tail_.end + batch_bytes(limits::kMaxBatchBytes) + kAlignmentBytesMax;
    tail_.stale_end = tail_.segment.recycled ? std::min(scan.used_end, write_max) : scan.used_end;
    // Until a seal says otherwise, what was cut may be asked about again.
    tail_.sealed = false;
  }
  return Way::kEndsHere;
}

// No segment behind the current one may hold a batch: the one before it would say so.
Status Reading::check_later_segments() {
  const uint64_t current = tail_.segment.segment;
  for (const uint64_t segment : segments_) {
    if (segment <= current) continue;
    auto file = open(segment);
    if (!file) return file.error();
    auto header = file->header();
    if (!header) return header.error();
    if (segment == current + 1) tail_.spare_segment = segment;
    // A segment's header is durable before its first batch. One without was never in use.
    if (!*header || (*header)->epoch <= tail_.segment.epoch) continue;
    tail_.epoch_max = std::max(tail_.epoch_max, (*header)->epoch);
    auto scan = file->scan(
        kBlockBytes,
        {.epoch_min = tail_.segment.epoch + 1, .epoch_max = UINT64_MAX, .sequence_min = tail_.next_sequence});
    if (!scan) return scan.error();
    if (scan->later_batch) {
      return Status(Code::kDataLoss, path_of(current) + ": offset " + std::to_string(tail_.end) + ": batch " +
                                         std::to_string(tail_.next_sequence) +
                                         " is damaged: a later one is whole at offset " +
                                         std::to_string(*scan->later_batch) + " of " + path_of(segment));
    }
  }
  return {};
}

Result<Recovery> Reading::run() {
  TRY(const std::vector<std::string> names, disk_.list(directory_));
  for (const std::string& name : names) {
    if (const uint64_t segment = segment_of_name(name); segment != 0) segments_.push_back(segment);
  }
  std::sort(segments_.begin(), segments_.end());
  for (uint64_t segment = manifest_.first_segment;; ++segment) {
    TRY(const Way way, read_segment(segment));
    if (way == Way::kEndsHere) break;
  }
  for (const uint64_t segment : segments_) {
    if (segment < manifest_.first_segment) tail_.freed.push_back(segment);
  }
  recovered_.last_index = tail_.last_index;
  recovered_.end_path = path_of(tail_.segment.segment);
  recovered_.end_offset = tail_.end;
  return Recovery{std::move(recovered_), tail_};
}

}  // namespace

Result<Recovery> recover(env::Disk& disk, const std::string& directory, const Manifest& manifest, Index skip_to,
                         CommittedSink* committed) {
  CHECK(manifest.first_segment != 0);
  return Reading(disk, directory, manifest, skip_to, committed).run();
}

}  // namespace quorate::wal
