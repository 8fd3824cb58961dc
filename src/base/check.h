// base/check.h: assertions about our own mistakes; on in every build.
//
// A CHECK is never about foreign bytes, the disk or the network: those are statuses (result.h).
// Threads: any.
#pragma once

#include <string_view>

namespace quorate {

// Called once, before the process ends, with the text of the failed check: the flight recorder's door.
using CheckFailureHook = void (*)(std::string_view text);

// Installs `hook` for the whole process (null removes it). The one process-wide state there is: a failed
// check may have no Env in reach.
void set_check_failure_hook(CheckFailureHook hook);

// Prints `file:line: CHECK failed: expression` on stderr, calls the hook and aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* expression);

}  // namespace quorate

#define CHECK(condition)                                       \
  do {                                                         \
    if (!(condition)) [[unlikely]]                             \
      ::quorate::check_failed(__FILE__, __LINE__, #condition); \
  } while (false)
