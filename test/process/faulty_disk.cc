// A disk that misbehaves on request, between a program and its system: LD_PRELOAD this into the program.
//
// FAULTY_DISK names a file of one line, read again at each call: "<fault> <folder>"; it holds for paths that contain
// the folder. No file, or an empty one: no fault. Faults:
//   full       nothing can grow: files can be made, and no byte put into them; what is there can be written over
//   error      writes and syncs fail with EIO
//   hang       writes to files that are there wait until the fault has gone
//   readonly   nothing can be changed
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

template <class Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

// The fault that holds for `path` now; empty: none.
std::string fault_of(const std::string& path) {
  const char* control = std::getenv("FAULTY_DISK");
  if (control == nullptr) return {};
  std::FILE* file = std::fopen(control, "re");
  if (file == nullptr) return {};
  char fault[16] = "";
  char folder[1024] = "";
  const int words = std::fscanf(file, "%15s %1023s", fault, folder);
  std::fclose(file);
  return words == 2 && path.find(folder) != std::string::npos ? fault : "";
}

std::string fault_of(int fd) {
  char path[1024];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t size = ::readlink(link.c_str(), path, sizeof path);
  return size > 0 ? fault_of(std::string(path, static_cast<size_t>(size))) : std::string();
}

int fails_with(int error) {
  errno = error;
  return -1;
}

// 0, or the error of a call that changes what a file holds; waits where it has to.
int write_error(int fd, bool grows) {
  std::string fault = fault_of(fd);
  while (!grows && fault == "hang") {
    ::poll(nullptr, 0, 20);
    fault = fault_of(fd);
  }
  if (fault == "full" && grows) return ENOSPC;
  if (fault == "error") return EIO;
  return fault == "readonly" ? EROFS : 0;
}

int name_error(const char* path) { return fault_of(std::string(path)) == "readonly" ? EROFS : 0; }

int open_or_fail(const char* name, const char* path, int flags, mode_t mode) {
  const bool changes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT) != 0;
  if (const int error = changes ? name_error(path) : 0) return fails_with(error);
  return real<int (*)(const char*, int, ...)>(name)(path, flags, mode);
}

mode_t mode_of(int flags, va_list arguments) { return (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0; }

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_or_fail("open", path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_or_fail("open64", path, flags, mode);
}
ssize_t write(int fd, const void* bytes, size_t size) {
  if (const int error = write_error(fd, true)) return fails_with(error);
  return real<ssize_t (*)(int, const void*, size_t)>("write")(fd, bytes, size);
}
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  if (const int error = write_error(fd, false)) return fails_with(error);
  return real<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite")(fd, bytes, size, offset);
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t offset) { return pwrite(fd, bytes, size, offset); }
int fallocate(int fd, int mode, off_t offset, off_t size) {
  if (const int error = write_error(fd, true)) return fails_with(error);
  return real<int (*)(int, int, off_t, off_t)>("fallocate")(fd, mode, offset, size);
}
int fallocate64(int fd, int mode, off64_t offset, off64_t size) { return fallocate(fd, mode, offset, size); }
int fsync(int fd) {
  if (fault_of(fd) == "error") return fails_with(EIO);
  return real<int (*)(int)>("fsync")(fd);
}
int fdatasync(int fd) {
  if (fault_of(fd) == "error") return fails_with(EIO);
  return real<int (*)(int)>("fdatasync")(fd);
}
int rename(const char* from, const char* to) noexcept {
  if (const int error = name_error(from)) return fails_with(error);
  return real<int (*)(const char*, const char*)>("rename")(from, to);
}
int unlink(const char* path) noexcept {
  if (const int error = name_error(path)) return fails_with(error);
  return real<int (*)(const char*)>("unlink")(path);
}
int mkdir(const char* path, mode_t mode) noexcept {
  if (const int error = name_error(path)) return fails_with(error);
  return real<int (*)(const char*, mode_t)>("mkdir")(path, mode);
}

}  // extern "C"
