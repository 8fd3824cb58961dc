#include "api/service_metrics.h"

#include "base/ids.h"

namespace quorate::api {
namespace {

constexpr int kCodes = 17;                            // of gRPC
constexpr double kDefaultQuotaBytes = 2'147'483'648;  // what etcd reports while none is set

env::Labels labels_of(const MethodRow& row) {
  return {{"grpc_method", std::string(row.name)},
          {"grpc_service", std::string(row.service)},
          {"grpc_type", std::string(kind_name(row.kind))}};
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
  env::Counter* slow_applies = &metrics.counter("etcd_server_slow_apply_total", "Slow applies.");
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
    slow_applies->value = static_cast<double>(counters.slow_applies);
    pending->set(static_cast<double>(counters.proposals_pending));
    failed->value = static_cast<double>(counters.proposals_failed);
    revision->set(static_cast<double>(store.revision()));
    compacted->set(static_cast<double>(store.compacted()));
    keys->set(static_cast<double>(store.keys()));
    watchers->set(static_cast<double>(hub.watchers));
    slow->set(static_cast<double>(hub.slow_watchers));
    streams->set(static_cast<double>(hub.streams));
    events->value = static_cast<double>(hub.events);
    db_bytes->set(static_cast<double>(store.bytes()));
    db_in_use->set(static_cast<double>(store.bytes()));
    log_bytes->set(static_cast<double>(replica.log_counters().bytes));
    expired->value = static_cast<double>(replica.leases().expired_total());
    renewed->value = static_cast<double>(replica.leases().renewed_total());
  });
}

}  // namespace

ServiceMetrics::ServiceMetrics(env::Metrics& metrics, server::Replica& replica)
    : put_total(metrics.counter("etcd_mvcc_put_total", "Puts seen by this member.")),
      delete_total(metrics.counter("etcd_mvcc_delete_total", "Deletes seen by this member.")),
      range_total(metrics.counter("etcd_mvcc_range_total", "Ranges seen by this member.")),
      txn_total(metrics.counter("etcd_mvcc_txn_total", "Transactions seen by this member.")),
      leases_granted_total(metrics.counter("etcd_debugging_lease_granted_total", "Leases granted.")),
      leases_revoked_total(metrics.counter("etcd_debugging_lease_revoked_total", "Leases revoked.")),
      lease_ttl_s(metrics.histogram("etcd_debugging_lease_ttl_total", "Granted TTLs in seconds.",
                                    env::exponential_bounds(1, 2, 24))),
      received_bytes_(
          metrics.counter("etcd_network_client_grpc_received_bytes_total", "Bytes received from gRPC clients.")),
      sent_bytes_(metrics.counter("etcd_network_client_grpc_sent_bytes_total", "Bytes sent to gRPC clients.")),
      health_success_(metrics.counter("etcd_server_health_success", "Successful health checks.")),
      health_failures_(metrics.counter("etcd_server_health_failures", "Failed health checks.")) {
  for (const MethodRow& row : all_methods()) {
    const env::Labels labels = labels_of(row);
    methods_.push_back({&metrics.counter("grpc_server_started_total", "RPCs started on the server.", labels),
                        &metrics.counter("grpc_server_msg_received_total", "Messages received on the server.", labels),
                        &metrics.counter("grpc_server_msg_sent_total", "Messages sent by the server.", labels),
                        {}});
    for (int code = 0; code < kCodes; ++code) {
      env::Labels with_code = labels;
      with_code.insert(with_code.begin(), {"grpc_code", std::string(code_name(static_cast<Code>(code)))});
      methods_.back().handled.push_back(
          &metrics.counter("grpc_server_handled_total", "RPCs completed on the server.", with_code));
    }
  }
  metrics
      .gauge("etcd_server_version", "Which version is running. 1 for 'server_version' label.",
             {{"server_version", "3.7.1"}})
      .set(1);
  metrics
      .gauge("etcd_server_id", "Server or member ID in hexadecimal format. 1 for 'server_id' label.",
             {{"server_id", hex(replica.options().member)}})
      .set(1);
  metrics
      .gauge("etcd_cluster_version", "Which version is running. 1 for 'cluster_version' label.",
             {{"cluster_version", "3.7"}})
      .set(1);
  metrics.gauge("etcd_server_quota_backend_bytes", "The quota of stored data in bytes.").set(kDefaultQuotaBytes);
  add_read_gauges(metrics, replica);
}

}  // namespace quorate::api
