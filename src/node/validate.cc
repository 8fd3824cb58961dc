#include "node/validate.h"

#include <algorithm>
#include <map>

#include "node/feature_gates.h"
#include "node/go_values.h"
#include "node/rotation.h"
#include "node/words.h"

namespace quorate::node {
namespace {

constexpr uint64_t kElectionMaxMs = 50'000;
constexpr Duration kWatchProgressMin = 100ms;
constexpr Duration kWatchProgressInitial = 10min;

Status invalid(std::string text) { return {Code::kInvalidArgument, std::move(text)}; }

bool is_numeric_host(std::string_view host) {
  if (host.find(':') != std::string_view::npos) {
    return host.find_first_not_of("0123456789abcdefABCDEF:.%") == std::string_view::npos;
  }
  const auto parts = split(host, '.');
  return parts.size() == 4 && std::ranges::all_of(parts, [](std::string_view part) {
           const auto value = parse_decimal(part);
           return !part.empty() && part.size() <= 3 && part.find_first_not_of("0123456789") == std::string_view::npos &&
                  value && *value <= 255 && (part.size() == 1 || part[0] != '0');
         });
}

Status check_bindable(const std::vector<Url>& urls) {
  for (const Url& url : urls) {
    if (url.unix_socket() || url.host == "localhost" || is_numeric_host(url.host)) continue;
    if (url.host.empty()) return invalid("unexpected empty host (" + url.text() + ")");
    return invalid("expected IP in URL for binding (" + url.text() + ")");
  }
  return {};
}

Status check_hosts(const std::vector<Url>& urls, const std::string& before) {
  for (const Url& url : urls) {
    if (url.unix_socket() || !url.host.empty()) continue;
    std::vector<std::string> texts;
    for (const Url& each : urls) texts.push_back(each.text());
    return invalid(before.substr(0, before.find('%')) + go_quoted(joined(texts, ",")) +
                   before.substr(before.find('%') + 1) + " (unexpected empty host (" + url.text() + "))");
  }
  return {};
}

Status check_log(const Settings& s) {
  if (s.text("logger") != "zap") return invalid("unknown logger option " + go_quoted(s.text("logger")));
  if (!env::parse_level(s.text("log-level"))) return invalid("unrecognized level: " + go_quoted(s.text("log-level")));
  if (const std::string& format = s.text("log-format"); format != "json" && format != "console") {
    return invalid("unknown log format: " + format + ", supported values json, console");
  }
  const auto outputs = s.words("log-outputs");
  if (outputs.size() > 1 && std::ranges::find(outputs, "default") != outputs.end()) {
    return invalid("multi logoutput for \"default\" is not supported yet");
  }
  if (s.truth("enable-log-rotation")) {
    const auto files = std::ranges::count_if(outputs, [](const std::string& output) {
      return output != "default" && output != "stderr" && output != "stdout";
    });
    if (files > 1 || (files == 0 && outputs.size() == 1)) {
      return invalid("--log-outputs requires a single file path when --log-rotate-config-json is defined");
    }
    const auto rotation = parse_log_rotation(s.text("log-rotation-config-json"));
    if (!rotation) return rotation.error();
  }
  if (outputs.empty()) return invalid("open sink \"\": open : no such file or directory");
  for (const std::string& output : outputs) {
    if (output != "systemd/journal") continue;
    if (outputs.size() > 1) {
      return invalid("running with systemd/journal but other '--log-outputs' values (" + joined(outputs, ",") +
                     ") are configured with 'default'; override 'default' value with something else");
    }
  }
  return {};
}

Status check_urls(const Settings& s) {
  for (const std::string_view name :
       {"listen-peer-urls", "listen-client-urls", "listen-client-http-urls", "listen-metrics-urls"}) {
    if (Status status = check_bindable(s.urls(name)); !status.ok()) return status;
  }
  Status status =
      check_hosts(s.urls("initial-advertise-peer-urls"), "--initial-advertise-peer-urls % must be \"host:port\"");
  if (!status.ok()) return status;
  return check_hosts(s.urls("advertise-client-urls"),
                     "--advertise-client-urls % must be in the format \"host:port\", \"unix:/path/to/socket\" or "
                     "\"unixs:/path/to/socket\"");
}

Status check_bootstrap_choice(const Settings& s) {
  const bool endpoints = !s.text("discovery-endpoints").empty(), token = !s.text("discovery-token").empty();
  const int chosen = (s.given("initial-cluster") && !s.text("initial-cluster").empty() ? 1 : 0) + (endpoints ? 1 : 0) +
                     (s.text("discovery-srv").empty() ? 0 : 1);
  if (chosen > 1) {
    return invalid(
        "multiple discovery or bootstrap flags are set. Choose one of \"initial-cluster\", \"discovery-endpoints\" or "
        "\"discovery-srv\"");
  }
  if (endpoints != token) return invalid("both --discovery-token and --discovery-endpoints must be set");
  if (endpoints && std::ranges::any_of(s.words("discovery-endpoints"), &std::string::empty)) {
    return invalid("--discovery-endpoints must not contain empty endpoints");
  }
  return {};
}

Status check_timing(const Settings& s) {
  const uint64_t beat = s.number("heartbeat-interval"), election = s.number("election-timeout");
  const auto ms = [](uint64_t value) { return std::to_string(value) + "ms"; };
  if (beat == 0) return invalid("--heartbeat-interval must be >0 (set to " + ms(beat) + ")");
  if (election == 0) return invalid("--election-timeout must be >0 (set to " + ms(election) + ")");
  if (beat > election / 5) {
    return invalid("--election-timeout[" + ms(election) + "] should be at least as 5 times as --heartbeat-interval[" +
                   ms(beat) + "]");
  }
  if (election > kElectionMaxMs) {
    return invalid("--election-timeout[" + ms(election) + "] is too long, and should be set less than " +
                   ms(kElectionMaxMs));
  }
  return {};
}

bool advertise_missing(const Settings& s) {
  return s.source("listen-client-urls") != Settings::Source::kDefault &&
         s.source("listen-client-urls") != Settings::Source::kFile && !s.given("advertise-client-urls");
}

Status check_behaviour(const Settings& s) {
  if (advertise_missing(s)) {
    return invalid("--advertise-client-urls is required when --listen-client-urls is set explicitly");
  }
  const std::string& mode = s.text("auto-compaction-mode");
  if (mode.empty()) return invalid("undefined auto-compaction-mode");
  if (mode != "periodic" && mode != "revision") return invalid("unknown auto-compaction-mode " + go_quoted(mode));
  const auto gates = parse_feature_gates(s.text("feature-gates"));
  if (!gates) return gates.error();
  if (gate_enabled(*gates, "LeaseCheckpointPersist") && !gate_enabled(*gates, "LeaseCheckpoint")) {
    return invalid("enabling feature gate LeaseCheckpointPersist requires enabling feature gate LeaseCheckpoint");
  }
  if (const Duration check = s.duration("compact-hash-check-time"); check <= 0s) {
    return invalid("--compact-hash-check-time must be >0 (set to " + env::duration_text(check) + ")");
  }
  return {};
}

Status check_tls(const Settings& s) {
  const std::string &least = s.text("tls-min-version"), &most = s.text("tls-max-version");
  for (const std::string* version : {&least, &most}) {
    if (version->empty() || *version == "TLS1.2" || *version == "TLS1.3") continue;
    return invalid("unexpected TLS version " + go_quoted(*version) + " (must be one of: TLS1.2, TLS1.3)");
  }
  if (!most.empty() && least > most)
    return invalid("min version (" + least + ") is greater than max version (" + most + ")");
  if (least == "TLS1.3" && !s.text("cipher-suites").empty()) {
    return invalid("cipher suites cannot be configured when only TLS1.3 is enabled");
  }
  return {};
}

// What Quorate does not have yet. Last, so that what is wrong anyway is told in etcd's words.
Status check_refused(const Settings& s) {
  if (s.text("discovery-fallback") == "proxy") {
    return invalid("v2 proxy is deprecated, and --discovery-fallback can't be configured as \"proxy\"");
  }
  for (const Flag& flag : flag_table()) {
    if (flag.in != FlagClass::kRefused || !s.changed(flag)) continue;
    return invalid("Quorate does not have --" + std::string(flag.name) + " yet; it comes with " +
                   std::string(flag.note));
  }
  for (const std::string_view name : {"listen-peer-urls", "listen-client-urls", "listen-client-http-urls",
                                      "listen-metrics-urls", "initial-advertise-peer-urls"}) {
    for (const Url& url : s.urls(name)) {
      if (url.scheme != "https" && url.scheme != "unixs") continue;
      return invalid("Quorate does not have " + url.scheme + " in --" + std::string(name) +
                     " yet; it comes with TLS (" + url.text() + ")");
    }
  }
  return {};
}

Result<server::AutoCompaction> auto_compaction(const Settings& s) {
  using Mode = server::AutoCompaction::Mode;
  const std::string& retention = s.text("auto-compaction-retention");
  const bool by_revision = s.text("auto-compaction-mode") == "revision";
  server::AutoCompaction out;
  int64_t amount = 0;
  if (const auto number = parse_decimal(retention); number && *number >= 0) {
    constexpr int64_t kHour = Duration(1h).count();
    if (!by_revision && *number > Duration::max().count() / kHour) {
      return fail(invalid("error parsing CompactionRetention: time: invalid duration " + go_quoted(retention)));
    }
    amount = by_revision ? *number : *number * kHour;
  } else {
    const auto duration = parse_duration(retention);
    if (!duration) return fail(invalid("error parsing CompactionRetention: " + duration.error()));
    amount = duration->count();
  }
  if (amount <= 0) return out;
  out.mode = by_revision ? Mode::kRevision : Mode::kPeriodic;
  if (by_revision) {
    out.revisions = amount;
  } else {
    out.period = Duration(amount);
  }
  return out;
}

std::vector<std::string> texts_of(const std::vector<Url>& urls) {
  std::vector<std::string> out;
  for (const Url& url : urls) out.push_back(url.text());
  return out;
}

Result<Config> configure(const Settings& s, std::string_view suffix) {
  Config out;
  out.name = s.text("name");
  out.data_dir = s.text("data-dir").empty() ? out.name + std::string(suffix) : s.text("data-dir");
  out.wal_dir = s.text("wal-dir");
  out.listen_client_urls = s.urls("listen-client-urls");
  out.listen_peer_urls = s.urls("listen-peer-urls");
  out.listen_client_http_urls = s.urls("listen-client-http-urls");
  out.listen_metrics_urls = s.urls("listen-metrics-urls");
  out.advertise_client_urls = texts_of(s.urls("advertise-client-urls"));
  out.initial_advertise_peer_urls = texts_of(s.urls("initial-advertise-peer-urls"));
  out.initial_cluster_token = s.text("initial-cluster-token");
  out.heartbeat_interval = s.number("heartbeat-interval") * Duration(1ms);
  out.election_timeout = s.number("election-timeout") * Duration(1ms);
  out.max_txn_ops = s.number("max-txn-ops");
  out.max_request_bytes = s.number("max-request-bytes");
  out.quota_backend_bytes = s.integer("quota-backend-bytes");
  out.max_concurrent_streams = static_cast<uint32_t>(s.number("max-concurrent-streams"));
  out.grpc_keepalive_min_time = s.duration("grpc-keepalive-min-time");
  out.grpc_keepalive_interval = s.duration("grpc-keepalive-interval");
  out.grpc_keepalive_timeout = s.duration("grpc-keepalive-timeout");
  TRY(out.auto_compaction, auto_compaction(s));
  const Duration progress = s.duration("watch-progress-notify-interval");
  out.watch_progress_interval = progress == 0s ? kWatchProgressInitial : std::max(progress, kWatchProgressMin);
  TRY(out.log_level, env::parse_level(s.text("log-level")));
  out.log_format = s.text("log-format") == "console" ? env::LogFormat::kConsole : env::LogFormat::kJson;
  out.log_outputs = s.words("log-outputs");
  if (s.truth("enable-log-rotation")) {
    TRY(out.log_rotation, parse_log_rotation(s.text("log-rotation-config-json")));
  }
  out.lock_memory = s.truth("memory-mlock");
  TRY(out.feature_gates, parse_feature_gates(s.text("feature-gates")));
  if (s.text("cors") != "*") out.cors = texts_of(s.urls("cors"));
  out.host_whitelist = s.words("host-whitelist");
  out.extensive_metrics = s.text("metrics") == "extensive";
  out.warning_apply_duration = s.duration("warning-apply-duration");
  out.warning_unary_request_duration = s.duration("warning-unary-request-duration");
  out.socket_options = {.reuse_port = s.truth("socket-reuse-port"), .reuse_address = s.truth("socket-reuse-address")};
  out.unsafe_no_fsync = s.truth("unsafe-no-fsync");
  out.flight_recorder_bytes = s.number("flight-recorder-bytes");
  if (out.flight_recorder_bytes > limits::kFlightRecorderBytesMax) {
    return fail(invalid("--flight-recorder-bytes must not exceed " + std::to_string(limits::kFlightRecorderBytesMax)));
  }
  if (s.given("io-loops")) out.io_loops = s.number("io-loops");
  return out;
}

using Members = std::map<std::string, std::vector<std::string>, std::less<>>;

Result<Members> parse_cluster(std::string_view text) {
  Members out;
  if (text.empty()) return out;
  for (const std::string_view part : split(text, ',')) {
    const size_t equals = part.find('=');
    const std::string_view url = equals == std::string_view::npos ? std::string_view{} : part.substr(equals + 1);
    auto parsed = parse_url(trimmed(url));
    if (!parsed) return fail(invalid("error setting up initial cluster: " + parsed.error().text()));
    out[std::string(part.substr(0, equals))].push_back(parsed->text());
  }
  for (auto& [name, urls] : out) std::ranges::sort(urls);
  return out;
}

std::string members_text(const std::string& name, const std::vector<std::string>& urls) {
  std::vector<std::string> out;
  for (const std::string& url : urls) out.push_back(name + "=" + url);
  return joined(out, ",");
}

}  // namespace

Result<Config> validate(const Settings& settings, std::string_view suffix) {
  for (const auto check :
       {check_log, check_urls, check_bootstrap_choice, check_timing, check_behaviour, check_tls, check_refused}) {
    if (Status status = check(settings); !status.ok()) return fail(std::move(status));
  }
  return configure(settings, suffix);
}

Status validate_bootstrap(const Settings& settings, const Config& config) {
  const auto& own = config.initial_advertise_peer_urls;
  std::string text = settings.text("initial-cluster");
  // A name of one's own makes a cluster of one's own.
  if (!settings.given("initial-cluster") && config.name != "default") text = members_text(config.name, own);
  auto members = parse_cluster(text);
  if (!members) return std::move(members.error());
  if (settings.text("initial-cluster-state") == "existing") {
    return invalid(
        "Quorate does not have --initial-cluster-state existing yet; it comes with clusters of more than one member");
  }
  const auto found = members->find(config.name);
  if (found == members->end())
    return invalid("couldn't find local name " + go_quoted(config.name) + " in the initial cluster configuration");
  if (found->second != own) {
    return invalid("--initial-cluster has " + members_text(config.name, found->second) +
                   " but missing from --initial-advertise-peer-urls=" + joined(own, ",") + " (resolved urls: " +
                   go_quoted(joined(own, ",")) + " != " + go_quoted(joined(found->second, ",")) + ")");
  }
  if (members->size() > 1) return invalid("clusters of more than one member come with a later release");
  return {};
}

}  // namespace quorate::node
