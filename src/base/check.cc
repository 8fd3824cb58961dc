#include "base/check.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace quorate {
namespace {
std::atomic<CheckFailureHook> failure_hook{nullptr};
}  // namespace

void set_check_failure_hook(CheckFailureHook hook) { failure_hook.store(hook); }

void check_failed(const char* file, int line, const char* expression) {
  std::string text = std::string(file) + ":" + std::to_string(line) + ": CHECK failed: " + expression;
  std::fprintf(stderr, "%s\n", text.c_str());
  if (CheckFailureHook hook = failure_hook.exchange(nullptr)) hook(text);
  std::abort();
}

}  // namespace quorate
