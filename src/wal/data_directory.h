// wal/data_directory.h: the folder that a member owns: its lock, its identity, its subfolders.
//
//   quorate.json   format, cluster id, member id, name; written last when the folder is made
//   log/           manifest and segments (elsewhere with --wal-dir)
//   image/         checkpoints
//   flight-*       recordings that a failed CHECK left (env/recorder.h)
//
// Refused with a clear text: a folder of etcd's (member/), of a newer format, a foreign non-empty one, one
// without write permission, one that another process holds, one whose log is not where it is looked for.
// Blocks; start-up only. Thread: core. Format: docs/formats/wal.md.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "env/disk.h"

namespace quorate::wal {

inline constexpr std::string_view kFlightPrefix = "flight-";

struct Identity {
  ClusterId cluster = 0;
  MemberId member = 0;
  std::string name{};  // the member's, for people who look into the file
};

struct DataDirectory {
  std::string path;
  std::string log_path;
  Identity identity;
  bool fresh = false;  // was made by this call
  std::unique_ptr<env::DirectoryLock> lock;
};

// Opens `path`, or makes it for `bootstrap` where there is none (or an empty one). `wal_path` empty = path/log.
// An existing folder keeps its own identity, whatever `bootstrap` says; its log must be where it is looked for.
Result<DataDirectory> open_data_directory(env::Disk& disk, const std::string& path, const std::string& wal_path,
                                          const Identity& bootstrap);

}  // namespace quorate::wal
