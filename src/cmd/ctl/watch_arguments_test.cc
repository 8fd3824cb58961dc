#include "cmd/ctl/watch_arguments.h"

#include <gtest/gtest.h>

namespace quorate::cmd::ctl {
namespace {

using Words = std::vector<std::string>;

std::expected<WatchPlan, UsageError> plan_of(const Words& words, const Environment& environment = {}) {
  FlagSet flags;
  declare_watch_flags(flags);
  EXPECT_TRUE(flags.parse(words).ok());
  auto sorted = watch_words(flags, environment);
  if (!sorted) return std::unexpected(sorted.error());
  return watch_plan(flags, *sorted);
}

std::string refusal(const Words& words, const Environment& environment = {}) {
  const auto plan = plan_of(words, environment);
  if (plan) return "no refusal";
  EXPECT_EQ(plan.error().exit_code, kExitBadArguments);
  return plan.error().text;
}

TEST(WatchArguments, AKeyARangeOrAPrefix) {
  const auto key = plan_of({"a", "--rev", "3", "--prev-kv"});
  EXPECT_EQ(key->key, "a");
  EXPECT_EQ(key->range_end, "");
  EXPECT_EQ(key->start_revision, 3);
  EXPECT_TRUE(key->prev_kv);
  EXPECT_EQ(plan_of({"a", "c"})->range_end, "c");
  EXPECT_EQ(plan_of({"a\xFF", "--prefix"})->range_end, "b");
  const auto all = plan_of({"", "--prefix"});
  EXPECT_EQ(all->key, std::string(1, '\0'));
  EXPECT_EQ(all->range_end, std::string(1, '\0'));
}

TEST(WatchArguments, WhatStandsBehindTheDashesIsRun) {
  const auto plan = plan_of({"a", "--", "echo", "--rev", "2"});
  EXPECT_EQ(plan->exec, (Words{"echo", "--rev", "2"}));
  EXPECT_EQ(plan->start_revision, 0);
}

TEST(WatchArguments, AKeyOfTheEnvironmentStandsInForNone) {
  const Environment both = {{"ETCDCTL_WATCH_KEY", "k"}, {"ETCDCTL_WATCH_RANGE_END", "l"}};
  const auto plan = plan_of({"--rev", "2", "--", "echo"}, both);
  EXPECT_EQ(plan->key, "k");
  EXPECT_EQ(plan->range_end, "l");
  EXPECT_EQ(plan->exec, Words{"echo"});
}

TEST(WatchArguments, WhatIsAmbiguousIsRefused) {
  EXPECT_EQ(refusal({}), "bad number of arguments");
  EXPECT_EQ(refusal({"--", "a"}), "bad number of arguments");
  EXPECT_EQ(refusal({"a", "--"}), "bad number of arguments (found separator --, but no commands)");
  EXPECT_EQ(refusal({"a"}, {{"ETCDCTL_WATCH_KEY", "k"}}),
            "bad number of arguments (found conflicting environment key)");
  EXPECT_EQ(refusal({"a"}, {{"ETCDCTL_WATCH_RANGE_END", "b"}}),
            "ETCDCTL_WATCH_KEY is empty but got ETCDCTL_WATCH_RANGE_END=\"b\"");
  EXPECT_EQ(refusal({"a", "b", "--prefix"}), "`range_end` and `--prefix` are mutually exclusive");
}

TEST(WatchLine, AsksForAWatchOrForProgress) {
  const auto watch = parse_watch_line("watch \"a b\" --rev 2 -- echo 'x  y'", {});
  ASSERT_EQ(watch->kind, WatchLine::Kind::kWatch);
  EXPECT_EQ(watch->plan.key, "a b");
  EXPECT_EQ(watch->plan.start_revision, 2);
  EXPECT_EQ(watch->plan.exec, (Words{"echo", "x  y"}));
  EXPECT_EQ(parse_watch_line("progress", {})->kind, WatchLine::Kind::kProgress);
  EXPECT_EQ(parse_watch_line("watch", {{"ETCDCTL_WATCH_KEY", "k"}})->plan.key, "k");
}

TEST(WatchLine, ARefusedLineIsNamedAndTheNextOneCounts) {
  EXPECT_EQ(parse_watch_line("", {})->complaint, "Invalid command:  (watch and progress supported)");
  EXPECT_EQ(parse_watch_line("foo", {})->complaint, "Invalid command foo (only support watch)");
  EXPECT_EQ(parse_watch_line(" watch", {})->complaint, "Invalid command  watch (command type or key is not provided)");
  EXPECT_EQ(parse_watch_line("watch a b --prefix", {})->complaint,
            "Invalid command watch a b --prefix (`range_end` and `--prefix` are mutually exclusive)");
}

TEST(WatchLine, ABadFlagOrEscapeEndsTheProgram) {
  EXPECT_EQ(parse_watch_line("watch --foo", {}).error().text, "unknown flag: --foo");
  EXPECT_EQ(parse_watch_line("watch --foo", {}).error().exit_code, kExitBadArguments);
  EXPECT_EQ(parse_watch_line("watch \"\\q\"", {}).error().exit_code, kExitInvalidInput);
}

}  // namespace
}  // namespace quorate::cmd::ctl
