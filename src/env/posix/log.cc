#include "env/posix/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <span>

namespace quorate::env::posix {

Result<std::unique_ptr<PosixLog>> PosixLog::open(const LogOptions& options, Clock& clock) {
  std::unique_ptr<PosixLog> log(new PosixLog(options, clock));
  for (const std::string& output : options.outputs) {
    if (output == "default" || output == "stderr") {
      log->targets_.push_back(STDERR_FILENO);
    } else if (output == "stdout") {
      log->targets_.push_back(STDOUT_FILENO);
    } else {
      Fd file(::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
      if (!file) return fail(file_error(output, "open", errno));
      log->targets_.push_back(file.get());
      log->files_.push_back(std::move(file));
    }
  }
  return log;
}

void PosixLog::write(Level level, std::string_view message, std::initializer_list<Field> fields,
                     const std::source_location& where) {
  const WallTime now = clock_.wall();
  const std::lock_guard lock(mutex_);
  if (!sampler_.admit(level, message, now)) return;
  const std::string line = log_line(format_, {level, message, std::span(fields.begin(), fields.size()), where, now});
  for (const int target : targets_) {
    std::string_view rest = line;
    while (!rest.empty()) {
      const ssize_t count = ::write(target, rest.data(), rest.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) break;
      rest.remove_prefix(static_cast<size_t>(count));
    }
  }
}

}  // namespace quorate::env::posix
