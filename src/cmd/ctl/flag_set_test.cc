#include "cmd/ctl/flag_set.h"

#include <gtest/gtest.h>

#include <sstream>

#include "cmd/ctl/exit_codes.h"
#include "cmd/ctl/global_options.h"

namespace quorate::cmd::ctl {
namespace {

FlagSet make_flags() {
  FlagSet flags;
  flags.on_off("prefix", "all keys with it");
  flags.on_off("interactive", "ask", 'i');
  flags.add(FlagKind::kNumber, "rev", "", "a revision");
  flags.add(FlagKind::kText, "order", "", "an order");
  flags.add(FlagKind::kText, "write-out", "simple", "a format", 'w');
  flags.add(FlagKind::kDuration, "timeout", "2s", "a time");
  flags.add(FlagKind::kList, "endpoints", "one", "where to");
  return flags;
}

Status parse(FlagSet& flags, const std::vector<std::string>& words) { return flags.parse(words); }

TEST(FlagSet, FlagsStandAnywhereAmongTheArguments) {
  FlagSet flags = make_flags();
  ASSERT_TRUE(parse(flags, {"--prefix", "a", "--rev", "-3", "-w", "json", "b", "-iwfields", "--timeout=1m", "-"}).ok());
  EXPECT_EQ(flags.positional(), (std::vector<std::string>{"a", "b", "-"}));
  EXPECT_TRUE(flags.on("prefix"));
  EXPECT_TRUE(flags.on("interactive"));
  EXPECT_EQ(flags.number("rev"), -3);
  EXPECT_EQ(flags.text("write-out"), "fields");
  EXPECT_EQ(flags.duration("timeout"), Duration(1min));
  EXPECT_FALSE(flags.before_dashes().has_value());
  EXPECT_FALSE(flags.given("order"));
}

TEST(FlagSet, TwoDashesEndTheFlags) {
  FlagSet flags = make_flags();
  ASSERT_TRUE(parse(flags, {"a", "--", "--prefix", "-x", "--"}).ok());
  EXPECT_EQ(flags.positional(), (std::vector<std::string>{"a", "--prefix", "-x", "--"}));
  EXPECT_EQ(flags.before_dashes(), 1u);
  EXPECT_FALSE(flags.on("prefix"));
}

TEST(FlagSet, ASwitchTakesItsValueOnlyBehindAnEqualsSign) {
  FlagSet flags = make_flags();
  ASSERT_TRUE(parse(flags, {"--prefix", "false"}).ok());
  EXPECT_TRUE(flags.on("prefix"));
  EXPECT_EQ(flags.positional(), std::vector<std::string>{"false"});
  ASSERT_TRUE(parse(flags, {"--prefix=0"}).ok());
  EXPECT_FALSE(flags.on("prefix"));
}

TEST(FlagSet, ListsGrowAndReplaceTheirDefault) {
  FlagSet flags = make_flags();
  EXPECT_EQ(flags.list("endpoints"), std::vector<std::string>{"one"});
  ASSERT_TRUE(parse(flags, {"--endpoints", "a,b", "--endpoints=c"}).ok());
  EXPECT_EQ(flags.list("endpoints"), (std::vector<std::string>{"a", "b", "c"}));
}

TEST(FlagSet, MistakesAreToldInPflagsWords) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--foo"}, "unknown flag: --foo"},
      {{"--foo=1"}, "unknown flag: --foo"},
      {{"-ix"}, "unknown shorthand flag: 'x' in -x"},
      {{"--rev"}, "flag needs an argument: --rev"},
      {{"-iw"}, "flag needs an argument: 'w' in -w"},
      {{"---"}, "bad flag syntax: ---"},
      {{"--=x"}, "bad flag syntax: --=x"},
      {{"--rev", "x"}, "invalid argument \"x\" for \"--rev\" flag: strconv.ParseInt: parsing \"x\": invalid syntax"},
      {{"--prefix=maybe"},
       "invalid argument \"maybe\" for \"--prefix\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax"},
      {{"-i=maybe"},
       "invalid argument \"maybe\" for \"-i, --interactive\" flag: strconv.ParseBool: parsing \"maybe\": invalid "
       "syntax"},
      {{"--timeout", "5"}, "invalid argument \"5\" for \"--timeout\" flag: time: missing unit in duration \"5\""},
  };
  for (const auto& [words, text] : cases) {
    FlagSet flags = make_flags();
    EXPECT_EQ(parse(flags, words).text(), text);
  }
}

TEST(FlagSet, HelpIsAlignedAndSorted) {
  EXPECT_EQ(make_flags().help(FlagScope::kLocal),
            "      --endpoints strings   where to (default [one])\n"
            "  -i, --interactive         ask\n"
            "      --order string        an order\n"
            "      --prefix              all keys with it\n"
            "      --rev int             a revision\n"
            "      --timeout duration    a time (default 2s)\n"
            "  -w, --write-out string    a format (default \"simple\")\n");
}

// The options of a command line and an environment, and what was warned of.
struct Read {
  std::expected<GlobalOptions, UsageError> options;
  std::string warnings;
};

Read read(const std::vector<std::string>& words, const Environment& environment) {
  FlagSet flags;
  declare_global_flags(flags);
  EXPECT_TRUE(parse(flags, words).ok());
  std::ostringstream err;
  auto options = read_global_options(flags, environment, err);
  return {std::move(options), err.str()};
}

TEST(GlobalOptions, TheDefaultsAreEtcdctls) {
  const Read with = read({}, {{"HOME", "/"}});
  EXPECT_EQ(with.options->endpoints, std::vector<std::string>{"127.0.0.1:2379"});
  EXPECT_EQ(with.options->write_out, "simple");
  EXPECT_EQ(with.options->command_timeout, Duration(5s));
  EXPECT_EQ(with.options->max_request_bytes, 2u * 1024 * 1024);
  EXPECT_EQ(with.warnings, "");
}

TEST(GlobalOptions, AVariableStandsInForAFlagThatWasNotGiven) {
  const Read with = read(
      {"--hex"}, {{"ETCDCTL_ENDPOINTS", "a:1,b:2"}, {"ETCDCTL_COMMAND_TIMEOUT", "1s"}, {"ETCDCTL_WATCH_KEY", "k"}});
  EXPECT_EQ(with.options->endpoints, (std::vector<std::string>{"a:1", "b:2"}));
  EXPECT_EQ(with.options->command_timeout, Duration(1s));
  EXPECT_TRUE(with.options->command_timeout_given);
  EXPECT_TRUE(with.options->hex);
  EXPECT_EQ(with.warnings, "");
}

TEST(GlobalOptions, AFlagAndItsVariableAtOnceAreRefusedEvenWhenTheVariableIsEmpty) {
  for (const std::string value : {"b:2", ""}) {
    const Read with = read({"--endpoints", "a:1"}, {{"ETCDCTL_ENDPOINTS", value}});
    ASSERT_FALSE(with.options.has_value());
    EXPECT_EQ(with.options.error().exit_code, kExitError);
    EXPECT_NE(with.warnings.find(
                  "conflicting environment variable is shadowed by corresponding command-line flag (either unset "
                  "environment variable or disable flag))"),
              std::string::npos);
  }
}

TEST(GlobalOptions, AnUnknownVariableIsWarnedOf) {
  const Read with = read({}, {{"ETCDCTL_API", "3"}});
  EXPECT_TRUE(with.options.has_value());
  EXPECT_EQ(with.warnings,
            "{\"level\":\"warn\",\"msg\":\"unrecognized environment "
            "variable\",\"environment-variable\":\"ETCDCTL_API=3\"}\n");
}

TEST(GlobalOptions, WhatIsNotThereYetIsRefusedByName) {
  const std::vector<std::pair<std::vector<std::string>, UsageError>> cases = {
      {{"--cert", ""}, {kExitBadArguments, "empty string is passed to --cert option"}},
      {{"--cacert", "ca.pem"}, {kExitBadFeature, "--cacert: TLS is not supported by this version"}},
      {{"--user", "root:x"}, {kExitBadFeature, "--user: authentication is not supported by this version"}},
      {{"-d", "example.org"}, {kExitBadFeature, "--discovery-srv: discovery is not supported by this version"}},
      {{"--endpoints", "https://a:1"},
       {kExitBadFeature, "endpoint \"https://a:1\": TLS is not supported by this version"}},
      {{"-w", "xml"}, {kExitBadFeature, "unsupported output format"}},
  };
  for (const auto& [words, error] : cases) {
    const Read with = read(words, {});
    ASSERT_FALSE(with.options.has_value()) << error.text;
    EXPECT_EQ(with.options.error().exit_code, error.exit_code);
    EXPECT_EQ(with.options.error().text, error.text);
  }
}

}  // namespace
}  // namespace quorate::cmd::ctl
