// client/channel.h: how calls reach a server: over the net, or inside the process.
//
// Loop:    the one that the channel was made on.
// Invariants:
//   (1) Every call ends with one on_end, unless it was cancelled by its maker.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "http/client.h"

namespace quorate::client {

using http::CallEvents;
using http::CallOptions;

// Names one call of one channel; 0 is none.
using CallId = uint64_t;

class Channel {
 public:
  virtual ~Channel() = default;

  // Opens a call of "/package.Service/Method"; `events` must live until on_end or cancel.
  virtual CallId open(std::string_view path, const CallOptions& options, CallEvents& events) = 0;
  virtual void send(CallId call, Bytes message) = 0;
  virtual void half_close(CallId call) = 0;
  virtual void cancel(CallId call) = 0;
};

// One request, one answer. `done` is called once; it gets kInternal when an ok call brought no message.
void unary(Channel& channel, std::string_view path, Bytes message, const CallOptions& options,
           std::move_only_function<void(Result<Bytes>)> done);

}  // namespace quorate::client
