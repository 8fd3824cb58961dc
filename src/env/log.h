// env/log.h: what the program tells its operator: one event a line.
//
// Threads: any. Never blocks a loop for longer than a write to standard error takes.
// Format: JSON lines in etcd's shape (level, ts, caller, msg, fields), or tab-separated for consoles.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <source_location>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/time.h"

namespace quorate::env {

enum class Level : uint8_t { kDebug, kInfo, kWarn, kError, kPanic, kFatal };

// A named value of an event. Durations are printed as Go does ("100ms").
struct Field {
  std::string_view name;
  std::variant<std::string, int64_t, uint64_t, bool, Duration, std::vector<std::string>> value;

  Field(std::string_view n, std::string_view v) : name(n), value(std::string(v)) {}
  Field(std::string_view n, const char* v) : name(n), value(std::string(v)) {}
  Field(std::string_view n, std::string v) : name(n), value(std::move(v)) {}
  Field(std::string_view n, std::vector<std::string> v) : name(n), value(std::move(v)) {}
  Field(std::string_view n, bool v) : name(n), value(v) {}
  Field(std::string_view n, Duration v) : name(n), value(v) {}
  template <class T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
  Field(std::string_view n, T v) : name(n) {
    if constexpr (std::is_signed_v<T>) {
      value = static_cast<int64_t>(v);
    } else {
      value = static_cast<uint64_t>(v);
    }
  }
};

class Log {
 public:
  virtual ~Log() = default;
  virtual bool enabled(Level level) const = 0;
  virtual void write(Level level, std::string_view message, std::initializer_list<Field> fields,
                     const std::source_location& where) = 0;

  void debug(std::string_view message, std::initializer_list<Field> fields = {},
             const std::source_location& where = std::source_location::current()) {
    if (enabled(Level::kDebug)) write(Level::kDebug, message, fields, where);
  }
  void info(std::string_view message, std::initializer_list<Field> fields = {},
            const std::source_location& where = std::source_location::current()) {
    if (enabled(Level::kInfo)) write(Level::kInfo, message, fields, where);
  }
  void warn(std::string_view message, std::initializer_list<Field> fields = {},
            const std::source_location& where = std::source_location::current()) {
    if (enabled(Level::kWarn)) write(Level::kWarn, message, fields, where);
  }
  void error(std::string_view message, std::initializer_list<Field> fields = {},
             const std::source_location& where = std::source_location::current()) {
    if (enabled(Level::kError)) write(Level::kError, message, fields, where);
  }
};

// Drops everything; for tests that look elsewhere.
class NullLog final : public Log {
 public:
  bool enabled(Level) const override { return false; }
  void write(Level, std::string_view, std::initializer_list<Field>, const std::source_location&) override {}
};

}  // namespace quorate::env
