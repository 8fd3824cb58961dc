#include "node/start_log.h"

#include <thread>

#include "api/version.h"
#include "base/ids.h"
#include "base/limits.h"
#include "node/usage.h"
#include "node/words.h"

namespace quorate::node {
namespace {

std::string gates_text(const FeatureGates& gates) {
  std::vector<std::string> out;
  for (const auto& [name, on] : gates) out.push_back(name + "=" + (on ? "true" : "false"));
  return joined(out, ",");
}

std::string retention_text(const server::AutoCompaction& compaction) {
  using Mode = server::AutoCompaction::Mode;
  return env::duration_text(compaction.mode == Mode::kRevision ? Duration(compaction.revisions) : compaction.period);
}

}  // namespace

std::vector<std::string> texts_of(const std::vector<Url>& urls) {
  std::vector<std::string> out;
  for (const Url& url : urls) out.push_back(url.text());
  return out;
}

void log_configuration(env::Log& log, const Config& c, const wal::DataDirectory& directory) {
  const unsigned cores = std::thread::hardware_concurrency();
  log.info("starting an etcd server",
           {{"etcd-version", api::kEtcdVersion},
            {"quorate-version", kVersion},
            {"max-cpu-available", cores},
            {"member-initialized", !directory.fresh},
            {"name", c.name},
            {"data-dir", c.data_dir},
            {"wal-dir", c.wal_dir},
            {"wal-dir-dedicated", c.wal_dir},
            {"member-dir", directory.path},
            {"force-new-cluster", false},
            {"heartbeat-interval", c.heartbeat_interval},
            {"election-timeout", c.election_timeout},
            {"initial-advertise-peer-urls", c.initial_advertise_peer_urls},
            {"listen-peer-urls", texts_of(c.listen_peer_urls)},
            {"advertise-client-urls", c.advertise_client_urls},
            {"listen-client-urls", texts_of(c.listen_client_urls)},
            {"listen-client-http-urls", texts_of(c.listen_client_http_urls)},
            {"listen-metrics-urls", texts_of(c.listen_metrics_urls)},
            {"cors", c.cors},
            {"host-whitelist", c.host_whitelist},
            {"initial-cluster-token", c.initial_cluster_token},
            {"max-request-bytes", c.max_request_bytes},
            {"quota-backend-bytes", c.quota_backend_bytes},
            {"memory-limit-bytes", c.memory_limit_bytes},
            {"memory-for-keys-percent", limits::kStorePercentOfMemory},
            {"max-concurrent-streams", c.max_concurrent_streams},
            {"feature-gates", gates_text(c.feature_gates)},
            {"auto-compaction-mode",
             c.auto_compaction.mode == server::AutoCompaction::Mode::kRevision ? "revision" : "periodic"},
            {"auto-compaction-retention", retention_text(c.auto_compaction)}});
}

void log_serving(env::Log& log, const Config& c, const wal::DataDirectory& directory) {
  log.info("now serving peer/client/metrics", {{"local-member-id", hex(directory.identity.member)},
                                               {"initial-advertise-peer-urls", c.initial_advertise_peer_urls},
                                               {"listen-peer-urls", texts_of(c.listen_peer_urls)},
                                               {"advertise-client-urls", c.advertise_client_urls},
                                               {"listen-client-urls", texts_of(c.listen_client_urls)},
                                               {"listen-metrics-urls", texts_of(c.listen_metrics_urls)}});
}

}  // namespace quorate::node
