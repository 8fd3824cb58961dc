#include "sim/testing/tiny_cluster.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "machine/guard.h"

namespace quorate::sim {

struct TinyCluster::Stream final : watch::Sink {
  size_t deliver(std::vector<Bytes> pieces) override {
    std::string response;
    for (const Bytes& piece : pieces) response += piece.view();
    cluster->history.watches[place].deliveries.push_back({cluster->now_, std::move(response)});
    return 0;
  }
  TinyCluster* cluster = nullptr;
  size_t place = 0;
  watch::StreamId id = 0;  // 0: closed
};

TinyCluster::TinyCluster() {
  append({});
  start();
}

TinyCluster::~TinyCluster() = default;

void TinyCluster::start() {
  history.life.push_back({now_, 1, LifeKind::kStart});
  machine_ = std::make_unique<machine::Machine>(machine::Options{.min_lease_ttl_s = options.min_lease_ttl_s});
  for (const pb::Entry& entry : log) machine_->apply(entry, now_);
  machine_->lessor().promote(now_, kElectionTimeout);
  hub_ = std::make_unique<watch::Hub>(machine_->store(), [this] { return term_; }, watch::Options{});
}

void TinyCluster::crash(Duration down, size_t damaged) {
  for (auto& stream : streams_) stream->id = 0;
  hub_.reset();
  history.life.push_back({now_, 1, LifeKind::kCrash});
  now_ += down;
  if (damaged != 0) {
    for (; damaged != 0 && log.size() > 1; --damaged) {
      history.proposed_at.erase({log.back().term, log.back().index});
      log.pop_back();
    }
    history.forgiven.push_back({.when = now_, .from = log.size() + 1});
  }
  ++term_;
  append({});
  start();
}

void TinyCluster::append(std::string data) {
  const Index index = log.size() + 1;
  log.push_back({.type = pb::EntryType::kNormal, .term = term_, .index = index, .data = Bytes::adopt(std::move(data))});
  history.proposed_at[{term_, index}] = now_;
}

pb::ResponseHeader TinyCluster::header(Revision revision) const {
  return {.cluster_id = 11,
          .member_id = 12,
          .revision = revision == 0 ? machine_->store().revision() : revision,
          .raft_term = term_};
}

namespace {

template <class Response>
std::string completed(Response response, pb::ResponseHeader header) {
  header.revision = response.header->revision;
  response.header = header;
  return pb::encode(response);
}

std::optional<pb::Payload> payload_of(Kind kind) {
  switch (kind) {
    case Kind::kPut: return pb::Payload::kPut;
    case Kind::kDeleteRange: return pb::Payload::kDeleteRange;
    case Kind::kTxn: return pb::Payload::kTxn;
    case Kind::kCompact: return pb::Payload::kCompaction;
    case Kind::kLeaseGrant: return pb::Payload::kLeaseGrant;
    case Kind::kLeaseRevoke: return pb::Payload::kLeaseRevoke;
    default: return std::nullopt;
  }
}

}  // namespace

std::string TinyCluster::apply(pb::Payload payload, std::string_view body, Status& status) {
  append(pb::encode_internal(1, payload, body));
  machine::Outcome outcome = machine_->apply(log.back(), now_);
  status = outcome.status;
  std::string response;
  std::visit(
      [&](auto& message) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(message)>, std::monostate>) {
          response = completed(std::move(message), header());
        }
      },
      outcome.response);
  hub_->advance();
  while (hub_->step(1000)) {}
  return response;
}

std::string TinyCluster::serve_keep_alive(std::string_view bytes, Status& status) {
  pb::LeaseKeepAliveRequest request;
  CHECK(pb::decode(bytes, request));
  pb::LeaseKeepAliveResponse response{.header = header(), .id = request.id, .ttl_s = 0};
  if (const Result<int64_t> ttl_s = machine_->lessor().renew(request.id, now_); ttl_s) {
    response.ttl_s = *ttl_s;
    if (machine_->lessor().info(request.id, now_)->replicated_ttl_s < *ttl_s) {
      const pb::LeaseCheckpointRequest raise{.checkpoints = {{.id = request.id, .remaining_ttl_s = *ttl_s}}};
      apply(pb::Payload::kLeaseCheckpoint, pb::encode(raise), status);
    }
  }
  return pb::encode(response);
}

std::string TinyCluster::serve(const Operation& operation, Status& status) {
  const auto settled = [&](auto result) {
    if (result) return completed(std::move(*result), header());
    status = result.error();
    return std::string();
  };
  if (operation.kind == Kind::kRange) {
    pb::RangeRequest request;
    CHECK(pb::decode(operation.request, request));
    return settled(machine_->store().range(request));
  }
  if (operation.kind == Kind::kTxn) {
    pb::TxnRequest request;
    CHECK(pb::decode(operation.request, request));
    status = machine::check(request, machine::GuardLimits());
    if (!status.ok()) return {};
    if (machine::is_read_only(request)) return settled(machine_->store().read_txn(request));
  }
  if (const auto payload = payload_of(operation.kind)) {
    return apply(*payload, with_operation_id(operation.request, operation.id), status);
  }
  if (operation.kind == Kind::kLeaseKeepAlive) return serve_keep_alive(operation.request, status);
  if (operation.kind == Kind::kLeaseLeases) {
    pb::LeaseLeasesResponse response;
    response.header = header();
    response.leases = machine_->lessor().leases();
    return pb::encode(response);
  }
  pb::LeaseTimeToLiveRequest request;
  CHECK(pb::decode(operation.request, request));
  pb::LeaseTimeToLiveResponse response;
  response.header = header();
  response.id = request.id;
  const auto info = machine_->lessor().info(request.id, now_);
  response.ttl_s = info ? info->remaining_ttl_s : -1;
  response.granted_ttl_s = info ? info->granted_ttl_s : 0;
  if (info && request.keys) response.keys.assign(info->keys->begin(), info->keys->end());
  return pb::encode(response);
}

void TinyCluster::scan() {
  Status status;
  for (const LeaseId lease : machine_->lessor().expired(now_, 100)) {
    apply(pb::Payload::kLeaseRevoke, pb::encode(pb::LeaseRevokeRequest{.id = lease}), status);
  }
  pb::LeaseCheckpointRequest lower;
  for (const auto& [lease, remaining_ttl_s] : machine_->lessor().due_checkpoints(now_, 100)) {
    lower.checkpoints.push_back({.id = lease, .remaining_ttl_s = remaining_ttl_s});
  }
  if (!lower.checkpoints.empty()) apply(pb::Payload::kLeaseCheckpoint, pb::encode(lower), status);
}

void TinyCluster::advance(Duration by) {
  const MonoTime to = now_ + by;
  while (next_scan_ <= to) {
    now_ = std::max(now_, next_scan_);
    scan();
    next_scan_ = now_ + 500ms;
  }
  now_ = to;
}

size_t TinyCluster::call(Kind kind, std::string request, uint32_t client) {
  advance(1ms);
  const size_t place = call_at_once(kind, std::move(request), client, 1ms, 1ms);
  advance(1ms);
  return place;
}

size_t TinyCluster::call_at_once(Kind kind, std::string request, uint32_t client, Duration before, Duration after) {
  Operation operation{.id = next_id_++,
                      .client = client,
                      .kind = kind,
                      .begin = now_ - before,
                      .end = now_ + after,
                      .answered = true,
                      .request = std::move(request),
                      .status = {},
                      .response = {}};
  operation.response = serve(operation, operation.status);
  history.operations.push_back(std::move(operation));
  return history.operations.size() - 1;
}

size_t TinyCluster::call_unanswered(Kind kind, std::string request, bool takes_effect, uint32_t client) {
  Operation operation{.id = next_id_++,
                      .client = client,
                      .kind = kind,
                      .begin = now_,
                      .end = now_ + 2ms,
                      .answered = false,
                      .request = std::move(request),
                      .status = {},
                      .response = {}};
  advance(1ms);
  Status ignored;
  if (takes_effect) serve(operation, ignored);
  advance(1ms);
  history.operations.push_back(std::move(operation));
  return history.operations.size() - 1;
}

size_t TinyCluster::put(std::string_view key, std::string_view value, LeaseId lease, uint32_t client) {
  pb::PutRequest request;
  request.key = key;
  request.value = value;
  request.lease = lease;
  return call(Kind::kPut, pb::encode(request), client);
}

size_t TinyCluster::get(std::string_view key, std::string_view end, Revision revision, bool serializable) {
  pb::RangeRequest request;
  request.key = key;
  request.range_end = end;
  request.revision = revision;
  request.serializable = serializable;
  return call(Kind::kRange, pb::encode(request));
}

size_t TinyCluster::remove(std::string_view key, std::string_view end) {
  pb::DeleteRangeRequest request;
  request.key = key;
  request.range_end = end;
  return call(Kind::kDeleteRange, pb::encode(request));
}

size_t TinyCluster::compact(Revision revision) {
  pb::CompactionRequest request;
  request.revision = revision;
  return call(Kind::kCompact, pb::encode(request));
}

size_t TinyCluster::grant(LeaseId id, int64_t ttl_s) {
  return call(Kind::kLeaseGrant, pb::encode(pb::LeaseGrantRequest{.ttl_s = ttl_s, .id = id}));
}

size_t TinyCluster::revoke(LeaseId id) {
  return call(Kind::kLeaseRevoke, pb::encode(pb::LeaseRevokeRequest{.id = id}));
}

size_t TinyCluster::keep_alive(LeaseId id) {
  return call(Kind::kLeaseKeepAlive, pb::encode(pb::LeaseKeepAliveRequest{.id = id}));
}

size_t TinyCluster::time_to_live(LeaseId id, bool keys) {
  return call(Kind::kLeaseTimeToLive, pb::encode(pb::LeaseTimeToLiveRequest{.id = id, .keys = keys}));
}

size_t TinyCluster::watch(Watch watch) {
  const size_t place = history.watches.size();
  watch.id = place + 1;
  watch.begin = now_;
  pb::WatchCreateRequest create;
  std::vector<pb::WatchFilter> filters;
  if (!watch.puts) create.filters.push_back(pb::WatchFilter::kNoPut);
  if (!watch.deletes) create.filters.push_back(pb::WatchFilter::kNoDelete);
  const std::string key = watch.key, end = watch.range_end;
  create.key = key;
  create.range_end = end;
  create.start_revision = watch.start_revision;
  create.prev_kv = watch.prev_kv;
  create.fragment = watch.fragment;
  create.progress_notify = watch.progress_notify;
  history.watches.push_back(std::move(watch));
  streams_.push_back(std::make_unique<Stream>());
  Stream& stream = *streams_.back();
  stream.cluster = this;
  stream.place = place;
  stream.id = hub_->open(stream);
  pb::WatchRequest request;
  request.request = std::move(create);
  hub_->handle(stream.id, request);
  while (hub_->step(1000)) {}
  return place;
}

void TinyCluster::end_watch(size_t watch) {
  if (streams_[watch]->id != 0) hub_->close(std::exchange(streams_[watch]->id, 0));
}

void TinyCluster::ask_progress(size_t watch) {
  pb::WatchRequest request;
  request.request = pb::WatchProgressRequest{};
  hub_->handle(streams_[watch]->id, request);
}

void TinyCluster::finish() {
  pb::RangeRequest everything;
  everything.key = everything.range_end = std::string_view("\0", 1);
  Result<pb::RangeResponse> all = machine_->store().range(everything);
  CHECK(all);
  history.final_contents.push_back({.member = 1, .response = completed(std::move(*all), header())});
  for (size_t i = 0; i < streams_.size(); ++i) {
    const auto& deliveries = history.watches[i].deliveries;
    pb::WatchResponse last;
    CHECK(!deliveries.empty() && pb::decode(deliveries.back().response, last));
    history.watches[i].to_the_end = streams_[i]->id != 0 && !last.canceled;
  }
  std::stable_sort(history.operations.begin(), history.operations.end(),
                   [](const Operation& a, const Operation& b) { return a.begin < b.begin; });
  history.healed_at = history.ended_at = now_ + 1s;
  for (const Operation& operation : history.operations) {
    history.ended_at = std::max(history.ended_at, operation.end);
  }
  hub_.reset();
}

}  // namespace quorate::sim
