#include "server/apply_meter.h"

#include <chrono>

#include "pb/codec.h"
#include "server/request_text.h"

namespace quorate::server {
namespace {

double seconds_of(Duration d) { return std::chrono::duration<double>(d).count(); }

std::string_view op_name(pb::Payload payload) {
  switch (payload) {
    case pb::Payload::kRange: return "Range";
    case pb::Payload::kPut: return "Put";
    case pb::Payload::kDeleteRange: return "DeleteRange";
    case pb::Payload::kTxn: return "Txn";
    case pb::Payload::kCompaction: return "Compaction";
    case pb::Payload::kLeaseGrant: return "LeaseGrant";
    case pb::Payload::kLeaseRevoke: return "LeaseRevoke";
    case pb::Payload::kLeaseCheckpoint: return "LeaseCheckpoint";
    case pb::Payload::kAlarm: return "Alarm";
    case pb::Payload::kClusterVersionSet: return "ClusterVersionSet";
    case pb::Payload::kClusterMemberAttrSet: return "ClusterMemberAttrSet";
    case pb::Payload::kNone: break;
  }
  return "unknown";
}

std::string size_text(size_t bytes) { return "size:" + std::to_string(bytes); }

std::string response_text(const machine::Outcome& outcome) {
  return std::visit(
      [](const auto& response) {
        if constexpr (std::is_same_v<std::decay_t<decltype(response)>, std::monostate>) {
          return std::string();
        } else {
          return size_text(pb::encode(response).size());
        }
      },
      outcome.response);
}

std::string range_text(size_t pairs, size_t bytes) {
  return "range_response_count:" + std::to_string(pairs) + " " + size_text(bytes);
}

std::string response_text(const pb::TxnResponse& response) {
  std::string counts;
  for (const pb::ResponseOp& op : response.responses) {
    if (const auto* range = std::get_if<pb::RangeResponse>(&op.response)) {
      if (!counts.empty()) counts += ' ';
      counts += "range_response_count:" + std::to_string(range->kvs.size());
    }
  }
  return "responses:<" + counts + "> " + size_text(pb::encode(response).size());
}

// The store's own words, without the name of the server in front.
std::string error_text(const Status& error) {
  constexpr std::string_view kServer = "etcdserver: ";
  const bool store = error.text().starts_with(std::string(kServer) + "mvcc: ");
  return store ? error.text().substr(kServer.size()) : error.text();
}

}  // namespace

ApplyMeter::ApplyMeter(const env::Env& env, Duration slow)
    : env_(env),
      slow_(slow),
      slow_applies_(env.metrics.counter("etcd_server_slow_apply_total", "Requests that took longer than they should.")),
      ranges_(env.metrics.counter("etcd_mvcc_range_total", "Ranges seen by this member.")),
      puts_(env.metrics.counter("etcd_mvcc_put_total", "Puts seen by this member.")),
      deletes_(env.metrics.counter("etcd_mvcc_delete_total", "Deletes seen by this member.")),
      txns_(env.metrics.counter("etcd_mvcc_txn_total", "Transactions seen by this member.")),
      put_bytes_(env.metrics.gauge("etcd_debugging_mvcc_total_put_size_in_bytes", "Keys and values put, in bytes.")),
      compacted_at_(env.metrics.gauge("etcd_debugging_mvcc_db_compaction_last",
                                      "When the last compaction was, in seconds since the epoch; 0 for never.")),
      compaction_ms_(env.metrics.histogram("etcd_debugging_mvcc_db_compaction_total_duration_milliseconds",
                                           "How long compactions take.", env::exponential_bounds(100, 2, 14))) {}

env::Histogram& ApplyMeter::apply_seconds(std::string_view op, bool ok) {
  env::Histogram*& known = apply_seconds_[{op, ok}];
  if (known == nullptr) {
    known = &env_.metrics.histogram("etcd_server_apply_duration_seconds", "How long applying a request takes, by kind.",
                                    env::exponential_bounds(0.0001, 2, 20),
                                    {{"op", std::string(op)}, {"success", ok ? "true" : "false"}, {"version", "v3"}});
  }
  return *known;
}

env::Histogram& ApplyMeter::request_seconds(std::string_view type, bool ok) {
  env::Histogram*& known = request_seconds_[{type, ok}];
  if (known == nullptr) {
    known = &env_.metrics.histogram(
        "etcd_server_request_duration_seconds", "How long a request takes from its arrival to its answer, by kind.",
        env::exponential_bounds(0.001, 2, 14), {{"success", ok ? "true" : "false"}, {"type", std::string(type)}});
  }
  return *known;
}

void ApplyMeter::count(const machine::Tally& tally) {
  ranges_.add(static_cast<double>(tally.ranges));
  puts_.add(static_cast<double>(tally.puts));
  deletes_.add(static_cast<double>(tally.deletes));
  txns_.add(static_cast<double>(tally.txns));
  put_bytes_.add(static_cast<double>(tally.put_bytes));
}

void ApplyMeter::applied(const pb::Entry& entry, const machine::Outcome& outcome, Duration took) {
  apply_seconds(op_name(outcome.payload), outcome.status.ok()).observe(seconds_of(took));
  count(outcome.tally);
  if (outcome.payload == pb::Payload::kCompaction) note_compaction(outcome, took);
  if (took <= slow_) return;
  pb::InternalRequest request;
  if (!pb::decode(entry.data.view(), request)) return;
  warn(took, "", request_text(request), response_text(outcome), outcome.status);
}

void ApplyMeter::note_compaction(const machine::Outcome& outcome, Duration took) {
  if (!outcome.status.ok()) return;
  compacted_at_.set(static_cast<double>(
      std::chrono::duration_cast<std::chrono::seconds>(env_.clock.wall().time_since_epoch()).count()));
  compaction_ms_.observe(seconds_of(took) * 1000);
}

void ApplyMeter::answered(pb::Payload payload, bool in_time, Duration took) {
  request_seconds(op_name(payload), in_time).observe(seconds_of(took));
}

void ApplyMeter::observe_range(bool ok, Duration took) {
  ranges_.add();
  request_seconds("Range", ok).observe(seconds_of(took));
  env::Histogram*& range_seconds = range_seconds_[ok];
  if (range_seconds == nullptr) {
    range_seconds =
        &env_.metrics.histogram("etcd_server_range_duration_seconds", "How long a range takes.",
                                env::exponential_bounds(0.0001, 2, 20), {{"success", ok ? "true" : "false"}});
  }
  range_seconds->observe(seconds_of(took));
}

void ApplyMeter::answered(const pb::RangeRequest& request, const Result<pb::RangeResponse>& response, Duration took) {
  const bool ok = response.has_value();
  observe_range(ok, took);
  if (took <= slow_) return;
  warn(took, "read-only range ", request_text(request),
       ok ? range_text(response->kvs.size(), pb::size_of(*response)) : "", ok ? Status() : response.error());
}

void ApplyMeter::answered(const pb::RangeRequest& request, const Status& status, size_t pairs, size_t bytes,
                          Duration took) {
  observe_range(status.ok(), took);
  if (took <= slow_) return;
  warn(took, "read-only range ", request_text(request), status.ok() ? range_text(pairs, bytes) : "", status);
}

void ApplyMeter::answered(const pb::TxnRequest& request, const Result<pb::TxnResponse>& response, Duration took) {
  const bool ok = response.has_value();
  if (ok) count(machine::tally(request, *response));
  request_seconds("ReadonlyTxn", ok).observe(seconds_of(took));
  if (took <= slow_) return;
  warn(took, "read-only txn ", request_text(request), ok ? response_text(*response) : "",
       ok ? Status() : response.error());
}

void ApplyMeter::warn(Duration took, std::string_view prefix, std::string request, std::string response,
                      const Status& error) {
  constexpr std::string_view kMessage = "apply request took too long";
  slow_applies_.add();
  if (error.ok()) {
    return env_.log.warn(kMessage, {{"took", took},
                                    {"expected-duration", slow_},
                                    {"prefix", prefix},
                                    {"request", std::move(request)},
                                    {"response", std::move(response)}});
  }
  env_.log.warn(kMessage, {{"took", took},
                           {"expected-duration", slow_},
                           {"prefix", prefix},
                           {"request", std::move(request)},
                           {"response", std::move(response)},
                           {"error", error_text(error)}});
}

}  // namespace quorate::server
