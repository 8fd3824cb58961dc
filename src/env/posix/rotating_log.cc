#include "env/posix/rotating_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <thread>

namespace quorate::env::posix {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kNewFileMode = 0600;

// Leaves `path` as it was when anything fails.
void compress(const fs::path& path) {
  const Fd in(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const std::string target = path.string() + ".gz";
  const int out = ::open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kNewFileMode);
  if (!in || out < 0) return;
  gzFile packed = ::gzdopen(out, "wb");
  if (packed == nullptr) {
    ::close(out);
    return;
  }
  std::array<char, 64 * 1024> buffer;
  bool good = true;
  for (ssize_t got = 0; good && (got = ::read(in.get(), buffer.data(), buffer.size())) != 0;) {
    good = got > 0 && ::gzwrite(packed, buffer.data(), static_cast<unsigned>(got)) == got;
  }
  good = ::gzclose(packed) == Z_OK && good;
  ::unlink(good ? path.c_str() : target.c_str());
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> out;
  std::error_code failed;
  for (auto each = fs::directory_iterator(folder, failed); !failed && each != fs::directory_iterator();
       each.increment(failed)) {
    out.push_back(each->path().filename().string());
  }
  return out;
}

class RotatingLog final : public LogSink {
 public:
  RotatingLog(std::string path, const LogRotation& rotation) : path_(std::move(path)), rotation_(rotation) {}
  ~RotatingLog() override {
    if (care_.joinable()) care_.join();
  }

  Status open() {
    std::error_code failed;
    if (path_.has_parent_path()) fs::create_directories(path_.parent_path(), failed);
    Fd file(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kNewFileMode));
    if (!file) return file_error(path_.string(), "open", errno);
    struct stat found{};
    size_ = ::fstat(file.get(), &found) == 0 ? static_cast<uint64_t>(found.st_size) : 0;
    file_ = std::move(file);
    return {};
  }

  void write(const LogLine& line) override {
    if (line.text.size() > rotation_.max_bytes) return;  // as etcd: it fits in no file
    if (size_ + line.text.size() > rotation_.max_bytes) rotate(line.time);
    write_to(file_.get(), line.text);
    size_ += line.text.size();
  }

 private:
  // The new file has the rights of the one before. Where it cannot be made, the old one goes on.
  void rotate(WallTime now) {
    struct stat before{};
    const bool known = ::fstat(file_.get(), &before) == 0;
    const fs::path aside = path_.parent_path() / backup_name(path_.filename().string(), now, rotation_.local_time);
    if (::rename(path_.c_str(), aside.c_str()) != 0) return;
    if (!open().ok()) return;
    if (known && ::fchmod(file_.get(), before.st_mode & 07777) != 0) return;
    // A pass that still runs leaves what it missed to the next one.
    if (caring_.exchange(true)) return;
    if (care_.joinable()) care_.join();
    care_ = start_thread("log-rotation", [this, now] {
      care(now);
      caring_ = false;
    });
  }

  void care(WallTime now) {
    const fs::path folder = path_.has_parent_path() ? path_.parent_path() : fs::path(".");
    const std::string file = path_.filename().string();
    for (const std::string& name : superfluous_backups(file, names_in(folder), rotation_, now)) {
      std::error_code ignored;
      fs::remove(folder / name, ignored);
    }
    if (!rotation_.compress) return;
    for (const std::string& name : names_in(folder)) {
      if (!name.ends_with(".gz") && backup_time(file, name, rotation_.local_time)) compress(folder / name);
    }
  }

  const fs::path path_;
  const LogRotation rotation_;
  Fd file_;
  uint64_t size_ = 0;
  std::atomic<bool> caring_{false};
  std::thread care_;
};

}  // namespace

Result<std::unique_ptr<LogSink>> rotating_log(const std::string& path, const LogRotation& rotation) {
  auto log = std::make_unique<RotatingLog>(path, rotation);
  if (Status status = log->open(); !status.ok()) return fail(std::move(status));
  return log;
}

}  // namespace quorate::env::posix
