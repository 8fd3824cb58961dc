// sim/log_map.h: where what stands in a member's log: the batches on the medium, with their files and offsets.
//
// Written against the format's document alone (docs/formats/wal.md), as far as finding the last batch needs it.
// Threads: any.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "env/sim/drive.h"
#include "wal/format.h"

namespace quorate::sim {

struct BatchPlace {
  std::string path;
  uint64_t offset = 0, bytes = 0;
  wal::BatchKind kind = wal::BatchKind::kRecords;
  Index append_first = 0;  // the first entry of the append that it belongs to; 0 where that has none
};

// The batches of the log in `directory`, in order, up to the first place where none follows.
std::vector<BatchPlace> map_log(const env::sim::SimDrive& drive, const std::string& directory);

}  // namespace quorate::sim
