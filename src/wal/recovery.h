// wal/recovery.h: reads a log from its first segment to its end, and says whether that is its end.
//
// Thread:  core, at start-up; blocks. Changes nothing on the disk.
// Format:  docs/formats/wal.md, "The end of the log"
// Invariants:
//   (1) Every batch that was acknowledged is returned, or the result is kDataLoss with file and offset, or it
//       was the very last one and cut_tail is set where its damage can be told from an unwritten block.
//   (2) An append whose last batch is not there leaves no trace.
//   (3) Memory: one window of the file and one append, besides the entries returned; with a sink those are what no hard
//       state says is committed.
//   (4) What a sink was given is never replaced: a log that tries is kDataLoss.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "env/disk.h"
#include "wal/format.h"
#include "wal/wal.h"

namespace quorate::wal {

// A segment in use, as far as freeing it asks.
struct SegmentStart {
  uint64_t segment = 0;
  Index first_index = 0;  // as in its header
  bool whole = true;      // no append that begins in the segment before ends in this one
};

// Where writing goes on.
struct Tail {
  SegmentHeader segment;   // the current one
  uint64_t end = 0;        // its bytes in use; a multiple of kBlockBytes
  uint64_t stale_end = 0;  // up to here are remains of a cut batch; `end` where there are none
  uint64_t next_sequence = 1;
  Index last_index = 0;                  // of the last entry; 0 where there is none
  bool sealed = true;                    // nothing was written since the last seal, or nothing at all
  uint64_t spare_segment = 0;            // an existing file that can be the next segment, or 0
  uint64_t epoch_max = 0;                // that any header in the folder carries
  std::vector<SegmentStart> segments{};  // in use, ascending
  std::vector<uint64_t> freed{};         // files before the first one, of no further use
};

struct Recovery {
  Recovered recovered;
  Tail tail;
};

// Entries up to `skip_to` are checked and not returned; nor are those that `committed` is given.
Result<Recovery> recover(env::Disk& disk, const std::string& directory, const Manifest& manifest, Index skip_to = 0,
                         CommittedSink* committed = nullptr);

}  // namespace quorate::wal
