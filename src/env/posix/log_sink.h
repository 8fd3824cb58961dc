// env/posix/log_sink.h: where log lines go: a descriptor, a file that is started anew by size, systemd's journal.
//
// Threads: one at a time; a PosixLog serialises its writers.
// Invariant: a write that fails is forgotten: a full disk must not stop the member for its log.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "env/log.h"
#include "env/posix/system.h"

namespace quorate::env::posix {

// One event as it is written.
struct LogLine {
  std::string_view text;  // with its newline
  Level level = Level::kInfo;
  std::string_view source_file;
  WallTime time;
};

class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(const LogLine& line) = 0;
};

// Writes `text` whole, or gives up.
void write_to(int fd, std::string_view text);

// Standard error or standard output, which stay open.
std::unique_ptr<LogSink> standard_sink(int fd);
// A file that is appended to. Errors: the system's.
Result<std::unique_ptr<LogSink>> file_sink(const std::string& path);
// The journal at `socket`, a name for the program, and one datagram for each line. Errors: no journal there.
Result<std::unique_ptr<LogSink>> journal_sink(const std::string& socket, std::string program);

inline constexpr const char* kJournalSocket = "/run/systemd/journal/socket";

}  // namespace quorate::env::posix
