// env/log_format.h: the text of one log line, and which repeated lines are kept.
//
// Pure functions over one event; every Log writes what these return, so that all worlds print the same.
// Threads: any. Source: spec of the server, logs (the shape is that of etcd's zap encoders).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "env/log.h"

namespace quorate::env {

enum class LogFormat : uint8_t { kJson, kConsole };

struct LogEvent {
  Level level;
  std::string_view message;
  std::span<const Field> fields;
  std::source_location where;
  WallTime time;
};

// One line, with its newline.
//   json     {"level":"info","ts":"2025-01-02T03:04:05.678901Z","caller":"node/node.cc:321","msg":"…","took":"100ms"}
//   console  2025-01-02T03:04:05.678901Z<tab>info<tab>node/node.cc:321<tab>…<tab>{"took": "100ms"}
std::string log_line(LogFormat format, const LogEvent& event);

// "debug", "info", "warn", "error", "panic", "fatal".
std::string_view level_name(Level level);
// The other way round; "dpanic" is kPanic. kInvalidArgument for any other name.
Result<Level> parse_level(std::string_view name);

// A duration as Go prints it: "0s", "1.5µs", "100ms", "1.5s", "2h0m0s".
std::string duration_text(Duration duration);

// "2025-01-02T03:04:05.678901Z", cut to the microsecond.
std::string timestamp_text(WallTime time);

// Of lines with one level and message it keeps the first 100 of a second and every 100th after them.
// Two messages may share a counter, as in etcd. Threads: one at a time.
class LogSampler {
 public:
  bool admit(Level level, std::string_view message, WallTime now);

 private:
  static constexpr uint64_t kFirst = 100;
  static constexpr uint64_t kThereafter = 100;
  struct Count {
    int64_t second = -1;
    uint64_t lines = 0;
  };
  std::array<Count, 1024> counts_;
};

}  // namespace quorate::env
