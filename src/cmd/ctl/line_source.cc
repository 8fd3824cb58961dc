#include "cmd/ctl/line_source.h"

#include <unistd.h>

#include <cerrno>

namespace quorate::cmd::ctl {
namespace {

constexpr size_t kReadBytes = 64 * 1024;

// Appends what one read gives. False at the end, or when nothing can be read.
bool read_some(int fd, std::string& out) {
  const size_t before = out.size();
  out.resize(before + kReadBytes);
  ssize_t got = -1;
  do {
    got = ::read(fd, out.data() + before, kReadBytes);
  } while (got < 0 && errno == EINTR);
  out.resize(before + (got > 0 ? static_cast<size_t>(got) : 0));
  return got > 0;
}

}  // namespace

std::string read_all(int fd) {
  std::string text;
  while (read_some(fd, text)) {}
  return text;
}

std::optional<std::string> LineSource::next() {
  size_t newline = ahead_.find('\n');
  while (newline == std::string::npos) {
    const size_t searched = ahead_.size();
    if (!read_some(fd_, ahead_)) return std::nullopt;
    newline = ahead_.find('\n', searched);
  }
  std::string line = ahead_.substr(0, newline + 1);
  ahead_.erase(0, newline + 1);
  return line;
}

LineWatcher::LineWatcher(env::posix::PosixLoop& loop, int fd,
                         std::move_only_function<void(std::optional<std::string>)> on_line)
    : loop_(loop), fd_(fd), on_line_(std::move(on_line)) {
  watched_ = loop_.watch(fd_, EPOLLIN, *this).ok();
  // A regular file cannot be waited for, and need not be.
  if (!watched_) loop_.make_ready(*this);
}

LineWatcher::~LineWatcher() {
  if (watched_) loop_.unwatch(fd_, *this);
  loop_.bury(*this);
}

void LineWatcher::end() {
  if (std::exchange(ended_, true)) return;
  if (watched_) loop_.unwatch(fd_, *this);
  watched_ = false;
  on_line_(std::nullopt);
}

void LineWatcher::on_ready(uint32_t) {
  if (ended_) return;
  if (!read_some(fd_, ahead_)) return end();
  size_t begin = 0;
  for (size_t newline = ahead_.find('\n'); newline != std::string::npos; newline = ahead_.find('\n', begin)) {
    on_line_(ahead_.substr(begin, newline - begin));
    begin = newline + 1;
  }
  ahead_.erase(0, begin);
  if (!watched_) loop_.make_ready(*this);
}

}  // namespace quorate::cmd::ctl
