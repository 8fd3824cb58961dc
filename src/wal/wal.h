// wal/wal.h: the durable Raft log: pre-written segments of checksummed batches.
//
// Loop:    core. Not safe for any other.
// Format:  docs/formats/wal.md
// Invariants:
//   (1) A batch is acknowledged only after the write that carries it, and all before it, is durable.
//   (2) After a failed write the log is poisoned: every later call returns the same error.
//   (3) Entry indexes may step back (truncation) but never skip forward.
//   (4) A block that holds an acknowledged record is never written again.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "env/env.h"
#include "pb/raft.h"

namespace quorate::wal {

// Is given entries while a log is opened, in order and each once, as soon as the log says that they are committed:
// behind what is skipped, and without a gap.
class CommittedSink {
 public:
  virtual ~CommittedSink() = default;
  virtual void take(const pb::Entry& entry) = 0;
};

struct Options {
  std::string directory;  // of the segments; exists
  ClusterId cluster = 0;  // stamped into every segment, checked at open
  MemberId member = 0;
  bool unsafe_no_fsync = false;
  uint64_t segment_bytes = 0;  // 0 = limits::kSegmentBytes; a multiple of kAlignmentBytesMax (format.h), at least three
  uint64_t salt = 0;           // random; goes into a log when it is made, so that no value can pose as a batch
  Index skip_to = 0;           // entries up to it are checked and not returned: an image has them
  CommittedSink* committed = nullptr;  // what it is given is not returned; null: everything is
};

// What the log held when it was opened.
struct Recovered {
  pb::HardState hard_state;
  std::vector<pb::Entry>
      entries;            // dense, ascending, from first_index or the one after what was skipped and given away
  Index first_index = 1;  // where the log begins: one before it entries were freed, if any were
  Index last_index = 0;   // of the last entry, returned or skipped; first_index - 1 where there is none
  Term skipped_term = 0;  // of entry skip_to; 0 where the log does not hold it
  std::string end_path;   // where the log ends: for texts
  uint64_t end_offset = 0;
  bool cut_tail = false;  // the last batch was torn and cut; it may have been acknowledged
};

struct Opened;

class Wal {
 public:
  // Opens the log in `options.directory`, making it where there is none. Errors (kDataLoss) name file and
  // offset and leave everything as it was. Blocks; start-up only.
  static Result<Opened> open(env::Disk& disk, env::Loop& loop, env::Log& log, env::Trace& trace,
                             const Options& options);
  // Forgets what is not answered yet. A spare that is being made is finished by the disk later, under the name
  // it was to get: open the folder again only after the disk of this log is gone too.
  virtual ~Wal() = default;

  // Queues one batch: hard state and entries become durable together. `done` runs on the core loop, in the
  // order of the calls, never inside one; it may append, but not destroy the log. While a write is in
  // flight, later batches gather and go out as one write. An index above the last one plus one is a CHECK.
  virtual void append(std::optional<pb::HardState> hard_state, std::span<const pb::Entry> entries,
                      std::move_only_function<void(const Status&)> done) = 0;

  // Queues the empty batch that seals the tail, where it is not sealed yet; also done by itself after limits::kIdleSeal
  // of idleness. Behind appends that wait for a full disk it fails, and they do, when the next attempt finds it so:
  // nobody knows for how long.
  virtual void seal(std::move_only_function<void(const Status&)> done) = 0;

  // Frees whole segments that hold nothing but entries up to `up_to`; they become the segments to come. An image of
  // the state at `up_to` or later must be durable. Done in the background, by `pool`, which may run what is handed in
  // until the log's disk is gone; where it fails the segments stay, and a later call frees them.
  virtual void release(Index up_to, env::Pool& pool) = 0;

  // Bytes written so far, padding included, and the time of the last write: for metrics.
  struct Counters {
    uint64_t writes = 0, bytes = 0, batches = 0, segments = 0;
    Duration last_write{};
  };
  virtual const Counters& counters() const = 0;
  virtual const Status& status() const = 0;  // ok, or what poisoned the log

  // Not ok while no next segment is there and the last try to make one failed; kResourceExhausted is a full disk.
  // Appends go on until the current segment is full. What no longer fits waits while the disk is full; for any other
  // reason it fails, and poisons the log. Tried again every limits::kSpareRetry, and once more when it is needed.
  virtual Status spare_failure() const { return {}; }
};

struct Opened {
  std::unique_ptr<Wal> wal;
  Recovered recovered;
};

}  // namespace quorate::wal
