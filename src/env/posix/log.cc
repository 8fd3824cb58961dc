#include "env/posix/log.h"

#include <unistd.h>

#include <span>

namespace quorate::env::posix {
namespace {

Result<std::unique_ptr<LogSink>> sink_of(const std::string& output, const LogOptions& options) {
  if (output == "default" || output == "stderr") return standard_sink(STDERR_FILENO);
  if (output == "stdout") return standard_sink(STDOUT_FILENO);
  if (output == "systemd/journal") return journal_sink(kJournalSocket, options.program);
  return options.rotation ? rotating_log(output, *options.rotation) : file_sink(output);
}

}  // namespace

Result<std::unique_ptr<PosixLog>> PosixLog::open(const LogOptions& options, Clock& clock) {
  std::unique_ptr<PosixLog> log(new PosixLog(options, clock));
  for (const std::string& output : options.outputs) {
    TRY(std::unique_ptr<LogSink> sink, sink_of(output, options));
    log->sinks_.push_back(std::move(sink));
  }
  return log;
}

void PosixLog::write(Level level, std::string_view message, std::initializer_list<Field> fields,
                     const std::source_location& where) {
  const WallTime now = clock_.wall();
  const std::lock_guard lock(mutex_);
  if (!sampler_.admit(level, message, now)) return;
  const std::string line = log_line(format_, {level, message, std::span(fields.begin(), fields.size()), where, now});
  for (const auto& sink : sinks_) {
    sink->write({.text = line, .level = level, .source_file = where.file_name(), .time = now});
  }
}

}  // namespace quorate::env::posix
