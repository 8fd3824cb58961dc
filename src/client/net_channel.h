// client/net_channel.h: a Channel to one of several endpoints, over one connection at a time.
//
// Loop:    the one that it was made on.
// Invariants:
//   (1) Calls opened before the connection stands wait for it, and fail when no endpoint takes it in time.
//   (2) A lost connection ends its calls with kUnavailable; the next call connects again, endpoints in turn.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/channel.h"
#include "env/env.h"

namespace quorate::client {

struct NetChannelOptions {
  std::vector<env::Address> endpoints;  // tried in order, beginning with the one that worked last
  Duration dial_timeout = 2s;           // for all endpoints together
  size_t max_message_bytes = 2'147'483'647;
  Duration keepalive_interval = 0s;
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
    std::vector<Bytes> unsent;
    bool half_closed = false;
    http::CallId on_wire = 0;
    class Relay;
    std::unique_ptr<Relay> relay;
    env::TimerId deadline = 0;
  };

  void connect();
  void try_endpoint(size_t tries_left);
  void connected(std::unique_ptr<env::Socket> socket);
  void start(CallId id, Call& call);
  void end(CallId id, const Status& status, const http::Headers& trailers);
  void fail_waiting(const Status& status);

  const env::LoopEnv env_;
  const NetChannelOptions options_;
  std::map<CallId, Call> calls_;
  CallId next_call_ = 1;
  size_t endpoint_ = 0;
  bool connecting_ = false;
  MonoTime dial_deadline_{};
  env::TimerId dial_timer_ = 0, retry_timer_ = 0;
  Status last_error_;
  std::shared_ptr<bool> alive_;  // false once this is gone, for a connect under way
  std::unique_ptr<http::ClientConnection> connection_;
};

}  // namespace quorate::client
