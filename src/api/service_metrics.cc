#include "api/service_metrics.h"

#include <algorithm>

#include "api/version.h"
#include "base/ids.h"

namespace quorate::api {
namespace {

constexpr int kCodes = 17;  // of gRPC
// More than clients of so many versions are counted together.
constexpr size_t kClientVersionsMax = 64;

env::Labels labels_of(const MethodRow& row) {
  return {{"grpc_method", std::string(row.name)},
          {"grpc_service", std::string(row.service)},
          {"grpc_type", std::string(kind_name(row.kind))}};
}

// Always of this one scrape: the text is made while it is counted.
void add_scrape_gauge(env::Metrics& metrics) {
  metrics.gauge("promhttp_metric_handler_requests_in_flight", "Scrapes that are being answered.").set(1);
}

env::Counter& scrape_counter(env::Metrics& metrics, const char* code) {
  return metrics.counter("promhttp_metric_handler_requests_total", "Scrapes by HTTP status.", {{"code", code}});
}

env::Histogram& handling_seconds(env::Metrics& metrics, const env::Labels& labels) {
  return metrics.histogram("grpc_server_handling_seconds", "How long calls take on the server.",
                           {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}, labels);
}

void add_idle_metrics(env::Metrics& metrics) {
#define QUORATE_IDLE_COUNTER(name, help) metrics.counter(name, help);
#define QUORATE_IDLE_GAUGE(name, help) metrics.gauge(name, help);
#define QUORATE_IDLE_HISTOGRAM(name, start, factor, count, help) \
  metrics.histogram(name, help, env::exponential_bounds(start, factor, count));
#include "api/idle_metrics.def"
#undef QUORATE_IDLE_COUNTER
#undef QUORATE_IDLE_GAUGE
#undef QUORATE_IDLE_HISTOGRAM
  // What no request has used yet stands at zero, as Prometheus' own handler has it.
  scrape_counter(metrics, "500");
  scrape_counter(metrics, "503");
  add_scrape_gauge(metrics);
}

// Which server this is: gauges at 1 whose labels tell it.
void add_identity(env::Metrics& metrics, const server::Replica& replica) {
  const auto told = [&](const char* name, const char* help, env::Labels labels) {
    metrics.gauge(name, help, std::move(labels)).set(1);
  };
  const std::string member = hex(replica.options().member);
  told("etcd_server_version", "The version of etcd that this server speaks, as a label.",
       {{"server_version", kEtcdVersion}});
  told("etcd_server_go_version", "The version of Go that this server is made with, as a label: none.",
       {{"server_go_version", "none"}});
  told("etcd_server_id", "This member's id in hexadecimal, as a label.", {{"server_id", member}});
  told("etcd_network_known_peers", "Members that this one knows, itself included.",
       {{"Local", member}, {"Remote", member}});
  metrics.gauge("etcd_debugging_auth_revision", "The revision of users and roles.").set(1);
  metrics.gauge("etcd_server_quota_backend_bytes", "The quota of stored data in bytes.")
      .set(static_cast<double>(replica.quota().quota_bytes()));
}

// The versions and alarms that the members have agreed on.
void add_alarms(env::Metrics& metrics, const server::Replica& replica) {
  metrics.before_scrape([&metrics, &replica] {
    const std::string& version = replica.machine().members().cluster_version();
    if (!version.empty()) {
      metrics
          .gauge("etcd_cluster_version", "The version of the cluster, as a label.",
                 {{"cluster_version", version.substr(0, version.rfind('.'))}})
          .set(1);
    }
    for (const auto& [type, member] : replica.machine().alarms()) {
      metrics
          .gauge("etcd_debugging_server_alarms", "Alarms that are raised: 1 for each.",
                 {{"alarm_type", type == pb::AlarmType::kNoSpace ? "NOSPACE" : "CORRUPT"}, {"server_id", hex(member)}})
          .set(1);
    }
  });
}

// Gauges that are read at each scrape rather than counted.
void add_read_gauges(env::Metrics& metrics, server::Replica& replica) {
  const auto gauge = [&](const char* name, const char* help) { return &metrics.gauge(name, help); };
  env::Gauge* has_leader = gauge("etcd_server_has_leader", "Whether or not a leader exists. 1 is existence, 0 is not.");
  env::Gauge* is_leader =
      gauge("etcd_server_is_leader", "Whether or not this member is a leader. 1 if is, 0 otherwise.");
  env::Gauge* is_learner =
      gauge("etcd_server_is_learner", "Whether or not this member is a learner. 1 if is, 0 otherwise.");
  env::Counter* changes = &metrics.counter("etcd_server_leader_changes_seen_total", "Leader changes seen.");
  env::Gauge* committed = gauge("etcd_server_proposals_committed_total", "Consensus proposals committed.");
  env::Gauge* applied = gauge("etcd_server_proposals_applied_total", "Consensus proposals applied.");
  env::Gauge* pending = gauge("etcd_server_proposals_pending", "Proposals waiting for their outcome.");
  env::Counter* failed = &metrics.counter("etcd_server_proposals_failed_total", "Failed proposals seen.");
  env::Gauge* revision = gauge("etcd_debugging_mvcc_current_revision", "The current revision of the store.");
  env::Gauge* compacted = gauge("etcd_debugging_mvcc_compact_revision", "The revision of the last compaction.");
  env::Gauge* keys = gauge("etcd_debugging_mvcc_keys_total", "Keys in the store.");
  env::Gauge* watchers = gauge("etcd_debugging_mvcc_watcher_total", "Watchers.");
  env::Gauge* slow = gauge("etcd_debugging_mvcc_slow_watcher_total", "Watchers that lag behind.");
  env::Gauge* streams = gauge("etcd_debugging_mvcc_watch_stream_total", "Watch streams.");
  env::Counter* events = &metrics.counter("etcd_debugging_mvcc_events_total", "Events sent to watchers.");
  env::Gauge* db_bytes = gauge("etcd_mvcc_db_total_size_in_bytes", "Estimated size of the stored data.");
  env::Gauge* db_in_use = gauge("etcd_mvcc_db_total_size_in_use_in_bytes", "Estimated size of the stored data in use.");
  env::Gauge* log_bytes = gauge("etcd_disk_wal_write_bytes_total", "Bytes written to the log.");
  env::Counter* failed_reads = &metrics.counter("etcd_server_read_indexes_failed_total", "Failed read indexes seen.");
  env::Counter* expired = &metrics.counter("etcd_debugging_server_lease_expired_total", "Leases that expired.");
  env::Counter* renewed = &metrics.counter("etcd_debugging_lease_renewed_total", "Lease renewals seen by the leader.");
  metrics.before_scrape([=, &replica] {
    const server::Replica::Counters counters = replica.counters();
    const watch::Hub::Counters hub = replica.hub().counters();
    const mvcc::Store& store = replica.machine().store();
    has_leader->set(replica.leader() != 0);
    is_leader->set(replica.is_leader());
    is_learner->set(0);
    changes->value = static_cast<double>(counters.leader_changes);
    committed->set(static_cast<double>(replica.commit()));
    applied->set(static_cast<double>(replica.machine().applied_index()));
    failed_reads->value = static_cast<double>(counters.reads_failed);
    pending->set(static_cast<double>(counters.proposals_pending));
    failed->value = static_cast<double>(counters.proposals_failed);
    revision->set(static_cast<double>(store.revision()));
    compacted->set(store.compacted() == 0 ? -1 : static_cast<double>(store.compacted()));
    keys->set(static_cast<double>(store.keys()));
    watchers->set(static_cast<double>(hub.watchers));
    slow->set(static_cast<double>(hub.slow_watchers));
    streams->set(static_cast<double>(hub.streams));
    events->value = static_cast<double>(hub.events);
    db_bytes->set(static_cast<double>(replica.quota().db_bytes()));
    db_in_use->set(static_cast<double>(replica.quota().db_bytes_in_use()));
    log_bytes->set(static_cast<double>(replica.log_counters().bytes));
    expired->value = static_cast<double>(replica.leases().expired_total());
    renewed->value = static_cast<double>(replica.leases().renewed_total());
  });
}

}  // namespace

ServiceMetrics::ServiceMetrics(env::Metrics& metrics, server::Replica& replica, bool extensive)
    : leases_granted_total(metrics.counter("etcd_debugging_lease_granted_total", "Leases granted.")),
      leases_revoked_total(metrics.counter("etcd_debugging_lease_revoked_total", "Leases revoked.")),
      lease_ttl_s(metrics.histogram("etcd_debugging_lease_ttl_total", "Granted TTLs in seconds.",
                                    env::exponential_bounds(1, 2, 24))),
      metrics_(metrics),
      received_bytes_(
          metrics.counter("etcd_network_client_grpc_received_bytes_total", "Bytes received from gRPC clients.")),
      sent_bytes_(metrics.counter("etcd_network_client_grpc_sent_bytes_total", "Bytes sent to gRPC clients.")),
      health_success_(metrics.counter("etcd_server_health_success", "Successful health checks.")),
      health_failures_(metrics.counter("etcd_server_health_failures", "Failed health checks.")),
      scrapes_(scrape_counter(metrics, "200")) {
  for (const MethodRow& row : all_methods()) {
    const env::Labels labels = labels_of(row);
    methods_.push_back({&metrics.counter("grpc_server_started_total", "RPCs started on the server.", labels),
                        &metrics.counter("grpc_server_msg_received_total", "Messages received on the server.", labels),
                        &metrics.counter("grpc_server_msg_sent_total", "Messages sent by the server.", labels),
                        extensive ? &handling_seconds(metrics, labels) : nullptr,
                        {}});
    for (int code = 0; code < kCodes; ++code) {
      env::Labels with_code = labels;
      with_code.insert(with_code.begin(), {"grpc_code", std::string(code_name(static_cast<Code>(code)))});
      methods_.back().handled.push_back(
          &metrics.counter("grpc_server_handled_total", "RPCs completed on the server.", with_code));
    }
  }
  add_idle_metrics(metrics);
  add_identity(metrics, replica);
  add_alarms(metrics, replica);
  add_read_gauges(metrics, replica);
}

void ServiceMetrics::client_request(MethodKind kind, const std::string& api_version) {
  const bool streaming = kind != MethodKind::kUnary;
  const auto known = client_requests_.find({streaming, api_version});
  if (known != client_requests_.end()) return known->second->add();
  const bool room = client_requests_.size() < kClientVersionsMax;
  const std::string version = api_version.empty() || !room ? "unknown" : api_version;
  env::Counter& counter =
      metrics_.counter("etcd_server_client_requests_total", "Requests by the API version of their client.",
                       {{"client_api_version", version}, {"type", streaming ? "stream" : "unary"}});
  if (room) client_requests_.emplace(std::pair(streaming, api_version), &counter);
  counter.add();
}

void ServiceMetrics::check(std::string_view page, std::string_view name, bool healthy) {
  const auto labels = [&]() -> env::Labels { return {{"name", std::string(name)}, {"type", std::string(page)}}; };
  const auto counter = [&](const char* status) -> env::Counter& {
    env::Labels with_status = labels();
    with_status.insert(with_status.begin() + 1, {"status", status});
    return metrics_.counter("etcd_server_healthchecks_total", "Checks of this server's health, by kind.", with_status);
  };
  metrics_.gauge("etcd_server_healthcheck", "What each kind of check said last: 1 is healthy.", labels()).set(healthy);
  counter(healthy ? "success" : "error").add();
}

}  // namespace quorate::api
