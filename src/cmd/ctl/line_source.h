// cmd/ctl/line_source.h: standard input, by the line or whole.
//
// Threads: one. A descriptor is read by one of these only: what was read ahead is kept here.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "env/posix/loop.h"

namespace quorate::cmd::ctl {

// All there is; blocks until the end.
std::string read_all(int fd);

// Blocks for each line.
class LineSource {
 public:
  explicit LineSource(int fd) : fd_(fd) {}
  // The next line with its newline; none at the end, also when the last line has no newline.
  std::optional<std::string> next();

 private:
  const int fd_;
  std::string ahead_;
};

// Gives lines as they come, on a loop.
class LineWatcher final : private env::posix::Ready {
 public:
  // `on_line` gets each line without its newline, and nullopt once at the end. The descriptor is level-triggered and
  // read once for each event, so that it may stay a blocking one.
  LineWatcher(env::posix::PosixLoop& loop, int fd, std::move_only_function<void(std::optional<std::string>)> on_line);
  ~LineWatcher() override;
  LineWatcher(const LineWatcher&) = delete;
  LineWatcher& operator=(const LineWatcher&) = delete;

 private:
  void on_ready(uint32_t events) override;
  void end();

  env::posix::PosixLoop& loop_;
  const int fd_;
  std::move_only_function<void(std::optional<std::string>)> on_line_;
  std::string ahead_;
  bool watched_ = false;
  bool ended_ = false;
};

}  // namespace quorate::cmd::ctl
