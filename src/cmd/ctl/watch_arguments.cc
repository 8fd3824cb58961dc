#include "cmd/ctl/watch_arguments.h"

#include "cmd/ctl/go_text.h"
#include "cmd/ctl/txn_parser.h"

namespace quorate::cmd::ctl {
namespace {

constexpr const char* kKeyVariable = "ETCDCTL_WATCH_KEY";
constexpr const char* kRangeEndVariable = "ETCDCTL_WATCH_RANGE_END";

std::unexpected<UsageError> bad(std::string text) {
  return std::unexpected(UsageError{kExitBadArguments, std::move(text)});
}

std::string variable(const Environment& environment, const char* name) {
  const auto found = environment.find(name);
  return found == environment.end() ? "" : found->second;
}

}  // namespace

void declare_watch_flags(FlagSet& flags) {
  flags.on_off("interactive", "Interactive mode", 'i');
  flags.on_off("prefix", "Watch on a prefix if prefix is set");
  flags.add(FlagKind::kNumber, "rev", "", "Revision to start watching");
  flags.on_off("prev-kv", "get the previous key-value pair before the event happens");
  flags.on_off("progress-notify", "get periodic watch progress notification from server");
}

std::expected<WatchWords, UsageError> watch_words(const FlagSet& flags, const Environment& environment) {
  const std::vector<std::string>& all = flags.positional();
  const auto middle = all.begin() + static_cast<ptrdiff_t>(flags.before_dashes().value_or(all.size()));
  WatchWords words{{all.begin(), middle}, {middle, all.end()}};
  const std::string key = variable(environment, kKeyVariable), range_end = variable(environment, kRangeEndVariable);
  if (key.empty() && !range_end.empty()) {
    return bad(std::string(kKeyVariable) + " is empty but got " + kRangeEndVariable + "=" + quote(range_end));
  }
  if (!key.empty() && !words.key.empty()) return bad("bad number of arguments (found conflicting environment key)");
  if (key.empty() && words.key.empty()) return bad("bad number of arguments");
  if (flags.before_dashes() && words.exec.empty())
    return bad("bad number of arguments (found separator --, but no commands)");
  if (words.key.empty()) {
    words.key.push_back(key);
    if (!range_end.empty()) words.key.push_back(range_end);
  }
  return words;
}

std::expected<WatchPlan, UsageError> watch_plan(const FlagSet& flags, const WatchWords& words) {
  WatchPlan plan;
  plan.key = words.key[0];
  // Of three or more words only the first counts, as in the reference.
  if (words.key.size() == 2) {
    if (flags.on("prefix")) return bad("`range_end` and `--prefix` are mutually exclusive");
    plan.range_end = words.key[1];
  }
  if (flags.on("prefix")) {
    plan.range_end = prefix_end(plan.key);
    if (plan.key.empty()) plan.key = std::string(1, '\0');
  }
  plan.start_revision = flags.number("rev");
  plan.prev_kv = flags.on("prev-kv");
  plan.progress_notify = flags.on("progress-notify");
  plan.exec = words.exec;
  return plan;
}

std::expected<WatchLine, UsageError> parse_watch_line(std::string_view line, const Environment& environment) {
  auto words = split_words(line);
  if (!words) return std::unexpected(words.error());
  WatchLine parsed;
  const auto refuse = [&](std::string_view after_command, std::string_view why) {
    parsed.complaint =
        "Invalid command" + std::string(after_command) + " " + std::string(line) + " (" + std::string(why) + ")";
    return parsed;
  };
  if (words->empty()) return refuse(":", "watch and progress supported");
  if (words->front() == "progress") {
    parsed.kind = WatchLine::Kind::kProgress;
    return parsed;
  }
  if (words->front() != "watch") return refuse("", "only support watch");
  if (words->size() < 2 && variable(environment, kKeyVariable).empty()) {
    return refuse("", "command type or key is not provided");
  }
  words->erase(words->begin());
  FlagSet flags;
  declare_watch_flags(flags);
  if (const Status status = flags.parse(*words); !status.ok()) return bad(status.text());
  auto sorted = watch_words(flags, environment);
  if (!sorted) return std::unexpected(sorted.error());
  auto plan = watch_plan(flags, *sorted);
  if (!plan) return refuse("", plan.error().text);
  parsed.kind = WatchLine::Kind::kWatch;
  parsed.plan = std::move(*plan);
  return parsed;
}

}  // namespace quorate::cmd::ctl
