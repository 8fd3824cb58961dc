// env/posix/disk.h: files of the system.
//
// Loop:    core; the blocking calls may be made on any thread.
// Invariants:
//   (1) Log writes go through one thread (log_writer.h); filling a new file goes through the pool, in pieces,
//       so that it does not stand in front of a log write in the device's queue for long.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "env/disk.h"
#include "env/posix/log_writer.h"
#include "env/posix/pool.h"
#include "env/trace.h"

namespace quorate::env::posix {

class PosixDisk final : public Disk {
 public:
  // `pool` must be stopped before this is destroyed.
  PosixDisk(Loop& core, PosixPool& pool, Trace& trace);

  Result<DiskTraits> probe(const std::string& directory, bool unsafe_no_fsync) override;
  Result<std::unique_ptr<LogFile>> open_log(const std::string& path, const DiskTraits& traits) override;
  Status create_filled(const std::string& path, uint64_t size) override;
  void create_filled_async(const std::string& path, uint64_t size, std::move_only_function<void(Status)> done) override;
  // All of it off the loop: only the finished file comes back.
  void create_log_async(NewLog wanted, std::move_only_function<void(Result<std::unique_ptr<LogFile>>)> done) override;
  Result<std::string> read_file(const std::string& path) override;
  Result<std::string> read_at(const std::string& path, uint64_t offset, size_t size) override;
  Result<uint64_t> file_size(const std::string& path) override;
  Status replace_file(const std::string& path, std::string_view contents) override;
  Status append_file(const std::string& path, std::string_view bytes) override;
  Status sync_file(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Status make_directory(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  bool exists(const std::string& path) override;
  Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& path) override;

 private:
  PosixPool& pool_;
  bool filling_ = false;
  LogWriter writer_;
};

}  // namespace quorate::env::posix
