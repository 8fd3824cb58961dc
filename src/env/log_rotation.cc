#include "env/log_rotation.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <map>

namespace quorate::env {
namespace {

constexpr std::string_view kCompressed = ".gz";
constexpr size_t kTimeLength = 23;  // 2025-01-02T03-04-05.678

// "etcd-" and ".log" of "etcd.log".
std::pair<std::string, std::string> around_time(std::string_view file) {
  const size_t dot = std::min(file.rfind('.'), file.size());
  return {std::string(file.substr(0, dot)) + "-", std::string(file.substr(dot))};
}

}  // namespace

std::string backup_name(std::string_view file, WallTime time, bool local) {
  const auto [before, after] = around_time(file);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  const auto second = static_cast<std::time_t>(ms / 1000);
  std::tm parts{};
  local ? localtime_r(&second, &parts) : gmtime_r(&second, &parts);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d-%02d-%02d.%03d", parts.tm_year + 1900, parts.tm_mon + 1,
                parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(ms % 1000));
  return before + text + after;
}

std::optional<WallTime> backup_time(std::string_view file, std::string_view name, bool local) {
  const auto [before, after] = around_time(file);
  if (name.ends_with(kCompressed)) name.remove_suffix(kCompressed.size());
  if (name.size() != before.size() + kTimeLength + after.size() || !name.starts_with(before) || !name.ends_with(after))
    return std::nullopt;
  const std::string text(name.substr(before.size(), kTimeLength));
  std::tm parts{};
  int ms = 0, used = 0;
  const int read = std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d-%2d-%2d.%3d%n", &parts.tm_year, &parts.tm_mon,
                               &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &ms, &used);
  if (read != 7 || static_cast<size_t>(used) != kTimeLength) return std::nullopt;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  parts.tm_isdst = -1;
  const std::time_t second = local ? std::mktime(&parts) : timegm(&parts);
  return WallTime(std::chrono::seconds(second) + std::chrono::milliseconds(ms));
}

std::vector<std::string> superfluous_backups(std::string_view file, const std::vector<std::string>& names,
                                             const LogRotation& rotation, WallTime now) {
  // The newest first; a file and its compressed form are one.
  std::multimap<WallTime, std::string, std::greater<>> backups;
  for (const std::string& name : names) {
    if (const auto time = backup_time(file, name, rotation.local_time)) backups.emplace(*time, name);
  }
  std::vector<std::string> out;
  int64_t kept = 0;
  std::optional<WallTime> previous;
  for (const auto& [time, name] : backups) {
    if (time != previous) ++kept;
    previous = time;
    const bool surplus = rotation.max_backups > 0 && kept > rotation.max_backups;
    const bool old = rotation.max_age_days > 0 && now - time > rotation.max_age_days * Duration(24h);
    if (surplus || old) out.push_back(name);
  }
  return out;
}

}  // namespace quorate::env
