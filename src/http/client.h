// http/client.h: the other side of the port: gRPC calls over one HTTP/2 connection, on one loop.
//
// Loop: the one that it was made on.
// Invariants:
//   (1) Events of a call end with on_end, once; every call ends, also when the connection is lost
//       (kUnavailable) or its deadline passes (kDeadlineExceeded "context deadline exceeded").
//   (2) A ClientConnection is not destroyed from within an event of its calls (post that); from within
//       on_lost it may be.
#pragma once

#include <memory>
#include <optional>

#include "http/server.h"

namespace quorate::http {

// What a call tells its maker.
class CallEvents {
 public:
  virtual ~CallEvents() = default;
  virtual void on_message(Bytes message) = 0;
  virtual void on_end(const Status& status, const Headers& trailers) = 0;
};

struct CallOptions {
  std::optional<Duration> timeout;
  Headers metadata;
};

struct ClientOptions {
  size_t max_message_bytes = 2'147'483'647;
  std::string authority = "127.0.0.1:2379";
  Duration keepalive_interval = 0s;  // 0 = no pings
  Duration keepalive_timeout = 6s;
};

class ClientConnection {
 public:
  // `socket` is connected. `on_lost` is called once when the connection is gone.
  static std::unique_ptr<ClientConnection> create(const env::LoopEnv& env, std::unique_ptr<env::Socket> socket,
                                                  const ClientOptions& options,
                                                  std::move_only_function<void(const Status&)> on_lost);
  virtual ~ClientConnection() = default;

  // Opens a call; `events` must live until on_end or cancel.
  virtual CallId open(std::string_view path, const CallOptions& options, CallEvents& events) = 0;
  virtual void send(CallId call, Bytes message) = 0;
  virtual void half_close(CallId call) = 0;
  // No event comes after this.
  virtual void cancel(CallId call) = 0;
};

}  // namespace quorate::http
