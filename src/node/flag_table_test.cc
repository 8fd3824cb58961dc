// Every row of flags.def, told in every way in which a setting can be told.
#include "node/flag_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "node/go_values.h"
#include "node/testing/launching.h"
#include "node/words.h"

namespace quorate::node {
namespace {

using testing::Start;

constexpr std::string_view kEtcdFlags[] = {
#include "node/testing/etcd_flags.def"
};

struct Given {
  std::string_view flag;
  std::string_view value;
};

enum class Way : uint8_t { kTwoWords, kOneWord, kVariable, kFile };
constexpr Way kWays[] = {Way::kTwoWords, Way::kOneWord, Way::kVariable, Way::kFile};

// {a: {b: value}} for the key a.b, with the value as a file would have it.
std::string yaml_line(const Flag& flag, std::string_view value) {
  std::string text;
  switch (flag.kind) {
    case FlagKind::kBool:
    case FlagKind::kUint:
    case FlagKind::kUint32:
    case FlagKind::kUint64:
    case FlagKind::kInt:
    case FlagKind::kInt64: text = value; break;
    case FlagKind::kDuration: text = std::to_string(parse_duration(value)->count()); break;
    case FlagKind::kList: text = "[\"" + std::string(value) + "\"]"; break;
    default: text = "'" + std::string(value) + "'";
  }
  const auto keys = split(flag.yaml, '.');
  for (size_t i = keys.size(); i-- > 1;) text = "{" + std::string(keys[i]) + ": " + text + "}";
  return std::string(keys[0]) + ": " + text + "\n";
}

Launch tell(Way way, const std::vector<Given>& all) {
  Start start;
  for (const Given& given : all) {
    const Flag& flag = *find_flag(given.flag);
    const std::string name(given.flag), value(given.value);
    switch (way) {
      case Way::kTwoWords:
        if (flag.kind == FlagKind::kBool) {
          start.arguments.push_back(value == "true" ? "-" + name : "-" + name + "=" + value);
        } else {
          start.arguments.push_back("-" + name);
          start.arguments.push_back(value);
        }
        break;
      case Way::kOneWord: start.arguments.push_back("--" + name + "=" + value); break;
      case Way::kVariable: start.environment[std::string(flag.variable)] = value; break;
      case Way::kFile:
        start.arguments = {"--config-file=f"};
        start.files["f"] += yaml_line(flag, value);
        break;
    }
  }
  return start.launch();
}

bool can_tell(Way way, const Flag& flag) {
  if (way == Way::kFile) return !flag.yaml.empty();
  if (way == Way::kVariable) return !flag.variable.empty();
  return true;
}

TEST(FlagTable, HasEveryFlagOfEtcd) {
  std::set<std::string_view> ours;
  for (const Flag& flag : flag_table()) {
    EXPECT_TRUE(ours.insert(flag.name).second) << flag.name << " twice";
    if (flag.section == "Quorate") ours.erase(flag.name);
  }
  EXPECT_EQ(ours, std::set<std::string_view>(std::begin(kEtcdFlags), std::end(kEtcdFlags)));
  EXPECT_EQ(ours.size(), 113u);
}

TEST(FlagTable, NamesEachVariableAfterItsFlag) {
  for (const Flag& flag : flag_table()) {
    if (flag.section == "Quorate") continue;
    std::string expected = "ETCD_" + std::string(flag.name);
    std::ranges::transform(expected, expected.begin(), [](char c) {
      if (c == '-') return '_';
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    });
    EXPECT_EQ(flag.variable, expected);
  }
}

TEST(FlagTable, SaysWhyWhatDoesNotWorkDoesNot) {
  for (const Flag& flag : flag_table()) {
    EXPECT_EQ(flag.note.empty(), flag.in == FlagClass::kWorks) << flag.name;
    EXPECT_FALSE(flag.help.empty()) << flag.name;
  }
}

TEST(FlagTable, StartsWithEveryDefaultSpelledOut) {
  for (const Flag& flag : flag_table()) {
    if (flag.initial.empty() || flag.name == "version" || flag.name == "flags") continue;
    for (const Way way : kWays) {
      if (!can_tell(way, flag)) continue;
      std::vector<Given> all{{flag.name, flag.initial}};
      if (flag.name == "listen-client-urls") all.push_back({"advertise-client-urls", "http://localhost:2379"});
      const Launch launch = tell(way, all);
      EXPECT_EQ(testing::reason_of(launch), "") << flag.name;
      EXPECT_EQ(testing::find_note(launch, "flag has no effect"), nullptr) << flag.name;
    }
  }
}

// A working flag, what else it needs, and what it changes.
struct Works {
  std::string_view flag;
  std::string_view value;
  std::function<std::string(const Config&)> seen;
  std::string_view expected;
  std::vector<Given> besides = {};
};

std::string first(const std::vector<Url>& urls) { return urls.size() == 1 ? urls[0].text() : "not one"; }
std::string ms(Duration d) { return std::to_string(d / 1ms); }

const std::vector<Works>& works() {
  static const std::vector<Works> rows{
      {"name", "m1", [](const Config& c) { return c.name; }, "m1"},
      {"data-dir", "/d", [](const Config& c) { return c.data_dir; }, "/d"},
      {"wal-dir", "/w", [](const Config& c) { return c.wal_dir; }, "/w"},
      {"listen-peer-urls", "http://127.0.0.1:1", [](const Config& c) { return first(c.listen_peer_urls); },
       "http://127.0.0.1:1"},
      {"listen-client-urls",
       "unix:///s",
       [](const Config& c) { return first(c.listen_client_urls); },
       "unix:///s",
       {{"advertise-client-urls", "unix:///s"}}},
      {"listen-metrics-urls", "http://[::1]:3", [](const Config& c) { return first(c.listen_metrics_urls); },
       "http://[::1]:3"},
      {"advertise-client-urls", "http://b:2,http://a:1",
       [](const Config& c) { return joined(c.advertise_client_urls, ";"); }, "http://a:1;http://b:2"},
      {"initial-advertise-peer-urls",
       "http://h:7",
       [](const Config& c) { return joined(c.initial_advertise_peer_urls, ";"); },
       "http://h:7",
       {{"initial-cluster", "default=http://h:7"}}},
      {"initial-cluster-token", "tok", [](const Config& c) { return c.initial_cluster_token; }, "tok"},
      {"heartbeat-interval", "50", [](const Config& c) { return ms(c.heartbeat_interval); }, "50"},
      {"election-timeout", "2000", [](const Config& c) { return ms(c.election_timeout); }, "2000"},
      {"max-txn-ops", "7", [](const Config& c) { return std::to_string(c.max_txn_ops); }, "7"},
      {"quota-backend-bytes", "-1", [](const Config& c) { return std::to_string(c.quota_backend_bytes); }, "-1"},
      {"max-request-bytes", "4096", [](const Config& c) { return std::to_string(c.max_request_bytes); }, "4096"},
      {"max-concurrent-streams", "9", [](const Config& c) { return std::to_string(c.max_concurrent_streams); }, "9"},
      {"grpc-keepalive-min-time", "6s", [](const Config& c) { return ms(c.grpc_keepalive_min_time); }, "6000"},
      {"grpc-keepalive-interval", "3h", [](const Config& c) { return ms(c.grpc_keepalive_interval); }, "10800000"},
      {"grpc-keepalive-timeout", "1.5s", [](const Config& c) { return ms(c.grpc_keepalive_timeout); }, "1500"},
      {"socket-reuse-port", "true", [](const Config& c) { return std::to_string(c.socket_options.reuse_port); }, "1"},
      {"socket-reuse-address", "true", [](const Config& c) { return std::to_string(c.socket_options.reuse_address); },
       "1"},
      {"auto-compaction-retention", "2", [](const Config& c) { return ms(c.auto_compaction.period); }, "7200000"},
      {"auto-compaction-mode",
       "revision",
       [](const Config& c) { return std::to_string(c.auto_compaction.revisions); },
       "1000",
       {{"auto-compaction-retention", "1000"}}},
      {"watch-progress-notify-interval", "3s", [](const Config& c) { return ms(c.watch_progress_interval); }, "3000"},
      {"log-level", "warn", [](const Config& c) { return std::string(env::level_name(c.log_level)); }, "warn"},
      {"log-format", "console",
       [](const Config& c) { return std::string(c.log_format == env::LogFormat::kConsole ? "console" : "json"); },
       "console"},
      {"log-outputs", "/l", [](const Config& c) { return joined(c.log_outputs, ";"); }, "/l"},
      {"listen-client-http-urls", "http://127.0.0.1:4",
       [](const Config& c) { return first(c.listen_client_http_urls); }, "http://127.0.0.1:4"},
      {"cors", "http://b:2,http://a:1", [](const Config& c) { return joined(c.cors, ";"); }, "http://a:1;http://b:2"},
      {"host-whitelist", "b,a", [](const Config& c) { return joined(c.host_whitelist, ";"); }, "a;b"},
      {"metrics", "extensive", [](const Config& c) { return std::to_string(c.extensive_metrics); }, "1"},
      {"warning-apply-duration", "2s", [](const Config& c) { return ms(c.warning_apply_duration); }, "2000"},
      {"warning-unary-request-duration", "3s", [](const Config& c) { return ms(c.warning_unary_request_duration); },
       "3000"},
      {"memory-mlock", "true", [](const Config& c) { return std::to_string(c.lock_memory); }, "1"},
      {"enable-log-rotation",
       "true",
       [](const Config& c) { return std::to_string(c.log_rotation.has_value()); },
       "1",
       {{"log-outputs", "/l"}}},
      {"log-rotation-config-json",
       "{\"maxbackups\":7}",
       [](const Config& c) { return std::to_string(c.log_rotation ? c.log_rotation->max_backups : 0); },
       "7",
       {{"log-outputs", "/l"}, {"enable-log-rotation", "true"}}},
      {"unsafe-no-fsync", "true", [](const Config& c) { return std::to_string(c.unsafe_no_fsync); }, "1"},
      {"flight-recorder-bytes", "4096", [](const Config& c) { return std::to_string(c.flight_recorder_bytes); },
       "4096"},
      {"io-loops", "3", [](const Config& c) { return std::to_string(c.io_loops.value_or(99)); }, "3"},
  };
  return rows;
}

TEST(FlagTable, EachWorkingFlagChangesItsSettingInEveryWay) {
  for (const Works& row : works()) {
    EXPECT_EQ(find_flag(row.flag)->in, FlagClass::kWorks) << row.flag;
    EXPECT_NE(row.seen(Config{}), row.expected) << row.flag << ": the default would pass";
    for (const Way way : kWays) {
      std::vector<Given> all{{row.flag, row.value}};
      all.insert(all.end(), row.besides.begin(), row.besides.end());
      const Launch launch = tell(way, all);
      const auto* serve = std::get_if<Serve>(&launch);
      ASSERT_NE(serve, nullptr) << row.flag << " " << static_cast<int>(way) << ": " << testing::reason_of(launch);
      EXPECT_EQ(row.seen(serve->config), row.expected) << row.flag << " " << static_cast<int>(way);
    }
  }
}

TEST(FlagTable, EveryWorkingFlagHasARow) {
  // These have no setting in the configuration: flags_test.cc has them.
  const std::set<std::string_view> apart{
      "config-file", "version", "flags", "feature-gates", "initial-cluster", "initial-cluster-state", "logger"};
  std::set<std::string_view> rows(apart);
  for (const Works& row : works()) rows.insert(row.flag);
  for (const Flag& flag : flag_table()) {
    EXPECT_TRUE(flag.in != FlagClass::kWorks || rows.contains(flag.name)) << flag.name;
  }
}

std::string another_value(const Flag& flag) {
  if (flag.name == "compact-hash-check-time") return "2m";
  if (flag.name == "tls-min-version" || flag.name == "tls-max-version") return "TLS1.3";
  switch (flag.kind) {
    case FlagKind::kBool: return flag.initial == "true" ? "false" : "true";
    case FlagKind::kUint:
    case FlagKind::kUint32:
    case FlagKind::kUint64:
    case FlagKind::kInt:
    case FlagKind::kInt64: return "17";
    case FlagKind::kDuration: return "17s";
    case FlagKind::kUrls:
    case FlagKind::kOrigins: return "http://127.0.0.1:17";
    case FlagKind::kV2: return "gone";
    default: return "word";
  }
}

TEST(FlagTable, AFlagWithoutEffectSaysSoInEveryWay) {
  for (const Flag& flag : flag_table()) {
    if (flag.in != FlagClass::kNoEffect || flag.kind == FlagKind::kFallback || flag.kind == FlagKind::kV2) continue;
    for (const Way way : kWays) {
      if (!can_tell(way, flag)) continue;
      const std::string value = another_value(flag);
      const Launch launch = tell(way, {{flag.name, value}});
      ASSERT_EQ(testing::reason_of(launch), "") << flag.name;
      const Note* note = testing::find_note(launch, "flag has no effect", "flag", flag.name);
      ASSERT_NE(note, nullptr) << flag.name << " " << static_cast<int>(way);
      EXPECT_EQ(testing::field_of(*note, "reason"), flag.note);
    }
  }
}

TEST(FlagTable, ARefusedFlagSaysWhatBringsItInEveryWay) {
  for (const Flag& flag : flag_table()) {
    if (flag.in != FlagClass::kRefused) continue;
    for (const Way way : kWays) {
      if (!can_tell(way, flag)) continue;
      const std::string value = another_value(flag);
      std::vector<Given> all{{flag.name, value}};
      // Each of these two needs the other.
      if (flag.name == "discovery-token") all.push_back({"discovery-endpoints", "http://a:1"});
      if (flag.name == "discovery-endpoints") all.push_back({"discovery-token", "t"});
      if (way == Way::kFile && all.size() > 1) continue;  // one block, which two lines cannot share
      const Launch launch = tell(way, all);
      EXPECT_EQ(testing::exit_code_of(launch), 1) << flag.name;
      const std::string reason = testing::reason_of(launch);
      EXPECT_TRUE(reason.starts_with("Quorate does not have --")) << flag.name << ": " << reason;
      if (all.size() > 1) continue;
      EXPECT_EQ(reason,
                "Quorate does not have --" + std::string(flag.name) + " yet; it comes with " + std::string(flag.note));
    }
  }
}

}  // namespace
}  // namespace quorate::node
