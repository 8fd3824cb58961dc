#include "client/net_channel.h"

#include <algorithm>
#include <utility>

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
  stop_connecting();
  connection_.reset();
  for (auto& [id, call] : std::exchange(calls_, {})) {
    env_.loop.cancel(call.timer);
    call.events->on_end(Status(Code::kCanceled, "the channel was closed"), {});
  }
}

CallId NetChannel::open(std::string_view path, const CallOptions& options, CallEvents& events) {
  const CallId id = next_call_++;
  Call& call = calls_[id];
  call.events = &events;
  call.path = path;
  call.options = options;
  call.relay = std::make_unique<Call::Relay>(*this, id);
  if (options.timeout) call.deadline = env_.loop.now() + *options.timeout;
  if (connection_) {
    start(call);
    return id;
  }
  if (call.deadline) {
    call.timer = env_.loop.at(*call.deadline, [this, id] { end(id, errors::ContextDeadlineExceeded(), {}); });
  }
  connect();
  return id;
}

void NetChannel::start(Call& call) {
  env_.loop.cancel(std::exchange(call.timer, 0));
  if (call.deadline) call.options.timeout = std::max(*call.deadline - env_.loop.now(), Duration(0));
  // Neither of these tells the maker anything before it returns.
  call.on_wire = connection_->open(call.path, call.options, *call.relay);
  for (Bytes& message : std::exchange(call.unsent, {})) connection_->send(call.on_wire, std::move(message));
  if (call.half_closed) connection_->half_close(call.on_wire);
}

void NetChannel::send(CallId id, Bytes message) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  Call& call = found->second;
  if (call.on_wire == 0) {
    call.unsent.push_back(std::move(message));
  } else if (connection_) {  // else it is about to be told of the loss
    connection_->send(call.on_wire, std::move(message));
  }
}

void NetChannel::half_close(CallId id) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  found->second.half_closed = true;
  if (found->second.on_wire != 0 && connection_) connection_->half_close(found->second.on_wire);
}

void NetChannel::cancel(CallId id) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  env_.loop.cancel(found->second.timer);
  const http::CallId on_wire = found->second.on_wire;
  // The relay outlives the connection's last word on the call.
  const std::unique_ptr<Call::Relay> relay = std::move(found->second.relay);
  calls_.erase(found);
  if (on_wire != 0 && connection_) connection_->cancel(on_wire);
}

void NetChannel::end(CallId id, const Status& status, const http::Headers& trailers) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  env_.loop.cancel(found->second.timer);
  // The relay is on the stack above: it goes when the callers have returned.
  env_.loop.post([relay = std::move(found->second.relay)] {});
  CallEvents* events = found->second.events;
  calls_.erase(found);
  events->on_end(status, trailers);
}

void NetChannel::connect() {
  if (connecting_) return;
  connecting_ = true;
  if (options_.patience) {
    patience_timer_ = env_.loop.after(*options_.patience, [this] {
      stop_connecting();
      fail_waiting(last_error_.ok() ? errors::ContextDeadlineExceeded() : last_error_);
    });
  }
  try_endpoint(options_.endpoints.size());
}

void NetChannel::stop_connecting() {
  connecting_ = false;
  ++attempt_;
  env_.loop.cancel(std::exchange(patience_timer_, 0));
  env_.loop.cancel(std::exchange(dial_timer_, 0));
  env_.loop.cancel(std::exchange(retry_timer_, 0));
}

void NetChannel::try_endpoint(size_t tries_left) {
  if (calls_.empty()) return stop_connecting();  // everyone has given up
  if (tries_left == 0) {
    retry_timer_ = env_.loop.after(kRetryInterval, [this] { try_endpoint(options_.endpoints.size()); });
    return;
  }
  const uint64_t attempt = ++attempt_;
  dial_timer_ = env_.loop.after(options_.dial_timeout, [this, tries_left] {
    endpoint_failed(tries_left, Status(Code::kUnavailable, "connect: " + endpoint().text() + " does not answer"));
  });
  env_.net.connect(endpoint(),
                   [this, attempt, tries_left, alive = alive_](Result<std::unique_ptr<env::Socket>> socket) {
                     if (!*alive || attempt != attempt_) return;
                     if (socket) return connected(std::move(*socket));
                     endpoint_failed(tries_left, Status(Code::kUnavailable, socket.error().text()));
                   });
}

void NetChannel::endpoint_failed(size_t tries_left, const Status& why) {
  env_.loop.cancel(std::exchange(dial_timer_, 0));
  last_error_ = why;
  ++endpoint_;
  try_endpoint(tries_left - 1);
}

void NetChannel::connected(std::unique_ptr<env::Socket> socket) {
  stop_connecting();
  http::ClientOptions options;
  options.max_message_bytes = options_.max_message_bytes;
  options.authority = endpoint().path.empty() ? endpoint().text() : "localhost";
  options.keepalive_interval = options_.keepalive_interval;
  options.keepalive_timeout = options_.keepalive_timeout;
  connection_ = http::ClientConnection::create(env_, std::move(socket), options, [this](const Status& why) {
    last_error_ = why;
    ++endpoint_;
    // We are called from inside the connection.
    env_.loop.post([connection = std::shared_ptr<http::ClientConnection>(std::move(connection_))] {});
  });
  for (auto& [id, call] : calls_) start(call);
}

void NetChannel::fail_waiting(const Status& status) {
  std::vector<CallId> waiting;
  for (const auto& [id, call] : calls_) {
    if (call.on_wire == 0) waiting.push_back(id);
  }
  for (const CallId id : waiting) end(id, status, {});
}

}  // namespace quorate::client
