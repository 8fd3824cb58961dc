// server/restore.h: the newest sound image at a start, and whether the log continues it.
//
// Thread:  core, at start-up; blocks.
// Format:  docs/formats/checkpoint.md, section 6
// Invariants:
//   (1) What was acknowledged is in the image and the log behind it, or the start is refused with file and offset.
//   (2) A damaged image is passed over, with a warning, where an older one and the log, or the log alone, have it all.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "machine/machine.h"
#include "pb/raft.h"
#include "server/checkpointer.h"
#include "wal/wal.h"

namespace quorate::server {

struct Restored {
  std::unique_ptr<machine::Machine> machine;  // null where no image is of use, until the log is read
  Index image_index = 0;                      // the last entry that was in the image, and its term
  Term image_term = 0;
  uint64_t replayed_bytes = 0;       // of the entries that were applied while the log was read
  pb::ConfState configuration;       // Raft's, as of the machine's applied index
  std::string path;                  // of the image that was loaded
  std::vector<SavedImage> saved;     // ascending; those older than the loaded one were not looked at
  std::vector<std::string> damaged;  // paths
  Status damage;                     // names each of them, with its offset
};

struct RestoreOptions {
  std::string directory;  // where there is none there is no image
  ClusterId cluster = 0;
  MemberId member = 0;
  machine::Options machine;
};

// Removes what an image under way left at a crash. Errors: an image of a newer format or of another member, and
// whatever keeps a file from being read.
Result<Restored> restore(env::Disk& disk, env::Log& log, const RestoreOptions& options);

// Ok where the log has every entry behind what was restored, and fits it.
Status check_log(const Restored& restored, const wal::Recovered& log, const std::string& image_directory);

}  // namespace quorate::server
