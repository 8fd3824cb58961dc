// api/request_stats.h: the log line about one unary call: who asked what, and how large request and answer were.
//
// Threads: any; a function of its arguments. Source: server, section 4 (`request stats`). Values are told by their size
// alone.
#pragma once

#include <string_view>

#include "api/methods.h"
#include "env/env.h"

namespace quorate::api {

struct UnaryStats {
  Method method{};
  std::string_view peer;
  std::string_view request;   // encoded
  std::string_view response;  // encoded; "" where the call failed; of one sent in parts, what but its pairs it had
  size_t response_bytes = 0;  // of the whole
  bool ok = true;
  Duration took{};
};

// At kWarn for a call that took too long, at kDebug for every other.
void log_unary(env::Log& log, env::Level level, WallTime now, const UnaryStats& stats);

}  // namespace quorate::api
