#include "env/posix/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/check.h"
#include "env/posix/probe.h"

namespace quorate::env::posix {
namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;
constexpr size_t kFillPieceBytes = 1024 * 1024;

Status write_all(const std::string& path, int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error(path, "write", errno);
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return {};
}

Status fill(const std::string& path, uint64_t size) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kFileMode));
  if (!fd) return file_error(path, "open", errno);
  // In one piece on the device where the file system can, and a full disk is known before the work.
  if (size > 0 && ::fallocate(fd.get(), 0, 0, static_cast<off_t>(size)) != 0 && errno != EOPNOTSUPP &&
      errno != ENOSYS) {
    return file_error(path, "fallocate", errno);
  }
  const std::string zeros(static_cast<size_t>(std::min<uint64_t>(size, kFillPieceBytes)), '\0');
  for (uint64_t written = 0; written < size;) {
    const std::string_view piece =
        std::string_view(zeros).substr(0, static_cast<size_t>(std::min<uint64_t>(zeros.size(), size - written)));
    if (Status status = write_all(path, fd.get(), piece); !status.ok()) return status;
    // Piece by piece to the device: the sync at the end must not hold up the log for the whole file.
    (void)::sync_file_range(fd.get(), static_cast<off_t>(written), static_cast<off_t>(piece.size()),
                            SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    written += piece.size();
  }
  if (::fsync(fd.get()) != 0) return file_error(path, "fsync", errno);
  // Nobody reads the zeros again.
  (void)::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  return {};
}

std::string parent_of(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string without_trailing_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

class PosixDirectoryLock final : public DirectoryLock {
 public:
  explicit PosixDirectoryLock(Fd fd) : fd_(std::move(fd)) {}

 private:
  Fd fd_;  // the lock goes with the last descriptor
};

Result<std::string> read_range(const std::string& path, int fd, uint64_t offset, size_t size) {
  std::string bytes(size, '\0');
  size_t got = 0;
  while (got < size) {
    const ssize_t count = ::pread(fd, bytes.data() + got, size - got, static_cast<off_t>(offset + got));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(file_error(path, "read", errno));
    if (count == 0) break;
    got += static_cast<size_t>(count);
  }
  bytes.resize(got);
  return bytes;
}

Result<Fd> open_to_read(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail(file_error(path, "open", errno));
  return fd;
}

Result<uint64_t> size_of(const std::string& path, int fd) {
  struct stat found;
  if (::fstat(fd, &found) != 0) return fail(file_error(path, "stat", errno));
  return static_cast<uint64_t>(found.st_size);
}

}  // namespace

PosixDisk::PosixDisk(Loop& core, PosixPool& pool, Trace& trace) : pool_(pool), writer_(core, trace) {}

Result<DiskTraits> PosixDisk::probe(const std::string& directory, bool unsafe_no_fsync) {
  return probe_directory(directory, unsafe_no_fsync);
}

Result<std::unique_ptr<LogFile>> PosixDisk::open_log(const std::string& path, const DiskTraits& traits) {
  Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | open_flags(traits.durability)));
  if (!fd) return fail(file_error(path, "open", errno));
  TRY(const uint64_t size, size_of(path, fd.get()));
  return writer_.file(std::move(fd), path, size, traits);
}

Status PosixDisk::create_filled(const std::string& path, uint64_t size) { return fill(path, size); }

void PosixDisk::create_filled_async(const std::string& path, uint64_t size,
                                    std::move_only_function<void(Status)> done) {
  CHECK(!filling_);
  filling_ = true;
  auto result = std::make_shared<Status>();
  pool_.submit([path, size, result] { *result = fill(path, size); },
               [this, result, tell = std::move(done)]() mutable {
                 filling_ = false;
                 tell(std::move(*result));
               });
}

void PosixDisk::create_log_async(NewLog wanted, std::move_only_function<void(Result<std::unique_ptr<LogFile>>)> done) {
  CHECK(!filling_);
  filling_ = true;
  auto made = std::make_shared<Status>();
  // Renaming, syncing and opening touch nothing of this object but what never changes.
  auto work = [this, wanted, made] {
    const bool anew = wanted.reuse.empty();
    if (anew) *made = fill(wanted.temporary, wanted.size);
    if (made->ok()) *made = rename(anew ? wanted.temporary : wanted.reuse, wanted.path);
    if (made->ok()) *made = sync_directory(wanted.directory);
    if (anew && !made->ok()) (void)remove(wanted.temporary);  // a part of it would only keep the disk full
  };
  pool_.submit(std::move(work), [this, wanted, made, tell = std::move(done)]() mutable {
    filling_ = false;
    if (!made->ok()) return tell(fail(std::move(*made)));
    tell(open_log(wanted.path, wanted.traits));
  });
}

Result<std::string> PosixDisk::read_file(const std::string& path) {
  TRY(const Fd fd, open_to_read(path));
  TRY(const uint64_t size, size_of(path, fd.get()));
  // A file that tells no size (as those of /proc) or grows meanwhile is read to its end all the same.
  std::string contents;
  size_t piece_bytes = static_cast<size_t>(size) + 1;
  for (;;) {
    TRY(std::string piece, read_range(path, fd.get(), contents.size(), piece_bytes));
    const bool last = piece.size() < piece_bytes;
    contents += piece;
    if (last) return contents;
    piece_bytes = 64 * 1024;
  }
}

Result<std::string> PosixDisk::read_at(const std::string& path, uint64_t offset, size_t size) {
  TRY(const Fd fd, open_to_read(path));
  return read_range(path, fd.get(), offset, size);
}

Result<uint64_t> PosixDisk::file_size(const std::string& path) {
  struct stat found;
  if (::stat(path.c_str(), &found) != 0) return fail(file_error(path, "stat", errno));
  return static_cast<uint64_t>(found.st_size);
}

Status PosixDisk::replace_file(const std::string& path, std::string_view contents) {
  const std::string temporary = path + ".tmp";
  {
    const Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kFileMode));
    if (!fd) return file_error(temporary, "open", errno);
    Status status = write_all(temporary, fd.get(), contents);
    if (status.ok() && ::fsync(fd.get()) != 0) status = file_error(temporary, "fsync", errno);
    if (!status.ok()) {
      ::unlink(temporary.c_str());
      return status;
    }
  }
  if (Status status = rename(temporary, path); !status.ok()) return status;
  return sync_directory(parent_of(path));
}

Status PosixDisk::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return file_error(from, "rename to " + to, errno);
  return {};
}

Status PosixDisk::remove(const std::string& path) {
  if (::unlink(path.c_str()) == 0) return {};
  const int error = errno;
  if (error == EISDIR && ::rmdir(path.c_str()) == 0) return {};
  return file_error(path, "remove", error == EISDIR ? errno : error);
}

Status PosixDisk::append_file(const std::string& path, std::string_view bytes) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kFileMode));
  if (!fd) return file_error(path, "open", errno);
  return write_all(path, fd.get(), bytes);
}

Status PosixDisk::sync_file(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return file_error(path, "open", errno);
  if (::fdatasync(fd.get()) != 0) return file_error(path, "fdatasync", errno);
  return {};
}

Status PosixDisk::sync_directory(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return file_error(path, "open", errno);
  if (::fsync(fd.get()) != 0) return file_error(path, "fsync", errno);
  return {};
}

Status PosixDisk::make_directory(const std::string& path) {
  const std::string clean = without_trailing_slashes(path);
  if (::mkdir(clean.c_str(), kDirectoryMode) == 0) return sync_directory(parent_of(clean));
  if (errno == EEXIST) {
    struct stat found;
    if (::stat(clean.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) return {};
    return file_error(path, "mkdir", ENOTDIR);
  }
  if (errno != ENOENT) return file_error(path, "mkdir", errno);
  if (Status status = make_directory(parent_of(clean)); !status.ok()) return status;
  if (::mkdir(clean.c_str(), kDirectoryMode) != 0) return file_error(path, "mkdir", errno);
  return sync_directory(parent_of(clean));
}

Result<std::vector<std::string>> PosixDisk::list(const std::string& path) {
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return fail(file_error(path, "open", errno));
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  const int error = errno;
  ::closedir(directory);
  if (error != 0) return fail(file_error(path, "readdir", error));
  std::sort(names.begin(), names.end());
  return names;
}

bool PosixDisk::exists(const std::string& path) {
  struct stat found;
  return ::stat(path.c_str(), &found) == 0;
}

Result<std::unique_ptr<DirectoryLock>> PosixDisk::lock_directory(const std::string& path) {
  // The folder itself is locked, so that no file of ours lies in it before it is known to be ours.
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail(file_error(path, "open", errno));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return fail(Code::kFailedPrecondition, path + ": the data directory is locked by another process");
    return fail(file_error(path, "flock", errno));
  }
  return std::make_unique<PosixDirectoryLock>(std::move(fd));
}

}  // namespace quorate::env::posix
