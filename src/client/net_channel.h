// client/net_channel.h: a Channel to one of several endpoints, over one connection at a time.
//
// Loop:    the one that it was made on.
// Invariants:
//   (1) A call opened before the connection stands waits for it, within its own deadline and `patience`.
//   (2) A lost connection ends its calls with kUnavailable; the next call connects again, endpoints in turn.
//   (3) A call's timeout counts from open(), not from when it reached the wire.
//   (4) Calls that are open when the channel ends are told kCanceled; they must not open others then.
// Source:  v3 API, section 1; etcd's client waits for a connection rather than fail a call at once.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/channel.h"
#include "env/env.h"

namespace quorate::client {

struct NetChannelOptions {
  std::vector<env::Address> endpoints;  // tried in order, beginning with the one that worked last; at least one
  Duration dial_timeout = 2s;           // for one endpoint; then the next one is tried
  std::optional<Duration> patience;     // for a connection, all endpoints together; none: no end but the calls' own
  size_t max_message_bytes = 2'147'483'647;
  Duration keepalive_interval = 0s;  // 0 = no pings
  Duration keepalive_timeout = 6s;
};

class NetChannel final : public Channel {
 public:
  NetChannel(const env::LoopEnv& env, NetChannelOptions options);
  ~NetChannel() override;

  CallId open(std::string_view path, const CallOptions& options, CallEvents& events) override;
  void send(CallId call, Bytes message) override;
  void half_close(CallId call) override;
  void cancel(CallId call) override;

 private:
  // A call that waits for the connection keeps what it was told so far.
  struct Call {
    CallEvents* events = nullptr;
    std::string path;
    CallOptions options;
    std::optional<MonoTime> deadline;
    std::vector<Bytes> unsent;
    bool half_closed = false;
    http::CallId on_wire = 0;
    class Relay;
    std::unique_ptr<Relay> relay;
    env::TimerId timer = 0;  // while it waits; the connection has its own
  };

  void connect();
  void try_endpoint(size_t tries_left);
  void endpoint_failed(size_t tries_left, const Status& why);
  void connected(std::unique_ptr<env::Socket> socket);
  void stop_connecting();
  void start(Call& call);
  void end(CallId id, const Status& status, const http::Headers& trailers);
  void fail_waiting(const Status& status);
  const env::Address& endpoint() const { return options_.endpoints[endpoint_ % options_.endpoints.size()]; }

  const env::LoopEnv env_;
  const NetChannelOptions options_;
  std::map<CallId, Call> calls_;
  CallId next_call_ = 1;
  size_t endpoint_ = 0;
  bool connecting_ = false;
  uint64_t attempt_ = 0;  // a connect that answers for an older one is too late
  env::TimerId patience_timer_ = 0, dial_timer_ = 0, retry_timer_ = 0;
  Status last_error_;
  std::shared_ptr<bool> alive_;  // false once this is gone, for a connect under way
  std::unique_ptr<http::ClientConnection> connection_;
};

}  // namespace quorate::client
