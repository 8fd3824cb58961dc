#include "node/recorded.h"

#include <charconv>

#include "node/words.h"

namespace quorate::node {
namespace {

// One line each: no URL or address has a line's end in it.
std::string lines(const auto& items, const auto& text_of) {
  std::string out;
  for (const auto& item : items) out += (out.empty() ? "" : "\n") + text_of(item);
  return out;
}

std::string joined(const std::vector<std::string>& items) {
  return lines(items, [](const std::string& text) { return text; });
}

std::string texts_of(const std::vector<env::Address>& addresses) {
  return lines(addresses, [](const env::Address& address) { return address.text(); });
}

std::vector<std::string> parted(std::string_view text) {
  std::vector<std::string> out;
  if (text.empty()) return out;
  for (const std::string_view line : split(text, '\n')) out.emplace_back(line);
  return out;
}

std::string count_of(Duration span) { return std::to_string(span.count()); }

Result<Duration> recorded_span(const env::Recording& recording, std::string_view name) {
  TRY(const uint64_t count, recorded_number(recording, name));
  return Duration(static_cast<int64_t>(count));
}

}  // namespace

void describe(env::Recorder& recorder, const Config& config) {
  recorder.describe("name", config.name);
  recorder.describe("advertise-client-urls", joined(config.advertise_client_urls));
  recorder.describe("initial-advertise-peer-urls", joined(config.initial_advertise_peer_urls));
  recorder.describe("initial-cluster-token", config.initial_cluster_token);
  recorder.describe("heartbeat-interval", count_of(config.heartbeat_interval));
  recorder.describe("election-timeout", count_of(config.election_timeout));
  recorder.describe("max-txn-ops", std::to_string(config.max_txn_ops));
  recorder.describe("max-request-bytes", std::to_string(config.max_request_bytes));
  recorder.describe("quota-backend-bytes", std::to_string(static_cast<uint64_t>(config.quota_backend_bytes)));
  recorder.describe("memory-limit-bytes", std::to_string(config.memory_limit_bytes));
  recorder.describe("max-concurrent-streams", std::to_string(config.max_concurrent_streams));
  recorder.describe("grpc-keepalive-min-time", count_of(config.grpc_keepalive_min_time));
  recorder.describe("grpc-keepalive-interval", count_of(config.grpc_keepalive_interval));
  recorder.describe("grpc-keepalive-timeout", count_of(config.grpc_keepalive_timeout));
  recorder.describe("auto-compaction-mode", std::to_string(static_cast<unsigned>(config.auto_compaction.mode)));
  recorder.describe("auto-compaction-period", count_of(config.auto_compaction.period));
  recorder.describe("auto-compaction-revisions", std::to_string(config.auto_compaction.revisions));
  recorder.describe("watch-progress-notify-interval", count_of(config.watch_progress_interval));
  recorder.describe("log-segment-bytes", std::to_string(config.log_segment_bytes));
}

void describe(env::Recorder& recorder, const Node& node, const StartFacts& start) {
  recorder.describe("seed", std::to_string(start.seed));
  recorder.describe("io-loops", std::to_string(start.io_loops));
  recorder.describe("made-unix-ms", std::to_string(node.replica().made_unix_ms()));
  recorder.describe("fresh", node.directory().fresh ? "1" : "0");
  recorder.describe("last-index", std::to_string(node.last_index_at_start()));
  recorder.describe("cluster", std::to_string(node.directory().identity.cluster));
  recorder.describe("member", std::to_string(node.directory().identity.member));
  recorder.describe("client-addresses", texts_of(node.client_addresses()));
  recorder.describe("peer-addresses", texts_of(node.peer_addresses()));
  recorder.describe("metrics-addresses", texts_of(node.metrics_addresses()));
  recorder.describe("client-http-addresses", texts_of(node.client_http_addresses()));
}

Result<uint64_t> recorded_number(const env::Recording& recording, std::string_view name) {
  const std::string_view text = recording.fact(name);
  uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) {
    return fail(Code::kInvalidArgument, "the recording does not tell " + std::string(name));
  }
  return out;
}

Result<Config> recorded_config(const env::Recording& recording) {
  Config out;
  out.name = recording.fact("name");
  out.advertise_client_urls = parted(recording.fact("advertise-client-urls"));
  out.initial_advertise_peer_urls = parted(recording.fact("initial-advertise-peer-urls"));
  out.initial_cluster_token = recording.fact("initial-cluster-token");
  TRY(out.heartbeat_interval, recorded_span(recording, "heartbeat-interval"));
  TRY(out.election_timeout, recorded_span(recording, "election-timeout"));
  TRY(out.max_txn_ops, recorded_number(recording, "max-txn-ops"));
  TRY(out.max_request_bytes, recorded_number(recording, "max-request-bytes"));
  TRY(const uint64_t quota, recorded_number(recording, "quota-backend-bytes"));
  out.quota_backend_bytes = static_cast<int64_t>(quota);
  TRY(out.memory_limit_bytes, recorded_number(recording, "memory-limit-bytes"));
  TRY(const uint64_t streams, recorded_number(recording, "max-concurrent-streams"));
  out.max_concurrent_streams = static_cast<uint32_t>(streams);
  TRY(out.grpc_keepalive_min_time, recorded_span(recording, "grpc-keepalive-min-time"));
  TRY(out.grpc_keepalive_interval, recorded_span(recording, "grpc-keepalive-interval"));
  TRY(out.grpc_keepalive_timeout, recorded_span(recording, "grpc-keepalive-timeout"));
  TRY(const uint64_t mode, recorded_number(recording, "auto-compaction-mode"));
  if (mode > static_cast<uint64_t>(server::AutoCompaction::Mode::kRevision)) {
    return fail(Code::kInvalidArgument, "the recording does not tell auto-compaction-mode");
  }
  out.auto_compaction.mode = static_cast<server::AutoCompaction::Mode>(mode);
  TRY(out.auto_compaction.period, recorded_span(recording, "auto-compaction-period"));
  TRY(const uint64_t revisions, recorded_number(recording, "auto-compaction-revisions"));
  out.auto_compaction.revisions = static_cast<int64_t>(revisions);
  TRY(out.watch_progress_interval, recorded_span(recording, "watch-progress-notify-interval"));
  TRY(out.log_segment_bytes, recorded_number(recording, "log-segment-bytes"));
  return out;
}

}  // namespace quorate::node
