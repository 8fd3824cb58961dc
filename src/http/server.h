// http/server.h: one port for HTTP/1.1 and HTTP/2, on one loop: gRPC calls and plain requests.
//
// Loop: the io loop that it was made on; a Server is not shared.
// Source: RFC 9113, RFC 9112, gRPC over HTTP/2; docs/formats has nothing of ours here.
// Invariants:
//   (1) For every CallId: on_call or on_request first, once; after on_cancel, finish or respond nothing more.
//   (2) A CallId is never used again by a Server, so a late answer to a dead call is ignored, not misdelivered.
//   (3) Bytes queued for a call are bounded only by its producer, who is told by on_drained.
//   (4) Answers leave at the end of the turn in which they are given, in the Server's turn hook. A hook that is
//       registered after it and answers calls must post that (env/loop.h).
//   (5) Above limits::kUnsentBytesHigh of answers, or half of limits::kUnfinishedBytesMax of requests, who makes no
//       progress for limits::kStalledMax is cut, with a line in the log.
//   (6) A Server is not destroyed from within an event of its Handler.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "base/time.h"
#include "env/env.h"

namespace quorate::http {

// One call of one Server. Never 0.
using CallId = uint64_t;

using Headers = std::vector<std::pair<std::string, std::string>>;  // names in lower case

// The first value of a header, or an empty view.
std::string_view header_of(const Headers& headers, std::string_view name);

// The head of a gRPC call (POST, content-type application/grpc*).
struct CallHead {
  std::string path;                 // "/package.Service/Method"
  std::string peer;                 // "127.0.0.1:40000"
  uint64_t connection = 0;          // which one of the server's; never 0, never used again
  std::optional<Duration> timeout;  // grpc-timeout
  Headers headers;                  // metadata and the rest, without pseudo-headers
};

// A plain request, whole.
struct PlainRequest {
  std::string method;  // "GET"
  std::string path;    // decoded no further, without the query
  std::string query;   // without the "?"
  std::string peer;
  Headers headers;
  Bytes body;
  bool http2 = false;
};

struct PlainResponse {
  int status = 200;
  Headers headers;  // content-length and date are added
  Bytes body;
};

// What a Server tells; implemented above. Calls come on the io loop.
class Handler {
 public:
  virtual ~Handler() = default;

  virtual void on_call(CallId call, CallHead&& head) = 0;
  // One whole gRPC message, in order. Never larger than ServerOptions::max_message_bytes.
  virtual void on_message(CallId call, Bytes message) = 0;
  // The client will send no more.
  virtual void on_half_close(CallId call) = 0;
  // The client ended within a message: how the call is to end. on_cancel follows.
  virtual Status cut_off(CallId call) {
    (void)call;
    return {Code::kInternal, "unexpected EOF"};
  }
  // Reset by the client, its deadline passed (the client has been answered), or its connection is gone.
  virtual void on_cancel(CallId call) = 0;
  // `queued_bytes` of this call are still unsent; told when they fall below limits::kOutputBytesHigh after
  // having been above it, so that a producer may go on.
  virtual void on_drained(CallId call, size_t queued_bytes) = 0;

  virtual void on_request(CallId call, PlainRequest&& request) = 0;
};

// What a port speaks; a connection that begins otherwise is closed.
enum class Protocols : uint8_t { kBoth, kHttp1, kHttp2 };

struct ServerOptions {
  Protocols protocols = Protocols::kBoth;
  size_t max_message_bytes = 2'097'152;             // of one gRPC message, without its prefix
  size_t max_body_bytes = 2'097'152;                // of a plain request
  uint32_t max_concurrent_streams = 4'294'967'295;  // as announced; nghttp2's own state bounds it too
  Duration keepalive_min_time = 5s;                 // between a client's pings, else GOAWAY too_many_pings
  Duration keepalive_interval = 2h;                 // of our pings on an idle connection; 0 = none
  Duration keepalive_timeout = 20s;                 // for their answers
};

// Counted by the server, read by whoever exports them. Loop: the server's.
struct ServerCounters {
  uint64_t connections_accepted = 0;
  uint64_t connections_open = 0;
  uint64_t grpc_received_bytes = 0;  // of messages
  uint64_t grpc_sent_bytes = 0;
};

class Server {
 public:
  // `handler` must outlive the server.
  static std::unique_ptr<Server> create(const env::LoopEnv& env, const ServerOptions& options, Handler& handler);
  virtual ~Server() = default;  // closes all connections without a word

  // Takes over a connection whose first bytes decide its protocol.
  virtual void adopt(std::unique_ptr<env::Socket> socket) = 0;

  // A gRPC answer message; response headers go out before the first. Returns the call's unsent bytes.
  virtual size_t send(CallId call, Bytes message) = 0;
  // Same with several pieces that make one message, so that a large answer need not be joined.
  virtual size_t send_pieces(CallId call, std::vector<Bytes> pieces) = 0;
  // Same of a message that is made while it leaves: its whole size first, then its parts, which must add up to it.
  // A call that ends before that is reset: half a message cannot be taken back.
  virtual void begin_message(CallId call, size_t message_bytes) = 0;
  virtual size_t send_part(CallId call, Bytes part) = 0;
  // Ends a gRPC call: grpc-status, grpc-message (percent-encoded) and `trailers`.
  virtual void finish(CallId call, const Status& status, const Headers& trailers = {}) = 0;
  // Answers a plain request.
  virtual void respond(CallId call, PlainResponse&& response) = 0;

  // GOAWAY (HTTP/2) and connection: close (HTTP/1); new calls are refused, running ones may end.
  virtual void drain() = 0;
  virtual size_t open_connections() const = 0;
  // What of answers has not left: of all calls, and of those on this call's connection.
  virtual size_t unsent_bytes() const = 0;
  virtual size_t unsent_bytes(CallId call) = 0;
  // What is held of requests that are not whole.
  virtual size_t unfinished_bytes() const = 0;
  virtual const ServerCounters& counters() const = 0;
};

}  // namespace quorate::http
