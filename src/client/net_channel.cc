#include "client/net_channel.h"

#include "base/check.h"

namespace quorate::client {
namespace {

constexpr Duration kRetryInterval = 50ms;  // between rounds over all endpoints

}  // namespace

// Stands between the connection's call and its maker, so that the channel learns of the end.
class NetChannel::Call::Relay final : public CallEvents {
 public:
  Relay(NetChannel& channel, CallId id) : channel_(channel), id_(id) {}
  void on_message(Bytes message) override { channel_.calls_.at(id_).events->on_message(std::move(message)); }
  void on_end(const Status& status, const http::Headers& trailers) override { channel_.end(id_, status, trailers); }

 private:
  NetChannel& channel_;
  const CallId id_;
};

NetChannel::NetChannel(const env::LoopEnv& env, NetChannelOptions options)
    : env_(env), options_(std::move(options)), alive_(std::make_shared<bool>(true)) {
  CHECK(!options_.endpoints.empty());
}

NetChannel::~NetChannel() {
  *alive_ = false;
  env_.loop.cancel(dial_timer_);
  env_.loop.cancel(retry_timer_);
  for (auto& [id, call] : calls_) env_.loop.cancel(call.deadline);
  connection_.reset();
}

CallId NetChannel::open(std::string_view path, const CallOptions& options, CallEvents& events) {
  const CallId id = next_call_++;
  Call& call = calls_[id];
  call.events = &events;
  call.path = path;
  call.options = options;
  call.relay = std::make_unique<Call::Relay>(*this, id);
  if (connection_) {
    start(id, call);
    return id;
  }
  // The connection has deadlines of its own for calls that it knows.
  if (options.timeout) {
    call.deadline = env_.loop.after(*options.timeout, [this, id] { end(id, errors::ContextDeadlineExceeded(), {}); });
  }
  connect();
  return id;
}

void NetChannel::start(CallId id, Call& call) {
  env_.loop.cancel(std::exchange(call.deadline, 0));
  call.on_wire = connection_->open(call.path, call.options, *call.relay);
  const http::CallId on_wire = call.on_wire;
  for (Bytes& message : std::exchange(call.unsent, {})) connection_->send(on_wire, std::move(message));
  if (const auto found = calls_.find(id); found != calls_.end() && found->second.half_closed) connection_->half_close(on_wire);
}

void NetChannel::send(CallId id, Bytes message) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  if (found->second.on_wire != 0) return connection_->send(found->second.on_wire, std::move(message));
  found->second.unsent.push_back(std::move(message));
}

void NetChannel::half_close(CallId id) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  found->second.half_closed = true;
  if (found->second.on_wire != 0) connection_->half_close(found->second.on_wire);
}

void NetChannel::cancel(CallId id) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  env_.loop.cancel(found->second.deadline);
  if (found->second.on_wire != 0 && connection_) connection_->cancel(found->second.on_wire);
  calls_.erase(found);
}

void NetChannel::end(CallId id, const Status& status, const http::Headers& trailers) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  env_.loop.cancel(found->second.deadline);
  // The relay is on the stack above: it goes when the callers have returned.
  env_.loop.post([relay = std::move(found->second.relay)] {});
  CallEvents* events = found->second.events;
  calls_.erase(found);
  events->on_end(status, trailers);
}

void NetChannel::connect() {
  if (connecting_) return;
  connecting_ = true;
  dial_deadline_ = env_.loop.now() + options_.dial_timeout;
  dial_timer_ = env_.loop.at(dial_deadline_, [this] {
    dial_timer_ = 0;
    connecting_ = false;
    env_.loop.cancel(std::exchange(retry_timer_, 0));
    fail_waiting(last_error_.ok() ? errors::ContextDeadlineExceeded() : last_error_);
  });
  try_endpoint(options_.endpoints.size());
}

void NetChannel::try_endpoint(size_t tries_left) {
  if (!connecting_) return;
  if (tries_left == 0) {
    retry_timer_ = env_.loop.after(kRetryInterval, [this] { try_endpoint(options_.endpoints.size()); });
    return;
  }
  const env::Address& address = options_.endpoints[endpoint_ % options_.endpoints.size()];
  env_.net.connect(address, [this, tries_left, alive = alive_](Result<std::unique_ptr<env::Socket>> socket) {
    if (!*alive || !connecting_) return;
    if (socket) return connected(std::move(*socket));
    last_error_ = socket.error();
    ++endpoint_;
    try_endpoint(tries_left - 1);
  });
}

void NetChannel::connected(std::unique_ptr<env::Socket> socket) {
  connecting_ = false;
  env_.loop.cancel(std::exchange(dial_timer_, 0));
  http::ClientOptions options;
  options.max_message_bytes = options_.max_message_bytes;
  options.authority = options_.endpoints[endpoint_ % options_.endpoints.size()].text();
  options.keepalive_interval = options_.keepalive_interval;
  options.keepalive_timeout = options_.keepalive_timeout;
  connection_ = http::ClientConnection::create(env_, std::move(socket), options, [this](const Status& why) {
    last_error_ = why;
    ++endpoint_;
    // We are called from inside the connection.
    env_.loop.post([connection = std::shared_ptr<http::ClientConnection>(std::move(connection_))] {});
  });
  std::vector<CallId> waiting;
  for (const auto& [id, call] : calls_) waiting.push_back(id);
  for (const CallId id : waiting) {
    if (const auto found = calls_.find(id); found != calls_.end() && connection_) start(id, found->second);
  }
}

void NetChannel::fail_waiting(const Status& status) {
  std::vector<CallId> waiting;
  for (const auto& [id, call] : calls_) {
    if (call.on_wire == 0) waiting.push_back(id);
  }
  for (const CallId id : waiting) end(id, status, {});
}

}  // namespace quorate::client
