// env/posix/log.h: a Log onto descriptors, files and systemd's journal.
//
// Threads: any; a line is written whole.
// Invariants:
//   (1) A line that repeats more than a hundred times in a second is thinned out (LogSampler).
//   (2) A write that fails is forgotten: a full disk must not stop the member for its log.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "env/clock.h"
#include "env/log.h"
#include "env/log_format.h"
#include "env/posix/rotating_log.h"

namespace quorate::env::posix {

struct LogOptions {
  Level level = Level::kInfo;
  LogFormat format = LogFormat::kJson;
  // "default" and "stderr", "stdout", "systemd/journal", or the path of a file that is appended to.
  std::vector<std::string> outputs = {"default"};
  std::optional<LogRotation> rotation;  // of files
  std::string program = "quorate";      // as the journal knows it
};

class PosixLog final : public Log {
 public:
  // Errors: a file that cannot be opened, or no journal.
  static Result<std::unique_ptr<PosixLog>> open(const LogOptions& options, Clock& clock);

  bool enabled(Level level) const override { return level >= level_.load(std::memory_order_relaxed); }
  void write(Level level, std::string_view message, std::initializer_list<Field> fields,
             const std::source_location& where) override;
  void set_level(Level level) { level_.store(level, std::memory_order_relaxed); }

 private:
  PosixLog(const LogOptions& options, Clock& clock) : clock_(clock), format_(options.format), level_(options.level) {}

  Clock& clock_;
  const LogFormat format_;
  std::atomic<Level> level_;
  std::vector<std::unique_ptr<LogSink>> sinks_;  // written to under mutex_
  std::mutex mutex_;
  LogSampler sampler_;  // guarded by mutex_
};

}  // namespace quorate::env::posix
