#include "node/flags.h"

#include <gtest/gtest.h>

#include "node/testing/launching.h"
#include "node/usage.h"

namespace quorate::node {
namespace {

using testing::exit_code_of;
using testing::field_of;
using testing::find_note;
using testing::reason_of;
using testing::Start;

using Words = std::vector<std::string>;

struct Refusal {
  Words arguments;
  int exit_code;
  std::string_view reason;
};

class Refused : public ::testing::TestWithParam<Refusal> {};

TEST_P(Refused, InEtcdsWordsWithItsExitCode) {
  const Launch launch = Start{.arguments = GetParam().arguments}.launch();
  EXPECT_EQ(reason_of(launch), GetParam().reason);
  EXPECT_EQ(exit_code_of(launch), GetParam().exit_code);
}

INSTANTIATE_TEST_SUITE_P(
    Syntax, Refused,
    ::testing::Values(
        Refusal{{"--nope"}, 2, "flag provided but not defined: -nope"},
        Refusal{{"--experimental-foo"}, 2, "flag provided but not defined: -experimental-foo"},
        Refusal{{"--proxy=on"}, 2, "flag provided but not defined: -proxy"},
        Refusal{{"--discovery=x"}, 2, "flag provided but not defined: -discovery"},
        Refusal{{"--enable-v2"}, 2, "flag provided but not defined: -enable-v2"},
        Refusal{{"-name"}, 2, "flag needs an argument: -name"}, Refusal{{"---x"}, 2, "bad flag syntax: ---x"},
        Refusal{{"--=x"}, 2, "bad flag syntax: --=x"},
        Refusal{{"--version", "--foo"}, 2, "flag provided but not defined: -foo"},
        Refusal{{"--max-txn-ops=abc"}, 2, "invalid value \"abc\" for flag -max-txn-ops: parse error"},
        Refusal{{"--max-txn-ops=-1"}, 2, "invalid value \"-1\" for flag -max-txn-ops: parse error"},
        Refusal{{"--max-txn-ops="}, 2, "invalid value \"\" for flag -max-txn-ops: parse error"},
        Refusal{{"--snapshot-count=99999999999999999999"},
                2,
                "invalid value \"99999999999999999999\" for flag -snapshot-count: value out of range"},
        Refusal{{"--max-concurrent-streams=4294967296"},
                2,
                "invalid value \"4294967296\" for flag -max-concurrent-streams: strconv.ParseUint: parsing "
                "\"4294967296\": value out of range"},
        Refusal{{"--backend-batch-limit=x"}, 2, "invalid value \"x\" for flag -backend-batch-limit: parse error"},
        Refusal{{"--pre-vote=maybe"}, 2, "invalid boolean value \"maybe\" for -pre-vote: parse error"},
        Refusal{
            {"--grpc-keepalive-min-time=5"}, 2, "invalid value \"5\" for flag -grpc-keepalive-min-time: parse error"},
        Refusal{
            {"--listen-client-urls=foo"},
            2,
            "invalid value \"foo\" for flag -listen-client-urls: URL scheme must be http, https, unix, or unixs: foo"},
        Refusal{{"--listen-client-urls=http://a:1,http://foo"},
                2,
                "invalid value \"http://a:1,http://foo\" for flag -listen-client-urls: URL address does not have the "
                "form \"host:port\": http://foo"},
        Refusal{
            {"--initial-cluster-state=bad"}, 2, "invalid value \"bad\" for flag -initial-cluster-state: invalid value"},
        Refusal{{"--discovery-fallback=x"}, 2, "invalid value \"x\" for flag -discovery-fallback: invalid value"},
        Refusal{{"--v2-deprecation=x"}, 2, "invalid value \"x\" for flag -v2-deprecation: invalid value \"x\""},
        Refusal{{"--cors="}, 2, "invalid value \"\" for flag -cors: URL scheme must be http, https, unix, or unixs: "},
        Refusal{{"--feature-gates=Foo=true"},
                2,
                "invalid value \"Foo=true\" for flag -feature-gates: unrecognized feature gate: Foo"},
        Refusal{{"--feature-gates=PriorityRequest"},
                2,
                "invalid value \"PriorityRequest\" for flag -feature-gates: missing bool value for PriorityRequest"},
        Refusal{{"--feature-gates=PriorityRequest=x"},
                2,
                "invalid value \"PriorityRequest=x\" for flag -feature-gates: invalid value of PriorityRequest=x, err: "
                "strconv.ParseBool: parsing \"x\": invalid syntax"}));

INSTANTIATE_TEST_SUITE_P(
    Meaning, Refused,
    ::testing::Values(
        Refusal{{"foo", "--nope"}, 1, "\"foo\" is not a valid flag"}, Refusal{{"-"}, 1, "\"-\" is not a valid flag"},
        Refusal{{"--", "--name=x"}, 1, "\"--name=x\" is not a valid flag"},
        Refusal{{"--version", "x"}, 1, "\"x\" is not a valid flag"},
        Refusal{{"--unsafe-no-fsync", "false"}, 1, "\"false\" is not a valid flag"},
        Refusal{{"--listen-peer-urls=http://foo:1"}, 1, "expected IP in URL for binding (http://foo:1)"},
        Refusal{{"--listen-metrics-urls=http://foo:1"}, 1, "expected IP in URL for binding (http://foo:1)"},
        Refusal{
            {"--initial-advertise-peer-urls=http://:1"},
            1,
            "--initial-advertise-peer-urls \"http://:1\" must be \"host:port\" (unexpected empty host (http://:1))"},
        Refusal{{"--advertise-client-urls=http://:1"},
                1,
                "--advertise-client-urls \"http://:1\" must be in the format \"host:port\", \"unix:/path/to/socket\" "
                "or \"unixs:/path/to/socket\" (unexpected empty host (http://:1))"},
        Refusal{{"--listen-client-urls=http://127.0.0.1:1"},
                1,
                "--advertise-client-urls is required when --listen-client-urls is set explicitly"},
        Refusal{{"--listen-client-urls="},
                1,
                "--advertise-client-urls is required when --listen-client-urls is set explicitly"},
        Refusal{{"--heartbeat-interval=0"}, 1, "--heartbeat-interval must be >0 (set to 0ms)"},
        Refusal{{"--election-timeout=0"}, 1, "--election-timeout must be >0 (set to 0ms)"},
        Refusal{{"--election-timeout=100"},
                1,
                "--election-timeout[100ms] should be at least as 5 times as --heartbeat-interval[100ms]"},
        Refusal{{"--election-timeout=60000"},
                1,
                "--election-timeout[60000ms] is too long, and should be set less than 50000ms"},
        Refusal{
            {"--heartbeat-interval=18446744073709551615"},
            1,
            "--election-timeout[1000ms] should be at least as 5 times as --heartbeat-interval[18446744073709551615ms]"},
        Refusal{{"--auto-compaction-mode="}, 1, "undefined auto-compaction-mode"},
        Refusal{{"--auto-compaction-mode=x"}, 1, "unknown auto-compaction-mode \"x\""},
        Refusal{
            {"--auto-compaction-retention=x"}, 1, "error parsing CompactionRetention: time: invalid duration \"x\""},
        Refusal{{"--auto-compaction-retention=-1"},
                1,
                "error parsing CompactionRetention: time: missing unit in duration \"-1\""},
        Refusal{{"--feature-gates=LeaseCheckpointPersist=true"},
                1,
                "enabling feature gate LeaseCheckpointPersist requires enabling feature gate LeaseCheckpoint"},
        Refusal{{"--compact-hash-check-time=0s"}, 1, "--compact-hash-check-time must be >0 (set to 0s)"},
        Refusal{{"--tls-min-version=TLS1.3", "--tls-max-version=TLS1.2"},
                1,
                "min version (TLS1.3) is greater than max version (TLS1.2)"},
        Refusal{{"--tls-min-version=x"}, 1, "unexpected TLS version \"x\" (must be one of: TLS1.2, TLS1.3)"},
        Refusal{{"--tls-min-version=TLS1.3", "--cipher-suites=A"},
                1,
                "cipher suites cannot be configured when only TLS1.3 is enabled"},
        Refusal{{"--logger=bad"}, 1, "unknown logger option \"bad\""},
        Refusal{{"--log-level=bad"}, 1, "unrecognized level: \"bad\""},
        Refusal{{"--log-format=bad"}, 1, "unknown log format: bad, supported values json, console"},
        Refusal{{"--log-outputs=a,b", "--enable-log-rotation"},
                1,
                "--log-outputs requires a single file path when --log-rotate-config-json is defined"},
        Refusal{{"--enable-log-rotation"},
                1,
                "--log-outputs requires a single file path when --log-rotate-config-json is defined"},
        Refusal{{"--enable-log-rotation", "--log-outputs=a", "--log-rotation-config-json=["},
                1,
                "improperly formatted log rotation config: unexpected end of JSON input"},
        Refusal{{"--log-outputs=default,stdout"}, 1, "multi logoutput for \"default\" is not supported yet"},
        Refusal{{"--log-outputs="}, 1, "open sink \"\": open : no such file or directory"},
        Refusal{{"--discovery-token=x"}, 1, "both --discovery-token and --discovery-endpoints must be set"},
        Refusal{{"--discovery-endpoints=,x", "--discovery-token=x"},
                1,
                "--discovery-endpoints must not contain empty endpoints"},
        Refusal{{"--discovery-srv=a", "--initial-cluster=x=http://a:1"},
                1,
                "multiple discovery or bootstrap flags are set. Choose one of \"initial-cluster\", "
                "\"discovery-endpoints\" or \"discovery-srv\""},
        Refusal{{"--discovery-fallback=proxy"},
                1,
                "v2 proxy is deprecated, and --discovery-fallback can't be configured as \"proxy\""},
        Refusal{{"--listen-peer-urls=https://127.0.0.1:1"},
                1,
                "Quorate does not have https in --listen-peer-urls yet; it comes with TLS (https://127.0.0.1:1)"},
        Refusal{{"--config-file=nope"}, 1, "open nope: no such file or directory"}));

INSTANTIATE_TEST_SUITE_P(
    Bootstrap, Refused,
    ::testing::Values(
        Refusal{{"--initial-cluster=a=http://127.0.0.1:1"},
                1,
                "couldn't find local name \"default\" in the initial cluster configuration"},
        Refusal{{"--initial-cluster="}, 1, "couldn't find local name \"default\" in the initial cluster configuration"},
        Refusal{{"--initial-cluster=xx"},
                1,
                "error setting up initial cluster: URL scheme must be http, https, unix, or unixs: "},
        Refusal{{"--initial-cluster=default=foo"},
                1,
                "error setting up initial cluster: URL scheme must be http, https, unix, or unixs: foo"},
        Refusal{{"--initial-cluster=default=http://127.0.0.1:1"},
                1,
                "--initial-cluster has default=http://127.0.0.1:1 but missing from "
                "--initial-advertise-peer-urls=http://localhost:2380 (resolved urls: \"http://localhost:2380\" != "
                "\"http://127.0.0.1:1\")"},
        Refusal{{"--initial-advertise-peer-urls=http://127.0.0.1:1"},
                1,
                "--initial-cluster has default=http://localhost:2380 but missing from "
                "--initial-advertise-peer-urls=http://127.0.0.1:1 (resolved urls: \"http://127.0.0.1:1\" != "
                "\"http://localhost:2380\")"},
        Refusal{{"--initial-cluster=default=http://localhost:2380,b=http://127.0.0.1:1"},
                1,
                "clusters of more than one member come with a later release"},
        Refusal{{"--initial-cluster-state=existing"},
                1,
                "Quorate does not have --initial-cluster-state existing yet; it comes with clusters of more than one "
                "member"}));

TEST(Flags, StartWithWhatEtcdsHarnessesGive) {
  const Launch launch = Start{.arguments = {"--name",
                                            "m1",
                                            "--data-dir",
                                            "/d",
                                            "--listen-client-urls",
                                            "http://127.0.0.1:1",
                                            "--advertise-client-urls",
                                            "http://127.0.0.1:1",
                                            "--listen-peer-urls",
                                            "http://127.0.0.1:2",
                                            "--initial-advertise-peer-urls",
                                            "http://127.0.0.1:2",
                                            "--initial-cluster",
                                            "m1=http://127.0.0.1:2",
                                            "--initial-cluster-token",
                                            "tok",
                                            "--initial-cluster-state",
                                            "new",
                                            "--log-level",
                                            "debug",
                                            "--snapshot-count",
                                            "100"}}
                            .launch();
  ASSERT_EQ(reason_of(launch), "");
  EXPECT_EQ(std::get<Serve>(launch).config.log_level, env::Level::kDebug);
}

TEST(Flags, AMemberThatExistsNeedsNoInitialCluster) {
  Start start{.arguments = {"--data-dir=/d", "--initial-cluster-state=existing",
                            "--initial-cluster=a=http://a:1,b=http://b:1"}};
  EXPECT_EQ(exit_code_of(start.launch()), 1);
  start.files["/d/quorate.json"] = "{}";
  EXPECT_EQ(reason_of(start.launch()), "");
}

TEST(Flags, AnOwnNameMakesItsOwnInitialCluster) {
  EXPECT_EQ(reason_of(Start{.arguments = {"--name=a", "--initial-advertise-peer-urls=http://h:1"}}.launch()), "");
}

TEST(Flags, TheLastOfTwoArgumentsHolds) {
  const Launch launch =
      Start{.arguments = {"--name=a", "-name", "b", "--unsafe-no-fsync", "--unsafe-no-fsync=false"}}.launch();
  EXPECT_EQ(std::get<Serve>(launch).config.name, "b");
  EXPECT_FALSE(std::get<Serve>(launch).config.unsafe_no_fsync);
}

TEST(Flags, ThoseOfLongAgoAreIgnoredWithAWarning) {
  const Launch launch = Start{.arguments = {"--v=3", "--snapshot", "-force=x", "--test.coverprofile=y"}}.launch();
  ASSERT_EQ(reason_of(launch), "");
  for (const char* name : {"v", "snapshot", "force", "test.coverprofile"}) {
    const Note* note = find_note(launch, "flag is no longer supported - ignoring", "flag-name", name);
    ASSERT_NE(note, nullptr) << name;
    EXPECT_EQ(note->level, env::Level::kWarn);
  }
}

TEST(Flags, TheDeprecationOfV2IsEnforcedWithAWarning) {
  const Launch launch = Start{.arguments = {"--v2-deprecation=gone"}}.launch();
  EXPECT_NE(find_note(launch,
                      "--v2-deprecation is deprecated and scheduled for removal in v3.8. The default value is "
                      "enforced, ignoring user input."),
            nullptr);
}

TEST(Flags, GatesAreTakenAndSaidToHaveNoEffectYet) {
  const Launch launch = Start{.arguments = {"--feature-gates=PriorityRequest=true,AllAlpha=false"}}.launch();
  ASSERT_EQ(reason_of(launch), "");
  EXPECT_NE(find_note(launch, "no feature gate has an effect yet"), nullptr);
  EXPECT_EQ(
      reason_of(Start{.arguments = {"--feature-gates=LeaseCheckpointPersist=true,LeaseCheckpoint=true"}}.launch()), "");
  EXPECT_EQ(reason_of(Start{.arguments = {"--feature-gates=AllAlpha=true"}}.launch()), "");
}

TEST(Flags, RetentionCountsHoursDurationsOrRevisions) {
  const auto compaction = [](const Words& arguments) {
    return std::get<Serve>(Start{.arguments = arguments}.launch()).config.auto_compaction;
  };
  using Mode = server::AutoCompaction::Mode;
  EXPECT_EQ(compaction({}).mode, Mode::kOff);
  EXPECT_EQ(compaction({"--auto-compaction-retention=3"}).period, 3h);
  EXPECT_EQ(compaction({"--auto-compaction-retention=5m"}).period, 5min);
  EXPECT_EQ(compaction({"--auto-compaction-retention=5m"}).mode, Mode::kPeriodic);
  EXPECT_EQ(compaction({"--auto-compaction-retention=-5s"}).mode, Mode::kOff);
  EXPECT_EQ(compaction({"--auto-compaction-mode=revision", "--auto-compaction-retention=1000"}).revisions, 1000);
  EXPECT_EQ(compaction({"--auto-compaction-mode=revision"}).mode, Mode::kOff);
}

TEST(Flags, ProgressIsNeverMoreOftenThanATenthOfASecond) {
  const auto interval = [](const char* text) {
    return std::get<Serve>(Start{.arguments = {"--watch-progress-notify-interval", text}}.launch())
        .config.watch_progress_interval;
  };
  EXPECT_EQ(interval("1ms"), 100ms);
  EXPECT_EQ(interval("0"), 10min);
}

TEST(Environment, IsShadowedByAnArgument) {
  const Launch launch = Start{.arguments = {"--name=b"}, .environment = {{"ETCD_NAME", ""}}}.launch();
  EXPECT_EQ(exit_code_of(launch), 1);
  const Note& note = testing::notes_of(launch).back();
  EXPECT_EQ(note.level, env::Level::kFatal);
  EXPECT_EQ(note.message,
            "conflicting environment variable is shadowed by corresponding command-line flag (either unset environment "
            "variable or disable flag))");
  EXPECT_EQ(field_of(note, "environment-variable"), "ETCD_NAME");
}

TEST(Environment, IsReadForWhatNoArgumentSets) {
  const Launch launch =
      Start{.arguments = {"--max-txn-ops=3"}, .environment = {{"ETCD_NAME", "m"}, {"ETCD_DATA_DIR", ""}}}.launch();
  ASSERT_EQ(reason_of(launch), "");
  EXPECT_EQ(std::get<Serve>(launch).config.name, "m");
  EXPECT_EQ(std::get<Serve>(launch).config.data_dir, "m.quorate");
  EXPECT_NE(find_note(launch, "recognized and used environment variable", "variable-name", "ETCD_NAME"), nullptr);
}

TEST(Environment, IsNamedInTheErrorOfItsValue) {
  const Launch launch = Start{.environment = {{"ETCD_MAX_TXN_OPS", "abc"}, {"ETCD_FOO", "a"}}}.launch();
  EXPECT_EQ(reason_of(launch), "invalid value \"abc\" for ETCD_MAX_TXN_OPS: parse error");
  EXPECT_EQ(exit_code_of(launch), 1);
  EXPECT_NE(find_note(launch, "unrecognized environment variable", "environment-variable", "ETCD_FOO=a"), nullptr);
}

TEST(Environment, OthersVariablesAreNobodysBusiness) {
  const Launch launch = Start{.environment = {{"PATH", "/bin"}, {"ETCDCTL_API", "3"}}}.launch();
  EXPECT_EQ(find_note(launch, "unrecognized environment variable"), nullptr);
}

TEST(Environment, CannotAskForTheVersion) {
  const Launch launch = Start{.environment = {{"ETCD_VERSION", "true"}}}.launch();
  EXPECT_TRUE(std::holds_alternative<Serve>(launch));
  EXPECT_NE(find_note(launch, "cannot set special environment variable", "key", "ETCD_VERSION"), nullptr);
}

Launch from_file(const std::string& text, const Words& more = {}, const Environment& environment = {}) {
  Start start{.arguments = more, .environment = environment, .files = {{"c.yml", text}}};
  start.arguments.push_back("--config-file=c.yml");
  return start.launch();
}

TEST(ConfigFile, IsReadAloneWhenItIsNamed) {
  const Launch launch = from_file("name: f\n", {"--max-txn-ops=3"}, {{"ETCD_MAX_TXN_OPS", "abc"}, {"ETCD_NAME", "e"}});
  ASSERT_EQ(reason_of(launch), "");
  EXPECT_EQ(std::get<Serve>(launch).config.name, "f");
  EXPECT_EQ(std::get<Serve>(launch).config.max_txn_ops, 128u);
  EXPECT_NE(find_note(launch,
                      "loaded server configuration, other configuration command line flags and environment variables "
                      "will be ignored if provided",
                      "path", "c.yml"),
            nullptr);
}

TEST(ConfigFile, MayBeNamedByTheEnvironment) {
  const Launch launch = Start{.environment = {{"ETCD_CONFIG_FILE", "c"}}, .files = {{"c", "name: f"}}}.launch();
  EXPECT_EQ(std::get<Serve>(launch).config.name, "f");
}

TEST(ConfigFile, ReadsWhatIsDeployed) {
  const Launch launch = from_file(R"(# This is the configuration file for the etcd server.
name: 'm1'
data-dir: /var/lib/etcd
wal-dir:
snapshot-count: 10000
heartbeat-interval: 100
election-timeout: 1000
quota-backend-bytes: 0
listen-peer-urls: http://localhost:2380
listen-client-urls: http://localhost:2379
max-snapshots: 5
max-wals: 5
cors:
initial-advertise-peer-urls: http://localhost:2380
advertise-client-urls: http://localhost:2379
discovery:
discovery-fallback: 'proxy'
discovery-proxy:
discovery-srv:
initial-cluster: m1=http://localhost:2380
initial-cluster-token: 'etcd-cluster'
initial-cluster-state: 'new'
strict-reconfig-check: false
enable-pprof: false
proxy: 'off'
proxy-failure-wait: 5000
client-transport-security:
  cert-file:
  key-file:
  client-cert-auth: false
  trusted-ca-file:
  auto-tls: false
peer-transport-security:
  cert-file:
  client-cert-auth: false
self-signed-cert-validity: 1
log-level: debug
logger: zap
log-outputs: [stderr]
force-new-cluster: false
auto-compaction-mode: periodic
auto-compaction-retention: "1"
cipher-suites: []
tls-min-version: 'TLS1.2'
)");
  ASSERT_EQ(reason_of(launch), "");
  const Config& config = std::get<Serve>(launch).config;
  EXPECT_EQ(config.data_dir, "/var/lib/etcd");
  EXPECT_EQ(config.auto_compaction.period, 1h);
  EXPECT_EQ(config.log_outputs, Words{"stderr"});
}

TEST(ConfigFile, MayBeJson) {
  const Launch launch =
      from_file(R"({"name": "j", "socket-options": {"reuse-port": true}, "grpc-keepalive-min-time": 7000000000})");
  ASSERT_EQ(reason_of(launch), "");
  EXPECT_EQ(std::get<Serve>(launch).config.name, "j");
  EXPECT_TRUE(std::get<Serve>(launch).config.socket_options.reuse_port);
  EXPECT_EQ(std::get<Serve>(launch).config.grpc_keepalive_min_time, 7s);
}

TEST(ConfigFile, IsKindAboutKeys) {
  EXPECT_EQ(std::get<Serve>(from_file("foo: bar\nNAME: x\n")).config.name, "x");
  EXPECT_EQ(std::get<Serve>(from_file("name: a\nname: b\n")).config.name, "b");
  EXPECT_EQ(std::get<Serve>(from_file("name:\n")).config.name, "default");
  EXPECT_EQ(std::get<Serve>(from_file("")).config.name, "default");
  EXPECT_EQ(reason_of(from_file("pre-vote: yes\n")), "");
  // As etcd, a file may listen without telling where.
  EXPECT_EQ(reason_of(from_file("listen-client-urls: http://127.0.0.1:5\n")), "");
}

TEST(ConfigFile, IsRefusedInEtcdsWords) {
  const std::string decoding = "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ";
  const std::string field = " into Go struct field configYAML.Config.";
  const std::pair<const char*, std::string> rows[] = {
      {"name: [x]\n", decoding + "array" + field + "name of type string"},
      {"name: 5\n", decoding + "number" + field + "name of type string"},
      {"max-txn-ops: abc\n", decoding + "string" + field + "max-txn-ops of type uint"},
      {"max-txn-ops: '5'\n", decoding + "string" + field + "max-txn-ops of type uint"},
      {"max-txn-ops: -1\n", decoding + "number -1" + field + "max-txn-ops of type uint"},
      {"max-concurrent-streams: 4294967296\n",
       decoding + "number 4294967296" + field + "max-concurrent-streams of type uint32"},
      {"pre-vote: x\n", decoding + "string" + field + "pre-vote of type bool"},
      {"log-outputs: stderr\n", decoding + "string" + field + "log-outputs of type []string"},
      {"grpc-keepalive-min-time: 5s\n", decoding + "string" + field + "grpc-keepalive-min-time of type time.Duration"},
      {"grpc-keepalive-min-time: 1.5\n",
       decoding + "number 1.5" + field + "grpc-keepalive-min-time of type time.Duration"},
      {"auto-compaction-retention: 1\n", decoding + "number" + field + "auto-compaction-retention of type string"},
      {"client-transport-security:\n  cert-file: 5\n",
       decoding +
           "number into Go struct field securityConfig.configJSON.client-transport-security.cert-file of type string"},
      {"socket-options: 5\n", decoding + "number" + field + "socket-options of type transport.SocketOpts"},
      {"- a\n", decoding + "array into Go value of type embed.configYAML"},
      {"x\n", decoding + "string into Go value of type embed.configYAML"},
      {"initial-cluster-state: bad\n", "unexpected clusterState \"bad\""},
      {"feature-gates: Foo=true\n", "unrecognized feature gate: Foo"},
      {"listen-client-urls: foo\n",
       "unexpected error setting up listen-client-urls: URL scheme must be http, https, unix, or unixs: foo"},
      {"listen-peer-urls: http://x\n",
       "unexpected error setting up listen-peer-urls: URL address does not have the form \"host:port\": http://x"},
      {"initial-cluster: x\ndiscovery-srv: a\n",
       "multiple discovery or bootstrap flags are set. Choose one of \"initial-cluster\", \"discovery-endpoints\" or "
       "\"discovery-srv\""},
  };
  for (const auto& [text, reason] : rows) {
    const Launch launch = from_file(text);
    EXPECT_EQ(reason_of(launch), reason) << text;
    EXPECT_EQ(exit_code_of(launch), 1) << text;
  }
  EXPECT_TRUE(reason_of(from_file("name: [x\n")).starts_with("error converting YAML to JSON: yaml: line "));
  EXPECT_TRUE(reason_of(from_file(std::string(100'000, '['))).starts_with("error converting YAML to JSON: yaml: "));
  EXPECT_EQ(reason_of(from_file(std::string(2 << 20, ' '))), "configuration file is larger than 1 MiB");
}

TEST(Personality, FollowsTheNameOfTheProgram) {
  const auto data_dir = [](const std::string& program) {
    return std::get<Serve>(Start{.arguments = {"--name=m"}, .program = program}.launch()).config.data_dir;
  };
  EXPECT_EQ(data_dir("/usr/bin/etcd"), "m.etcd");
  EXPECT_EQ(data_dir("etcd"), "m.etcd");
  EXPECT_EQ(data_dir("bin/quorate"), "m.quorate");
  EXPECT_EQ(data_dir(""), "m.quorate");
}

TEST(Personality, TellsItsVersion) {
  const auto version = [](const std::string& program) {
    return std::get<Print>(Start{.arguments = {"--version"}, .program = program}.launch()).text;
  };
  EXPECT_TRUE(version("etcd").starts_with("etcd Version: 3.7.1\nGit SHA: ")) << version("etcd");
  EXPECT_NE(version("etcd").find("\nGo Version: "), std::string::npos);
  EXPECT_NE(version("etcd").find("\nGo OS/Arch: linux/"), std::string::npos);
  EXPECT_EQ(version("quorate"), "quorate Version: 0.1.0\netcd Version: 3.7.1\n");
}

TEST(Personality, HelpsOnStandardOutputAndEndsWell) {
  for (const char* word : {"-h", "--help", "-help"}) {
    const auto help = std::get<Print>(Start{.arguments = {word, "--nope"}}.launch());
    EXPECT_TRUE(help.errors.starts_with("Usage:\n\n  quorate [flags]\n")) << help.errors;
    for (const Flag& flag : flag_table())
      EXPECT_NE(help.text.find("  --" + std::string(flag.name) + " '"), std::string::npos);
  }
  const auto etcd = std::get<Print>(Start{.arguments = {"--help"}, .program = "etcd"}.launch());
  EXPECT_TRUE(etcd.errors.starts_with("Usage:\n\n  etcd [flags]\n"));
  EXPECT_EQ(etcd.text.find("--io-loops"), std::string::npos);
  EXPECT_NE(etcd.text.find("--data-dir '${name}.etcd'"), std::string::npos);
}

TEST(Personality, PrintsTheUsageAfterAnErrorOfSyntax) {
  const auto failure = std::get<Failure>(Start{.arguments = {"--nope"}, .program = "etcd"}.launch());
  EXPECT_TRUE(failure.text.starts_with("flag provided but not defined: -nope\nUsage:\n\n  etcd [flags]\n"));
}

TEST(Personality, PrintsTheClassOfEveryFlag) {
  const std::string text = std::get<Print>(Start{.arguments = {"--flags"}}.launch()).text;
  for (const Flag& flag : flag_table()) {
    const size_t at = text.find("--" + std::string(flag.name) + " ");
    ASSERT_NE(at, std::string::npos) << flag.name;
    const std::string line = text.substr(at, text.find('\n', at) - at);
    EXPECT_NE(line.find(class_name(flag.in)), std::string::npos) << line;
    EXPECT_NE(line.find(flag.note), std::string::npos) << line;
  }
}

TEST(Personality, DoesNotHaveTheProxiesYet) {
  EXPECT_EQ(reason_of(Start{.arguments = {"gateway", "start"}, .program = "etcd"}.launch()),
            "Quorate does not have the command gateway yet");
  EXPECT_EQ(exit_code_of(Start{.arguments = {"grpc-proxy", "start"}}.launch()), 1);
}

}  // namespace
}  // namespace quorate::node
