#include "wal/writer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "base/mutant.h"

namespace quorate::wal {

namespace {

// The payload of the largest batch that fits an empty segment, the last batch behind it left room for.
size_t chunk_bytes_max(uint64_t segment_bytes, uint64_t block_bytes) {
  const uint64_t room = segment_bytes - kAlignmentBytesMax - round_up(kBlockBytes, block_bytes);
  return static_cast<size_t>(std::min<uint64_t>(limits::kMaxBatchBytes, room - kBatchHeaderBytes));
}

}  // namespace

Writer::Writer(env::Disk& disk, env::Loop& loop, env::Log& log, env::Trace& trace, Setup setup)
    : disk_(disk),
      loop_(loop),
      log_(log),
      trace_(trace),
      directory_(setup.directory),
      manifest_(setup.manifest),
      seed_(checksum_seed(setup.manifest)),
      block_bytes_(std::max<uint64_t>(kBlockBytes, setup.traits.alignment_bytes)),
      chunk_bytes_max_(chunk_bytes_max(setup.segment_bytes, block_bytes_)),
      segment_(setup.tail.segment),
      current_(std::move(setup.current)),
      spare_(disk, loop, log,
             {.directory = setup.directory, .segment_bytes = setup.segment_bytes, .traits = setup.traits},
             [this] { spare_changed(); }),
      end_(setup.tail.end),
      wipe_at_(round_up(end_, block_bytes_)),
      wipe_end_(setup.tail.stale_end),
      sequence_(setup.tail.next_sequence),
      epoch_max_(setup.tail.epoch_max),
      written_index_(setup.tail.last_index),
      queued_index_(setup.tail.last_index),
      sealed_(setup.tail.sealed),
      segments_(setup.tail.segments.begin(), setup.tail.segments.end()),
      hard_state_(setup.hard_state),
      self_(std::make_shared<Writer*>(this)),
      last_active_(loop.now()) {
  counters_.segments = segments_.size();
  for (const uint64_t segment : setup.freed) spare_.offer(segment);
  if (setup.spare) spare_.adopt(segment_.segment + 1, std::move(setup.spare));
  spare_.prepare(segment_.segment + 1);
  arm_idle();
}

Writer::~Writer() {
  *self_ = nullptr;
  loop_.cancel(idle_timer_);
}

void Writer::append(std::optional<pb::HardState> hard_state, std::span<const pb::Entry> entries, Done done) {
  Waiting waiting{.done = std::move(done)};
  size_t bytes = hard_state ? record_bytes(*hard_state) : 0;
  for (const pb::Entry& entry : entries) bytes += record_bytes(entry);
  waiting.payload.reserve(bytes);
  if (hard_state) {
    hard_state_ = *hard_state;
    append_record(*hard_state, waiting.payload);
  }
  for (const pb::Entry& entry : entries) {
    CHECK(entry.index > 0 && entry.index <= queued_index_ + 1);
    append_record(entry, waiting.payload);
    queued_index_ = waiting.last_entry = entry.index;
  }
  if (mutated(Mutant::kAckBeforeSync) && status_.ok()) {
    loop_.post([tell = std::exchange(waiting.done, {})]() mutable { tell(Status()); });
  }
  enqueue(std::move(waiting));
}

void Writer::seal(Done done) {
  if (status_.ok() && sealed_ && queue_.empty()) {
    loop_.post([tell = std::move(done)]() mutable {
      if (tell) tell(Status());
    });
    return;
  }
  enqueue({.kind = BatchKind::kSeal, .done = std::move(done)});
}

void Writer::enqueue(Waiting waiting) {
  if (!status_.ok()) {
    loop_.post([tell = std::move(waiting.done), status = status_]() mutable {
      if (tell) tell(status);
    });
    return;
  }
  queue_.push_back(std::move(waiting));
  pump();
}

void Writer::pump() {
  if (in_flight_ || !status_.ok() || queue_.empty()) return;
  if (wipe_at_ < wipe_end_) return wipe();
  const Chunk chunk = next_chunk();
  if (fits(chunk.bytes)) {
    write_batch(chunk);
  } else {
    move_on();
  }
}

Writer::Chunk Writer::next_chunk() const {
  const Waiting& first = queue_.front();
  const size_t rest = first.payload.size() - first.written;
  Chunk chunk{.calls = 1,
              .bytes = std::min(rest, chunk_bytes_max_),
              .begins = first.written == 0,
              .ends = rest <= chunk_bytes_max_};
  if (first.kind != BatchKind::kRecords || !chunk.begins || !chunk.ends) return chunk;
  while (chunk.calls < queue_.size()) {
    const Waiting& next = queue_[chunk.calls];
    const size_t bytes = chunk.bytes + next.payload.size();
    if (next.kind != BatchKind::kRecords || bytes > chunk_bytes_max_ || !fits(bytes)) break;
    chunk.bytes = bytes;
    ++chunk.calls;
  }
  return chunk;
}

bool Writer::fits(size_t payload_bytes) const {
  const uint64_t bytes = round_up(kBatchHeaderBytes + payload_bytes, block_bytes_);
  return write_offset() + bytes + kAlignmentBytesMax <= segment_.segment_bytes;
}

void Writer::write(env::LogFile& file, uint64_t offset, env::AlignedBuffer buffer, void (Writer::*then)()) {
  in_flight_ = true;
  flight_began_ = loop_.now();
  ++counters_.writes;
  counters_.bytes += buffer.size();
  file.write(offset, std::move(buffer), [this, &file, offset, then](const Status& status, env::AlignedBuffer back) {
    if (mutated(Mutant::kRetryFailedSync) && !status.ok()) return write(file, offset, std::move(back), then);
    written(status, then);
  });
}

void Writer::written(const Status& status, void (Writer::*then)()) {
  in_flight_ = false;
  last_active_ = loop_.now();
  counters_.last_write = last_active_ - flight_began_;
  if (status.ok()) {
    (this->*then)();
  } else {
    poison(status);
  }
}

env::AlignedBuffer Writer::batch_buffer(size_t payload_bytes) const {
  return env::AlignedBuffer(static_cast<size_t>(round_up(kBatchHeaderBytes + payload_bytes, block_bytes_)));
}

void Writer::write_batch(const Chunk& chunk) {
  chunk_ = chunk;
  const BatchKind kind = queue_.front().kind;
  const BatchHeader header{.epoch = segment_.epoch,
                           .sequence = sequence_,
                           .previous_end = end_,
                           .length = static_cast<uint32_t>(chunk.bytes),
                           .kind = kind,
                           .begins = chunk.begins,
                           .ends = chunk.ends};
  env::AlignedBuffer buffer = batch_buffer(chunk.bytes);
  char* at = buffer.data() + kBatchHeaderBytes;
  Index last_entry = 0;
  for (size_t i = 0; i < chunk.calls; ++i) {
    const Waiting& waiting = queue_[i];
    const size_t bytes = std::min(waiting.payload.size() - waiting.written, chunk.bytes);
    at = std::copy_n(waiting.payload.data() + waiting.written, bytes, at);
    if (waiting.last_entry != 0) last_entry = waiting.last_entry;
  }
  encode_batch_header(header, seed_, {buffer.data(), buffer.size()});
  if (last_entry != 0 && chunk.begins) trace_.mark(env::Stage::kLog, 0, last_entry);
  flight_end_ = write_offset() + batch_bytes(chunk.bytes);
  if (mutated(Mutant::kRewriteBlock)) return rewrite_block(std::move(buffer));
  write(*current_, write_offset(), std::move(buffer), &Writer::batch_written);
}

void Writer::rewrite_block(env::AlignedBuffer batch) {
  const size_t block = static_cast<size_t>(block_bytes_);
  const bool follows = last_block_.size() == block && write_offset() > round_up(kBlockBytes, block_bytes_);
  const size_t before = follows ? block : 0;
  env::AlignedBuffer both(before + batch.size());
  std::copy_n(last_block_.data(), before, both.data());
  std::copy_n(batch.data(), batch.size(), both.data() + before);
  last_block_ = env::AlignedBuffer(block);
  std::copy_n(batch.data() + batch.size() - block, block, last_block_.data());
  write(*current_, write_offset() - before, std::move(both), &Writer::batch_written);
}

void Writer::batch_written() {
  end_ = flight_end_;
  ++sequence_;
  std::vector<Done> answered;
  sealed_ = queue_.front().kind == BatchKind::kSeal;
  if (chunk_.ends) {
    Index last_entry = 0;
    for (size_t i = 0; i < chunk_.calls; ++i) {
      Waiting& waiting = queue_.front();
      if (waiting.last_entry != 0) last_entry = waiting.last_entry;
      answered.push_back(std::move(waiting.done));
      queue_.pop_front();
    }
    counters_.batches += chunk_.calls;
    if (last_entry != 0) {
      written_index_ = last_entry;
      trace_.mark(env::Stage::kDurable, 0, last_entry);
    }
  } else {
    queue_.front().written += chunk_.bytes;
  }
  // The disk is busy again before anybody hears of what is done.
  pump();
  arm_idle();
  for (Done& done : answered) {
    if (done) done(Status());
  }
}

void Writer::wipe() {
  const uint64_t bytes = std::min<uint64_t>(round_up(wipe_end_ - wipe_at_, block_bytes_), limits::kMaxBatchBytes);
  flight_end_ = wipe_at_ + bytes;
  write(*current_, wipe_at_, env::AlignedBuffer(static_cast<size_t>(bytes)), &Writer::wiped);
}

void Writer::wiped() {
  wipe_at_ = flight_end_;
  pump();
}

void Writer::move_on() {
  if (!spare_.ready()) {
    if (!std::exchange(needs_spare_, true)) spare_.prepare(segment_.segment + 1);
    return;
  }
  told_full_ = false;
  next_segment_ = {.cluster = manifest_.cluster,
                   .member = manifest_.member,
                   .epoch = ++epoch_max_,
                   .segment = segment_.segment + 1,
                   .first_index = written_index_ + 1,
                   .first_sequence = sequence_ + 1,
                   .segment_bytes = spare_.segment_bytes(),
                   .recycled = spare_.recycled()};
  env::AlignedBuffer block(static_cast<size_t>(block_bytes_));
  encode_segment_header(next_segment_, seed_, {block.data(), block.size()});
  write(spare_.file(), 0, std::move(block), &Writer::header_written);
}

void Writer::header_written() {
  const std::string payload = encode_moved_on({.segment = next_segment_.segment, .epoch = next_segment_.epoch});
  const BatchHeader header{.epoch = segment_.epoch,
                           .sequence = sequence_,
                           .previous_end = end_,
                           .length = static_cast<uint32_t>(payload.size()),
                           .kind = BatchKind::kMovedOn};
  env::AlignedBuffer buffer = batch_buffer(payload.size());
  std::copy(payload.begin(), payload.end(), buffer.data() + kBatchHeaderBytes);
  encode_batch_header(header, seed_, {buffer.data(), buffer.size()});
  write(*current_, write_offset(), std::move(buffer), &Writer::moved_on);
}

void Writer::moved_on() {
  // The file is asked to go once its completion has returned.
  loop_.post([old = std::exchange(current_, spare_.take())] {});
  segment_ = next_segment_;
  segments_.push_back({.segment = segment_.segment,
                       .first_index = segment_.first_index,
                       .whole = queue_.empty() || queue_.front().written == 0});
  end_ = kBlockBytes;
  ++sequence_;
  counters_.segments = segments_.size();
  sealed_ = true;
  spare_.prepare(segment_.segment + 1);
  pump();
}

void Writer::spare_changed() {
  if (!needs_spare_) return;
  if (spare_.ready()) {
    needs_spare_ = false;
    return pump();
  }
  // Nothing of what waits was begun, so that it can wait: unlike a failed write, a full disk leaves no doubt. Who ends
  // does not wait for it.
  if (!waits_for_space() || seal_is_waited_for()) return poison(no_segment());
  if (!std::exchange(told_full_, true)) log_.error("what is written waits", {{"error", no_segment().text()}});
}

bool Writer::seal_is_waited_for() const {
  return std::ranges::any_of(queue_, [](const Waiting& each) { return each.kind == BatchKind::kSeal && each.done; });
}

Status Writer::no_segment() const {
  return Status(spare_.failure().code(),
                "the log is full and no further segment can be made: " + spare_.failure().text());
}

// Steps, each durable before the next: the hard state, which may stand in a segment that goes, stands in the current
// one; the manifest names another first segment; the files before it are used again.
void Writer::release(Index up_to, env::Pool& pool) {
  if (releasing_ || !status_.ok()) return;
  uint64_t first = 0;
  for (const SegmentStart& start : segments_) {
    if (start.first_index <= up_to + 1 && start.whole) first = start.segment;
  }
  if (first <= manifest_.first_segment) return;
  releasing_ = true;
  append(hard_state_, {}, [this, first, &pool](const Status& status) {
    if (status.ok()) raise_first(first, pool);
  });
}

void Writer::raise_first(uint64_t segment, env::Pool& pool) {
  Manifest manifest = manifest_;
  manifest.first_segment = segment;
  auto result = std::make_shared<Status>();
  pool.submit([&disk = disk_, path = directory_ + "/" + std::string(kManifestName), bytes = encode_manifest(manifest),
               result] { *result = disk.replace_file(path, bytes); },
              [self = self_, manifest, result, &pool] {
                if (*self != nullptr) (*self)->raised(manifest, *result, pool);
              });
}

void Writer::raised(const Manifest& manifest, const Status& status, env::Pool& pool) {
  releasing_ = false;
  if (!status.ok()) {
    log_.warn("segments of the log cannot be freed", {{"error", status.text()}});
    return;
  }
  manifest_ = manifest;
  std::vector<std::string> surplus;
  while (segments_.front().segment < manifest_.first_segment) {
    const uint64_t segment = segments_.front().segment;
    segments_.pop_front();
    if (!spare_.offer(segment)) surplus.push_back(directory_ + "/" + segment_name(segment));
  }
  log_.info("freed segments of the log", {{"first-segment", manifest_.first_segment}, {"segments", segments_.size()}});
  counters_.segments = segments_.size();
  if (surplus.empty()) return;
  pool.submit(
      [&disk = disk_, paths = std::move(surplus)] {
        for (const std::string& path : paths) (void)disk.remove(path);
      },
      [] {});
}

void Writer::poison(Status status) {
  status_ = std::move(status);
  log_.error("the log failed; nothing more is written", {{"error", status_.text()}});
  std::deque<Waiting> waiting = std::exchange(queue_, {});
  const Status told = status_;
  for (Waiting& each : waiting) {
    if (each.done) each.done(told);
  }
}

void Writer::arm_idle() {
  if (sealed_ || idle_timer_ != 0) return;
  idle_timer_ = loop_.at(last_active_ + limits::kIdleSeal, [this] {
    idle_timer_ = 0;
    idle();
  });
}

void Writer::idle() {
  if (!status_.ok() || sealed_) return;
  if (in_flight_ || !queue_.empty()) return;  // what completes arms the timer again
  if (loop_.now() < last_active_ + limits::kIdleSeal) return arm_idle();
  enqueue({.kind = BatchKind::kSeal, .done = {}});
}

}  // namespace quorate::wal
