// env/log_rotation.h: when a log file is put aside and a new one begun, and which of the old ones stay.
//
// Pure functions and values; names and rules are those of etcd's rotation, so that tools which collect the files find
// them. Threads: any. Source: server, section 4 (log-rotation).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace quorate::env {

struct LogRotation {
  uint64_t max_bytes = 100 * 1024 * 1024;
  int64_t max_age_days = 0;  // of old files; 0: no limit
  int64_t max_backups = 0;   // old files that stay; 0: all
  bool local_time = false;   // in the names of old files; else UTC
  bool compress = false;     // old files, by gzip
};

// What `file` ("etcd.log") is called when it is put aside: "etcd-2025-01-02T03-04-05.678.log".
std::string backup_name(std::string_view file, WallTime time, bool local);
// When the file of that name was put aside, "...gz" as well; nothing when it is no old file of `file`.
std::optional<WallTime> backup_time(std::string_view file, std::string_view name, bool local);
// Which of `names`, the folder's files, `rotation` has no room for at `now`.
std::vector<std::string> superfluous_backups(std::string_view file, const std::vector<std::string>& names,
                                             const LogRotation& rotation, WallTime now);

}  // namespace quorate::env
