// cmd/ctl/watch_arguments.h: what "watch" was asked for, on the command line or by a line of input.
//
// Source: command line, section 3.2; its texts are the contract. Threads: any; values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/ctl/commands.h"

namespace quorate::cmd::ctl {

struct WatchPlan {
  std::string key, range_end;
  Revision start_revision = 0;
  bool prev_kv = false;
  bool progress_notify = false;
  std::vector<std::string> exec;  // run for each event; may be empty
};

void declare_watch_flags(FlagSet& flags);

// The words of one watch: its own, and what stands behind "--".
struct WatchWords {
  std::vector<std::string> key;  // and the end of its range
  std::vector<std::string> exec;
};

// Sorts the words that `flags` has read; without a key among them it is ETCDCTL_WATCH_KEY.
std::expected<WatchWords, UsageError> watch_words(const FlagSet& flags, const Environment& environment);
// The plan of such words.
std::expected<WatchPlan, UsageError> watch_plan(const FlagSet& flags, const WatchWords& words);

// One line of "watch -i".
struct WatchLine {
  enum class Kind : uint8_t { kWatch, kProgress, kRefused };
  Kind kind = Kind::kRefused;
  WatchPlan plan;
  std::string complaint;  // of a refused line, whole
};
// Errors end the program.
std::expected<WatchLine, UsageError> parse_watch_line(std::string_view line, const Environment& environment);

}  // namespace quorate::cmd::ctl
