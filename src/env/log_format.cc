#include "env/log_format.h"

#include <chrono>
#include <cstdio>
#include <type_traits>

namespace quorate::env {
namespace {

// The length of the UTF-8 sequence at the front of `text`, 0 when it is not one.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const auto follows = [&](size_t i, uint8_t low, uint8_t high) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1, 0x80, 0xbf) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const uint8_t low = first == 0xe0 ? 0xa0 : 0x80;   // no overlong form
    const uint8_t high = first == 0xed ? 0x9f : 0xbf;  // no surrogate
    return follows(1, low, high) && follows(2, 0x80, 0xbf) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const uint8_t low = first == 0xf0 ? 0x90 : 0x80;
    const uint8_t high = first == 0xf4 ? 0x8f : 0xbf;  // nothing above U+10FFFF
    return follows(1, low, high) && follows(2, 0x80, 0xbf) && follows(3, 0x80, 0xbf) ? 4 : 0;
  }
  return 0;
}

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  while (!text.empty()) {
    const auto c = static_cast<uint8_t>(text.front());
    const size_t length = utf8_length(text);
    if (length == 0) {
      out += "\\ufffd";
      text.remove_prefix(1);
      continue;
    }
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (c < 0x20) {
          out += "\\u00";
          out += kHex[c >> 4];
          out += kHex[c & 15];
        } else {
          out += text.substr(0, length);
        }
    }
    text.remove_prefix(length);
  }
  out += '"';
}

void append_json_value(std::string& out, const Field& field, std::string_view comma) {
  std::visit(
      [&](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::string>) {
          append_json_string(out, value);
        } else if constexpr (std::is_same_v<T, bool>) {
          out += value ? "true" : "false";
        } else if constexpr (std::is_same_v<T, Duration>) {
          append_json_string(out, duration_text(value));
        } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
          out += '[';
          for (size_t i = 0; i < value.size(); ++i) {
            if (i > 0) out += comma;
            append_json_string(out, value[i]);
          }
          out += ']';
        } else {
          out += std::to_string(value);
        }
      },
      field.value);
}

void append_caller(std::string& out, const std::source_location& where) {
  std::string_view file = where.file_name();
  size_t slash = file.rfind('/');
  if (slash != std::string_view::npos && slash > 0) slash = file.rfind('/', slash - 1);
  if (slash != std::string_view::npos) file.remove_prefix(slash + 1);
  out += file;
  out += ':';
  out += std::to_string(where.line());
}

std::string json_line(const LogEvent& event) {
  std::string out;
  out.reserve(256);
  out += "{\"level\":\"";
  out += level_name(event.level);
  out += "\",\"ts\":\"";
  out += timestamp_text(event.time);
  out += "\",\"caller\":\"";
  append_caller(out, event.where);
  out += "\",\"msg\":";
  append_json_string(out, event.message);
  for (const Field& field : event.fields) {
    out += ',';
    append_json_string(out, field.name);
    out += ':';
    append_json_value(out, field, ",");
  }
  out += "}\n";
  return out;
}

std::string console_line(const LogEvent& event) {
  std::string out = timestamp_text(event.time);
  out += '\t';
  out += level_name(event.level);
  out += '\t';
  append_caller(out, event.where);
  out += '\t';
  out += event.message;
  if (!event.fields.empty()) {
    out += "\t{";
    bool first = true;
    for (const Field& field : event.fields) {
      if (!first) out += ", ";
      first = false;
      append_json_string(out, field.name);
      out += ": ";
      append_json_value(out, field, ", ");
    }
    out += '}';
  }
  out += '\n';
  return out;
}

// `value` in units of `unit`, with the decimals it needs and no more.
std::string decimal_text(uint64_t value, uint64_t unit) {
  std::string text = std::to_string(value / unit);
  uint64_t rest = value % unit;
  if (rest == 0) return text;
  text += '.';
  for (uint64_t digit = unit / 10; rest > 0; digit /= 10) {
    text += static_cast<char>('0' + rest / digit);
    rest %= digit;
  }
  return text;
}

}  // namespace

std::string log_line(LogFormat format, const LogEvent& event) {
  return format == LogFormat::kJson ? json_line(event) : console_line(event);
}

std::string_view level_name(Level level) {
  switch (level) {
    case Level::kDebug: return "debug";
    case Level::kInfo: return "info";
    case Level::kWarn: return "warn";
    case Level::kError: return "error";
    case Level::kPanic: return "panic";
    case Level::kFatal: return "fatal";
  }
  return "unknown";
}

Result<Level> parse_level(std::string_view name) {
  for (Level level : {Level::kDebug, Level::kInfo, Level::kWarn, Level::kError, Level::kPanic, Level::kFatal}) {
    if (name == level_name(level)) return level;
  }
  if (name == "dpanic") return Level::kPanic;
  return fail(Code::kInvalidArgument, "unrecognized level: \"" + std::string(name) + "\"");
}

std::string duration_text(Duration duration) {
  const int64_t signed_ns = duration.count();
  if (signed_ns == 0) return "0s";
  const uint64_t ns = signed_ns < 0 ? uint64_t{0} - static_cast<uint64_t>(signed_ns) : static_cast<uint64_t>(signed_ns);
  const std::string sign = signed_ns < 0 ? "-" : "";
  if (ns < 1'000) return sign + std::to_string(ns) + "ns";
  if (ns < 1'000'000) return sign + decimal_text(ns, 1'000) + "µs";
  if (ns < 1'000'000'000) return sign + decimal_text(ns, 1'000'000) + "ms";
  constexpr uint64_t kSecond = 1'000'000'000;
  constexpr uint64_t kMinute = 60 * kSecond;
  constexpr uint64_t kHour = 60 * kMinute;
  std::string text = sign;
  if (ns >= kHour) text += std::to_string(ns / kHour) + "h";
  if (ns >= kMinute) text += std::to_string(ns % kHour / kMinute) + "m";
  return text + decimal_text(ns % kMinute, kSecond) + "s";
}

std::string timestamp_text(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::microseconds>(time - day));
  char text[64];
  const int length =
      std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", static_cast<int>(date.year()),
                    static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                    static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                    static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return {text, static_cast<size_t>(length)};
}

bool LogSampler::admit(Level level, std::string_view message, WallTime now) {
  // FNV-1a, so that the same lines share a counter in every build.
  uint64_t hash = 14695981039346656037u + static_cast<uint64_t>(level);
  for (char c : message) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211u;
  Count& count = counts_[hash % counts_.size()];
  const int64_t second = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  if (count.second != second) count = {second, 0};
  ++count.lines;
  return count.lines <= kFirst || (count.lines - kFirst) % kThereafter == 0;
}

}  // namespace quorate::env
