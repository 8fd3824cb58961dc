// env/sim/medium.h: files and folders in memory, what is durable kept apart from what is cached.
//
// Says what a call does and what a power loss leaves; faults are drive.h's.
// Invariants:
//   (1) A crash keeps every sector, size and entry that was synced and not changed since.
//   (2) Of a sector that was written and not synced it leaves the old bytes, the new ones or garbage; of a
//       size the old one, the new one or, of a file that grew, one between; of an entry what was or what is;
//       each decided by itself.
//   (3) Paths are "/a/b"; "." and empty parts mean nothing, ".." is not known.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/prng.h"
#include "base/result.h"
#include "env/sim/sparse_bytes.h"

namespace quorate::env::sim {

inline constexpr size_t kSectorBytes = 512;

// What power losses left, counted.
struct CrashOutcomes {
  uint64_t sectors_kept = 0;
  uint64_t sectors_lost = 0;
  uint64_t sectors_garbage = 0;
  uint64_t entries_before = 0;  // a changed entry as it was when its folder was synced
  uint64_t entries_after = 0;
  uint64_t sizes_before = 0;
  uint64_t sizes_after = 0;
};

class MediumFile {
 public:
  const SparseBytes& cached() const { return cached_; }
  const SparseBytes& durable() const { return durable_; }
  uint64_t size() const { return cached_.size(); }

  // In the cache.
  void resize(uint64_t size);
  // Into the cache. Inside the file.
  void write(uint64_t offset, std::string_view bytes);
  // The sectors of this range become durable, as O_DSYNC does.
  void sync_range(uint64_t offset, size_t length);
  // All of it and the size.
  void sync();
  // From now on a sync does nothing, and a power loss takes what was written since.
  void lie() { lying_ = true; }
  bool lying() const { return lying_; }
  // Past every cache: both states get these bytes.
  void overwrite(uint64_t offset, std::string_view bytes);
  // Of the byte at `offset`, in both states.
  void flip_bit(uint64_t offset, int bit);
  // Each sector of [offset, offset + length) that is not durable is settled for the durable state alone.
  void tear_range(uint64_t offset, size_t length, Prng& prng, CrashOutcomes& outcomes);
  void crash(Prng& prng, CrashOutcomes& outcomes);

 private:
  enum class Fate : uint8_t { kKept, kLost, kGarbage };
  void settle(uint64_t sector, Fate fate, Prng& prng, CrashOutcomes& outcomes);
  void settle_size(bool lost, Prng& prng, CrashOutcomes& outcomes);
  std::vector<uint64_t> unsynced_sectors() const;

  SparseBytes cached_;
  SparseBytes durable_;
  uint64_t cut_to_ = 0;                   // the least size since the last sync
  std::map<uint64_t, uint8_t> unsynced_;  // page -> a bit per sector
  bool lying_ = false;
};

class MediumFolder;
using FileRef = std::shared_ptr<MediumFile>;
using FolderRef = std::shared_ptr<MediumFolder>;
using Entry = std::variant<std::monostate, FileRef, FolderRef>;  // the first is none

class MediumFolder {
 public:
  using Entries = std::map<std::string, Entry, std::less<>>;
  Entries now;
  Entries durable;
};

class Medium {
 public:
  Medium() : root_(std::make_shared<MediumFolder>()) {}
  Medium(const Medium&) = delete;
  Medium& operator=(const Medium&) = delete;

  // Statuses are those of env/posix: "<path>: <what>: no such file or directory".
  Result<FileRef> open(const std::string& path, std::string_view what = "open") const;
  Result<FolderRef> open_folder(const std::string& path, std::string_view what = "open") const;
  bool exists(const std::string& path) const;
  // Empty and unsynced; one that is there is cut to nothing.
  Result<FileRef> create(const std::string& path);
  // One folder, whose parent must be there. kAlreadyExists when there is anything.
  Status make_folder(const std::string& path);
  Status rename(const std::string& from, const std::string& to);
  Status remove(const std::string& path);
  Status sync_folder(const std::string& path);

  // Paths of all files, sorted, as they are now.
  std::vector<std::string> files() const;
  // The file that would be under `path` if no unsynced entry survived; null where there is none.
  FileRef durable_file(const std::string& path) const;
  uint64_t bytes_used() const;  // the sum of the files' sizes
  void crash(Prng& prng, CrashOutcomes& outcomes);
  // What is under `path` is gone, durably, with all that is in it; whoever has a part of it open goes on with that, and
  // a crash settles it as everything else.
  Status vanish(const std::string& path);
  // It is there again, as it is by now. kAlreadyExists when something else took its place.
  Status bring_back(const std::string& path);
  // Becomes as `other` is, and shares nothing with it that can change.
  void assign(const Medium& other);

 private:
  Result<FolderRef> folder_of(const std::string& path, std::string_view what) const;

  struct Vanished {
    Entry now, durable;
  };

  FolderRef root_;
  std::map<std::string, Vanished> vanished_;  // by path
};

std::string parent_of(const std::string& path);
// "<path>: <what>: <error>".
Status medium_error(Code code, const std::string& path, std::string_view what, std::string_view error);

}  // namespace quorate::env::sim
