// env/disk.h: files and folders, with what is durable said by type.
//
// The blocking calls are for start-up, shutdown and the pool only; a running core loop uses LogFile alone.
// Paths are as the system understands them. Texts of errors begin with the path.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace quorate::env {

// How a write of the log becomes durable; probed once at start.
enum class Durability : uint8_t {
  kDirectDsync,  // O_DIRECT|O_DSYNC
  kDsync,        // O_DSYNC
  kFdatasync,    // write, then fdatasync
  kNone,         // --unsafe-no-fsync: nothing is
};
std::string_view durability_name(Durability durability);

struct DiskTraits {
  Durability durability = Durability::kFdatasync;
  size_t alignment_bytes = 4096;  // of offset, length and memory of a log write; a power of two
};

// Bytes at an address that is a multiple of 4096, for writes past the page cache. Zero-filled.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(size_t size);
  char* data() { return data_.get(); }
  const char* data() const { return data_.get(); }
  size_t size() const { return size_; }
  std::string_view view() const { return {data_.get(), size_}; }

 private:
  struct Free {
    void operator()(char* p) const;
  };
  std::unique_ptr<char, Free> data_;
  size_t size_ = 0;
};

// A pre-written file whose writes are durable when they complete. At most one write is in flight.
class LogFile {
 public:
  virtual ~LogFile() = default;  // waits for the write in flight; its completion is not called
  // Offset and size are multiples of DiskTraits::alignment_bytes, inside the file. `done` runs on the core
  // loop, after the bytes are durable, and gets the buffer back. A failure is final for the file.
  virtual void write(uint64_t offset, AlignedBuffer buffer,
                     std::move_only_function<void(Status, AlignedBuffer)> done) = 0;
};

// Holds a lock on a folder until destroyed.
class DirectoryLock {
 public:
  virtual ~DirectoryLock() = default;
};

// A log file that is to be made.
struct NewLog {
  std::string directory;  // of both paths
  std::string temporary;  // what it is called until it is whole; replaced where it exists
  std::string path;
  std::string reuse{};  // a file of that size which becomes it as it is, where not empty
  uint64_t size = 0;
  DiskTraits traits;
};

class Disk {
 public:
  virtual ~Disk() = default;

  // What log files in `directory` (which must exist) will use; `want` kNone is taken as it is. Blocks.
  virtual Result<DiskTraits> probe(const std::string& directory, bool unsafe_no_fsync) = 0;

  // Opens an existing pre-written file for log writes. Blocks.
  virtual Result<std::unique_ptr<LogFile>> open_log(const std::string& path, const DiskTraits& traits) = 0;
  // Makes a file of `size` zero bytes, all of them written and synced (not a hole), under `path`. Blocks.
  virtual Status create_filled(const std::string& path, uint64_t size) = 0;
  // Same, off the loop: `done` runs on the core loop. At most one at a time.
  virtual void create_filled_async(const std::string& path, uint64_t size,
                                   std::move_only_function<void(Status)> done) = 0;

  // The same up to its use: filled under its temporary name (or taken as it is), renamed, folder synced, opened. `done`
  // runs on the core loop, not inside the call; it must not be called after the disk is destroyed. A disk may do all of
  // it off the loop; as it stands here only the filling is, and the rest is done on the loop, once a segment.
  virtual void create_log_async(NewLog wanted, std::move_only_function<void(Result<std::unique_ptr<LogFile>>)> done);

  // Small files, whole. kNotFound where there is none. Blocks.
  virtual Result<std::string> read_file(const std::string& path) = 0;
  // The bytes [offset, offset + size), fewer at the end of the file. Blocks.
  virtual Result<std::string> read_at(const std::string& path, uint64_t offset, size_t size) = 0;
  virtual Result<uint64_t> file_size(const std::string& path) = 0;
  // Under a temporary name, synced, renamed, folder synced: afterwards the whole file is there, durably,
  // or the old one is. Blocks.
  virtual Status replace_file(const std::string& path, std::string_view contents) = 0;
  // Behind what the file holds; makes it where there is none. Nothing of it is durable before sync_file(). Blocks.
  virtual Status append_file(const std::string& path, std::string_view bytes) = 0;
  // What the file holds is durable afterwards, whoever wrote it: a process that was killed may have left bytes in
  // a cache, where they can be read and lost. Blocks.
  virtual Status sync_file(const std::string& path) = 0;
  virtual Status rename(const std::string& from, const std::string& to) = 0;  // durable after sync_directory
  virtual Status remove(const std::string& path) = 0;
  virtual Status sync_directory(const std::string& path) = 0;
  // Makes the folder and its missing parents, mode 0700, and syncs the parents.
  virtual Status make_directory(const std::string& path) = 0;
  // Names in a folder, sorted, without "." and "..". kNotFound where there is none.
  virtual Result<std::vector<std::string>> list(const std::string& path) = 0;
  virtual bool exists(const std::string& path) = 0;
  // kFailedPrecondition "…is locked by another process" when another one holds it.
  virtual Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& path) = 0;
};

}  // namespace quorate::env
