#include "sim/client.h"

#include "base/check.h"

namespace quorate::sim {
namespace {

std::string_view path_of(Kind kind) {
  switch (kind) {
    case Kind::kPut: return "/etcdserverpb.KV/Put";
    case Kind::kDeleteRange: return "/etcdserverpb.KV/DeleteRange";
    case Kind::kTxn: return "/etcdserverpb.KV/Txn";
    case Kind::kRange: return "/etcdserverpb.KV/Range";
    case Kind::kCompact: return "/etcdserverpb.KV/Compact";
    case Kind::kLeaseGrant: return "/etcdserverpb.Lease/LeaseGrant";
    case Kind::kLeaseRevoke: return "/etcdserverpb.Lease/LeaseRevoke";
    case Kind::kLeaseTimeToLive: return "/etcdserverpb.Lease/LeaseTimeToLive";
    case Kind::kLeaseLeases: return "/etcdserverpb.Lease/LeaseLeases";
    case Kind::kLeaseKeepAlive: break;  // a stream
  }
  return "";
}

env::sim::ProcessOptions process_options(Scene& scene) {
  env::sim::ProcessOptions options;
  options.host = "10.1.0." + std::to_string(scene.next_client());
  scene.client_hosts.push_back(options.host);
  return options;
}

client::NetChannelOptions channel_options(const Scene& scene) {
  client::NetChannelOptions options;
  options.endpoints = {scene.member};
  options.keepalive_interval = 2s;
  options.keepalive_timeout = 2s;
  return options;
}

}  // namespace

Client::Client(Scene& scene)
    : scene_(scene),
      process_(scene.universe, scene.network, scene.client_drive, process_options(scene), scene.log, trace_),
      channel_(std::make_unique<client::NetChannel>(process_.env().core_loop(), channel_options(scene))) {}

void Session::call(Kind kind, std::string request, Done done) {
  CHECK(!busy_);
  busy_ = true;
  Scene& scene = this->scene();
  const uint64_t id = scene.begin(kind, number_, std::move(request));
  client::unary(client_->channel(), path_of(kind), Bytes::copy(scene.operation(id).request),
                {.timeout = kTimeout, .metadata = {}}, [this, id, done = std::move(done)](Result<Bytes> reply) mutable {
                  busy_ = false;
                  Scene& world = this->scene();
                  world.end(id, reply ? Status() : reply.error(), reply ? std::string(reply->view()) : std::string());
                  done(world.operation(id));
                });
}

}  // namespace quorate::sim
