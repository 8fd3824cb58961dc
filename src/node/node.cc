#include "node/node.h"

#include <algorithm>

#include "base/check.h"
#include "base/ids.h"
#include "base/limits.h"
#include "node/start_log.h"
#include "server/replay.h"
#include "server/restore.h"
#include "wal/wal.h"

namespace quorate::node {
namespace {

constexpr Duration kDrainMax = 2s;  // what connections get to end by themselves

// Go's listeners take "localhost" as the IPv4 loopback, and so do the clients' defaults.
env::Address address_of(const Url& url) {
  if (url.unix_socket()) return {.host = {}, .port = 0, .path = url.path};
  return {.host = url.host == "localhost" ? "127.0.0.1" : url.host, .port = url.port, .path = {}};
}

std::vector<env::Address> addresses_of(const auto& bound) {
  std::vector<env::Address> out;
  for (const auto& b : bound) out.push_back(b.address);
  return out;
}

http::ServerOptions server_options(const Config& config) {
  http::ServerOptions out;
  out.max_message_bytes = config.max_request_bytes + limits::kGrpcOverheadBytes;
  out.max_body_bytes = out.max_message_bytes;
  out.max_concurrent_streams = config.max_concurrent_streams;
  out.keepalive_min_time = config.grpc_keepalive_min_time;
  out.keepalive_interval = config.grpc_keepalive_interval;
  out.keepalive_timeout = config.grpc_keepalive_timeout;
  return out;
}

server::ReplicaOptions replica_options(const Config& config, const wal::Identity& identity) {
  server::ReplicaOptions out;
  out.member = identity.member;
  out.cluster = identity.cluster;
  out.name = config.name;
  out.peer_urls = config.initial_advertise_peer_urls;
  out.client_urls = config.advertise_client_urls;
  out.heartbeat = config.heartbeat_interval;
  out.election_timeout = config.election_timeout;
  out.max_request_bytes = config.max_request_bytes;
  out.quota = {.bytes = config.quota_backend_bytes,
               .memory_bytes = config.memory_limit_bytes / 100 * limits::kStorePercentOfMemory};
  out.watch_progress_interval = config.watch_progress_interval;
  out.auto_compaction = config.auto_compaction;
  out.slow_apply = config.warning_apply_duration;
  out.deleted_keys_at_once = config.deleted_keys_at_once;
  out.deleted_keys_per_turn = config.deleted_keys_per_turn;
  out.checkpoint = config.checkpoint;
  return out;
}

env::Env with_trace(const env::Env& env, env::Trace& trace) {
  return {env.clock, env.core, env.net, env.disk, env.pool, env.log, env.metrics, trace, env.seed};
}

}  // namespace

Result<std::unique_ptr<Node>> Node::create(const env::Env& env, std::vector<env::LoopEnv> serving,
                                           const Config& config) {
  CHECK(!serving.empty());
  std::unique_ptr<Node> node(new Node(env, std::move(serving), config));
  if (Status status = node->bind(); !status.ok()) return fail(std::move(status));
  if (Status status = node->open_store(); !status.ok()) return fail(std::move(status));
  node->make_fronts();
  return node;
}

Node::Node(const env::Env& env, std::vector<env::LoopEnv> serving, const Config& config)
    : stamps_(env.clock, env.trace), env_(with_trace(env, stamps_)), serving_(std::move(serving)), config_(config) {}

Node::~Node() {
  env_.core.cancel(stop_timer_);
  fronts_.clear();  // before the mailbox that they push to
}

Result<Node::Bound> Node::listen(const env::LoopEnv& loop, const Url& url, size_t front) {
  auto accept = [this, front](std::unique_ptr<env::Socket> socket) {
    fronts_[front]->server().adopt(std::move(socket));
  };
  TRY(std::unique_ptr<env::Listener> listener, loop.net.listen(address_of(url), config_.socket_options, accept));
  const env::Address address = listener->address();
  return Bound{url, std::move(listener), address};
}

Status Node::bind() {
  for (const Url& url : config_.listen_client_http_urls) {
    if (std::ranges::find(config_.listen_client_urls, url) == config_.listen_client_urls.end()) continue;
    return Status(Code::kInvalidArgument,
                  "cannot bind both --listen-client-urls and --listen-client-http-urls on the same url " + url.text());
  }
  const auto bind_all = [this](const std::vector<Url>& urls, const env::LoopEnv& loop, size_t front,
                               std::vector<Bound>& out) -> Status {
    for (const Url& url : urls) {
      Result<Bound> bound = listen(loop, url, front);
      if (!bound) return Status(bound.error().code(), "cannot listen on " + url.text() + ": " + bound.error().text());
      out.push_back(std::move(*bound));
    }
    return Status();
  };
  const env::LoopEnv core = env_.core_loop();
  if (Status s = bind_all(config_.listen_peer_urls, core, serving_.size(), peer_); !s.ok()) return s;
  if (Status s = bind_all(config_.listen_client_urls, serving_[0], 0, client_); !s.ok()) return s;
  if (Status s = bind_all(config_.listen_metrics_urls, core, serving_.size() + 1, metrics_); !s.ok()) return s;
  return bind_all(config_.listen_client_http_urls, serving_[0], serving_.size() + 2, client_http_);
}

Status Node::open_store() {
  const MemberId member = member_id_of(config_.initial_advertise_peer_urls, config_.initial_cluster_token);
  Result<wal::DataDirectory> directory =
      wal::open_data_directory(env_.disk, config_.data_dir, config_.wal_dir,
                               {.cluster = cluster_id_of({member}), .member = member, .name = config_.name});
  if (!directory) return directory.error();
  directory_ = std::move(*directory);

  server::ReplicaOptions options = replica_options(config_, directory_.identity);
  options.image_directory = directory_.path + "/image";
  Result<server::Restored> restored = server::restore(env_.disk, env_.log,
                                                      {.directory = options.image_directory,
                                                       .cluster = directory_.identity.cluster,
                                                       .member = directory_.identity.member,
                                                       .machine = server::machine_options(env_, options)});
  if (!restored) return restored.error();

  wal::Options log_options;
  log_options.directory = directory_.log_path;
  log_options.cluster = directory_.identity.cluster;
  log_options.member = directory_.identity.member;
  log_options.unsafe_no_fsync = config_.unsafe_no_fsync;
  log_options.segment_bytes = config_.log_segment_bytes;
  log_options.salt = env_.seed;
  log_options.skip_to = restored->image_index;
  server::Replay replay(env_, server::machine_options(env_, options), *restored);
  log_options.committed = &replay;
  Result<wal::Opened> log = wal::Wal::open(env_.disk, env_.core, env_.log, env_.trace, log_options);
  if (!log) return log.error();
  Status fits = server::check_log(*restored, log->recovered, options.image_directory);
  if (!fits.ok()) return fits;
  last_index_at_start_ = log->recovered.last_index;

  replica_ = std::make_unique<server::Replica>(env_, options, std::move(*log), std::move(*restored));
  api::BackOptions back_options;
  back_options.limits.max_txn_ops = config_.max_txn_ops;
  back_options.limits.max_request_bytes = config_.max_request_bytes;
  back_options.extensive_metrics = config_.extensive_metrics;
  back_options.access = {.origins = config_.cors, .hosts = config_.host_whitelist};
  back_options.command_line = config_.command_line;
  export_gates(env_.metrics, config_.feature_gates);
  back_ = std::make_unique<api::Back>(env_, *replica_, stamps_, back_options);
  return Status();
}

void Node::make_fronts() {
  using http::Protocols;
  http::ServerOptions options = server_options(config_);
  const auto add = [&](const env::LoopEnv& loop, api::Port port, Protocols protocols) {
    const auto io = static_cast<api::IoIndex>(fronts_.size());
    options.protocols = protocols;
    fronts_.push_back(
        std::make_unique<api::Front>(loop, options, io, port, back_->inbox(), config_.warning_unary_request_duration));
    back_->attach(io, fronts_.back()->mailbox());
  };
  // With a port for HTTP alone the other client ports are for gRPC alone.
  const bool split = !config_.listen_client_http_urls.empty();
  for (const env::LoopEnv& loop : serving_) {
    add(loop, api::Port::kClient, split ? Protocols::kHttp2 : Protocols::kBoth);
  }
  add(env_.core_loop(), api::Port::kPeer, Protocols::kBoth);
  add(env_.core_loop(), api::Port::kMetrics, Protocols::kBoth);
  add(serving_[0], api::Port::kClient, Protocols::kHttp1);

  for (size_t i = 1; i < serving_.size(); ++i) {
    for (const Bound& bound : client_) {
      auto shared = serving_[i].net.share(*bound.listener, [this, i](std::unique_ptr<env::Socket> socket) {
        fronts_[i]->server().adopt(std::move(socket));
      });
      if (shared) {
        fronts_[i]->keep(std::move(*shared));
      } else {
        env_.log.warn("an io loop cannot accept", {{"loop", i}, {"error", shared.error().text()}});
      }
    }
  }
  for (Bound& bound : client_) fronts_[0]->keep(std::move(bound.listener));
  for (Bound& bound : peer_) fronts_[serving_.size()]->keep(std::move(bound.listener));
  for (Bound& bound : metrics_) fronts_[serving_.size() + 1]->keep(std::move(bound.listener));
  for (Bound& bound : client_http_) fronts_[serving_.size() + 2]->keep(std::move(bound.listener));
}

void Node::start(std::move_only_function<void(const Status&)> failed) {
  log_configuration(env_.log, config_, directory_);
  env_.log.info("starting a member", {{"local-member-id", hex(directory_.identity.member)},
                                      {"cluster-id", hex(directory_.identity.cluster)},
                                      {"log-dir", directory_.log_path},
                                      {"io-loops", serving_.size()}});
  log_serving(env_.log, config_, directory_);
  for (const Bound& bound : peer_) env_.log.info("serving peer traffic", {{"address", bound.address.text()}});
  for (const Bound& bound : metrics_) env_.log.info("serving metrics", {{"address", bound.url.text()}});
  replica_->on_failed(std::move(failed));
  replica_->on_published([this] { serve(); });
  replica_->start();
}

size_t Node::budgeted_bytes() const {
  size_t bytes = back_->parts_bytes() + replica_->hub().counters().unsent_bytes;
  for (const auto& front : fronts_) bytes += front->budgeted_bytes();
  return bytes;
}

void Node::serve() {
  back_->serve();
  const auto tell = [this](const Bound& bound, const char* traffic) {
    env_.log.info("ready to serve client requests");
    env_.log.info("serving client traffic insecurely; this is strongly discouraged!",
                  {{"traffic", traffic}, {"address", bound.address.text()}});
  };
  for (const Bound& bound : client_) tell(bound, client_http_.empty() ? "grpc+http" : "grpc");
  for (const Bound& bound : client_http_) tell(bound, "http");
  if (on_serving_) on_serving_();
}

void Node::stop(std::move_only_function<void(const Status&)> done) {
  env_.log.info("closing etcd server", {{"name", config_.name}, {"data-dir", directory_.path}});
  stopped_ = std::move(done);
  draining_ = fronts_.size();
  stop_timer_ = env_.core.after(kDrainMax, [this] { seal(); });
  back_->stop([this] {
    if (--draining_ == 0) seal();
  });
}

void Node::seal() {
  env_.core.cancel(std::exchange(stop_timer_, 0));
  if (!stopped_) return;
  replica_->stop([this, done = std::exchange(stopped_, {})](const Status& sealed) mutable {
    if (sealed.ok()) {
      env_.log.info("closed etcd server", {{"name", config_.name}, {"data-dir", directory_.path}});
    } else {
      env_.log.error("the log could not be sealed", {{"error", sealed.text()}, {"data-dir", directory_.path}});
    }
    done(sealed);
  });
}

std::vector<env::Address> Node::client_addresses() const { return addresses_of(client_); }
std::vector<env::Address> Node::peer_addresses() const { return addresses_of(peer_); }
std::vector<env::Address> Node::metrics_addresses() const { return addresses_of(metrics_); }
std::vector<env::Address> Node::client_http_addresses() const { return addresses_of(client_http_); }

}  // namespace quorate::node
