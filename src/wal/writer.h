// wal/writer.h: the Wal that is open: gathers appends into batches and writes them, one at a time.
//
// Loop:    core.
// Format:  docs/formats/wal.md
// Invariants (besides those of wal.h):
//   (1) One write is in flight at most, over both files: what follows waits until it is durable.
//   (2) A segment's header is durable before the segment before it says that the log moved on, and that is
//       durable before the first batch of the new one.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "env/env.h"
#include "wal/recovery.h"
#include "wal/spare.h"
#include "wal/wal.h"

namespace quorate::wal {

class Writer final : public Wal {
 public:
  using Done = std::move_only_function<void(const Status&)>;
  struct Setup {
    Manifest manifest;
    env::DiskTraits traits;
    std::string directory;
    uint64_t segment_bytes = 0;  // of segments to come
    Tail tail;
    pb::HardState hard_state;  // the last one in the log
    std::unique_ptr<env::LogFile> current;
    std::unique_ptr<env::LogFile> spare;  // of segment tail.segment.segment + 1, or null
    std::vector<uint64_t> freed{};        // files that can be segments again
  };
  Writer(env::Disk& disk, env::Loop& loop, env::Log& log, env::Trace& trace, Setup setup);
  ~Writer() override;

  void append(std::optional<pb::HardState> hard_state, std::span<const pb::Entry> entries, Done done) override;
  void seal(Done done) override;
  void release(Index up_to, env::Pool& pool) override;
  const Counters& counters() const override { return counters_; }
  const Status& status() const override { return status_; }
  Status spare_failure() const override { return spare_.failure(); }

 private:
  // One call of append or seal that is not answered yet.
  struct Waiting {
    BatchKind kind = BatchKind::kRecords;
    std::string payload{};
    size_t written = 0;    // of the payload, in batches before
    Index last_entry = 0;  // 0: holds no entry
    Done done{};
  };
  // What the next write carries: whole calls, or a part of the first one.
  struct Chunk {
    size_t calls = 0;
    size_t bytes = 0;  // of payload
    bool begins = true, ends = true;
  };

  void enqueue(Waiting waiting);
  void pump();
  Chunk next_chunk() const;
  bool fits(size_t payload_bytes) const;
  uint64_t write_offset() const { return round_up(end_, block_bytes_); }

  void write(env::LogFile& file, uint64_t offset, env::AlignedBuffer buffer, void (Writer::*then)());
  void written(const Status& status, void (Writer::*then)());
  env::AlignedBuffer batch_buffer(size_t payload_bytes) const;
  void write_batch(const Chunk& chunk);
  void batch_written();
  void rewrite_block(env::AlignedBuffer batch);  // Mutant::kRewriteBlock
  void wipe();
  void wiped();
  void move_on();
  void header_written();
  void moved_on();
  void spare_changed();
  bool waits_for_space() const { return needs_spare_ && spare_.failure().code() == Code::kResourceExhausted; }
  bool seal_is_waited_for() const;
  Status no_segment() const;
  void raise_first(uint64_t segment, env::Pool& pool);
  void raised(const Manifest& manifest, const Status& status, env::Pool& pool);
  void poison(Status status);
  void arm_idle();
  void idle();

  env::Disk& disk_;
  env::Loop& loop_;
  env::Log& log_;
  env::Trace& trace_;
  const std::string directory_;
  Manifest manifest_;
  const uint32_t seed_;
  const uint64_t block_bytes_;  // of the disk; a write begins and ends at a multiple
  const size_t chunk_bytes_max_;

  // The log.
  SegmentHeader segment_;
  std::unique_ptr<env::LogFile> current_;
  SegmentHeader next_segment_;  // while moving on
  Spare spare_;
  uint64_t end_;                 // of what is written in the current segment
  uint64_t wipe_at_, wipe_end_;  // remains of a cut batch between them are zeroed before the next one
  uint64_t sequence_;            // of the next batch
  uint64_t epoch_max_;
  Index written_index_;  // the last entry of the appends that are wholly written
  Index queued_index_;   // and of all
  bool sealed_;
  std::deque<SegmentStart> segments_;  // in use, ascending; the last one is the current
  pb::HardState hard_state_;           // the last one that was queued
  bool releasing_ = false;
  std::shared_ptr<Writer*> self_;  // null inside once destroyed: what the pool was given outlives it

  // What waits, and the write in flight. The callers bound the queue: raft by its Ready, the server by admission.
  std::deque<Waiting> queue_;  // the first chunk_.calls of it are in flight, or a part of the first
  Chunk chunk_;
  bool in_flight_ = false;
  bool needs_spare_ = false;
  bool told_full_ = false;   // that it waits for the next segment
  uint64_t flight_end_ = 0;  // end_ once the write in flight is durable
  MonoTime flight_began_{};
  MonoTime last_active_{};
  env::TimerId idle_timer_ = 0;
  Status status_;
  Counters counters_;
  env::AlignedBuffer last_block_;  // of the batch before; for Mutant::kRewriteBlock alone
};

}  // namespace quorate::wal
