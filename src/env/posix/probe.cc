#include "env/posix/probe.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "env/posix/system.h"

namespace quorate::env::posix {
namespace {

// Less than a page is never asked for, whatever the device takes: it may have sectors of 4096 bytes below,
// and rewriting one could tear the acknowledged bytes beside ours.
constexpr size_t kLeastAlignment = 4096;
constexpr size_t kMostAlignment = 1024 * 1024;

// What O_DIRECT wants of offsets in the file, and whether it can be given memory of ours.
struct DirectNeeds {
  bool possible = true;
  size_t alignment_bytes = kLeastAlignment;
};

DirectNeeds direct_needs(int fd) {
  DirectNeeds needs;
#ifdef STATX_DIOALIGN
  struct statx found{};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &found) != 0 || (found.stx_mask & STATX_DIOALIGN) == 0)
    return needs;
  needs.alignment_bytes = std::max<size_t>(std::bit_ceil(found.stx_dio_offset_align), kLeastAlignment);
  // Zero: the file takes no direct writes. More than 4096 is more than AlignedBuffer promises of memory.
  needs.possible =
      found.stx_dio_offset_align != 0 && found.stx_dio_mem_align <= 4096 && needs.alignment_bytes <= kMostAlignment;
#else
  (void)fd;
#endif
  return needs;
}

// Writes once in `mode`, as the log will.
Status try_mode(const std::string& path, Durability mode, size_t alignment_bytes) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | open_flags(mode)));
  if (!fd) return file_error(path, "open", errno);
  const AlignedBuffer buffer(alignment_bytes);
  if (::pwrite(fd.get(), buffer.data(), buffer.size(), 0) != static_cast<ssize_t>(buffer.size()))
    return file_error(path, "write", errno);
  if (mode == Durability::kFdatasync && ::fdatasync(fd.get()) != 0) return file_error(path, "fdatasync", errno);
  return {};
}

Result<DiskTraits> probe_file(const std::string& path, int fd) {
  const DirectNeeds needs = direct_needs(fd);
  if (needs.possible && try_mode(path, Durability::kDirectDsync, needs.alignment_bytes).ok()) {
    return DiskTraits{Durability::kDirectDsync, needs.alignment_bytes};
  }
  if (try_mode(path, Durability::kDsync, kLeastAlignment).ok()) return DiskTraits{Durability::kDsync, kLeastAlignment};
  if (Status status = try_mode(path, Durability::kFdatasync, kLeastAlignment); !status.ok())
    return fail(std::move(status));
  return DiskTraits{Durability::kFdatasync, kLeastAlignment};
}

}  // namespace

int open_flags(Durability durability) {
  switch (durability) {
    case Durability::kDirectDsync: return O_DIRECT | O_DSYNC;
    case Durability::kDsync: return O_DSYNC;
    case Durability::kFdatasync:
    case Durability::kNone: return 0;
  }
  return 0;
}

Result<DiskTraits> probe_directory(const std::string& directory, bool unsafe_no_fsync) {
  if (unsafe_no_fsync) return DiskTraits{Durability::kNone, kLeastAlignment};
  std::string path = directory + "/probe-XXXXXX";
  const Fd fd(::mkostemp(path.data(), O_CLOEXEC));
  if (!fd) return fail(file_error(directory, "probe", errno));
  auto traits = probe_file(path, fd.get());
  ::unlink(path.c_str());
  return traits;
}

}  // namespace quorate::env::posix
