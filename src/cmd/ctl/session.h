// cmd/ctl/session.h: a world of one loop in which a command makes its calls and waits for them.
//
// Threads: one, which is the loop's whenever run_until() takes turns.
// Invariants:
//   (1) Nothing happens but within run_until() and the calls that are built on it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/calls.h"
#include "client/net_channel.h"
#include "cmd/ctl/global_options.h"
#include "env/posix/world.h"

namespace quorate::cmd::ctl {

struct CallLimits {
  std::optional<Duration> timeout;
  // The call changes nothing: it is made again when the connection was lost under it.
  bool repeatable = false;
  http::Headers metadata = {};
};

class Session {
 public:
  // Errors: an endpoint that names nothing.
  static Result<std::unique_ptr<Session>> open(const GlobalOptions& options);
  ~Session();

  // To all endpoints, one at a time.
  client::Channel& channel() { return *channel_; }
  // To one of them, by its place in the options. Errors: as open().
  Result<std::unique_ptr<client::Channel>> channel_to(const std::string& endpoint);

  // A unary call, waited for.
  Result<Bytes> call(client::Channel& channel, std::string_view path, std::string request, const CallLimits& limits);

  // The same with pb's messages.
  template <class Response, class Request>
  Result<client::Reply<Response>> call(std::string_view path, const Request& request, const CallLimits& limits) {
    TRY(Bytes bytes, call(*channel_, path, pb::encode(request), limits));
    client::Reply<Response> reply{std::move(bytes), {}};
    if (!pb::decode(reply.buffer.view(), reply.message))
      return fail(Code::kInternal, "the server's answer is no valid message");
    return reply;
  }

  // The same with protobuf's messages, for the rarer calls.
  template <class Response, class Request>
  Result<Response> call_generated(client::Channel& channel, std::string_view path, const Request& request,
                                  const CallLimits& limits) {
    TRY(Bytes bytes, call(channel, path, request.SerializeAsString(), limits));
    Response response;
    if (!response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return fail(Code::kInternal, "the server's answer is no valid message");
    }
    return response;
  }

  // Takes turns until `done`, which is asked after each.
  void run_until(const std::function<bool()>& done);
  void sleep(Duration duration);

  env::LoopEnv loop_env() { return world_->env().core_loop(); }
  env::posix::PosixLoop& loop() { return world_->core(); }

 private:
  explicit Session(const GlobalOptions& options) : options_(options) {}
  Result<std::vector<env::Address>> addresses_of(const std::string& endpoint);
  std::unique_ptr<client::Channel> channel_over(std::vector<env::Address> addresses);

  const GlobalOptions options_;
  env::Trace trace_;
  std::unique_ptr<env::posix::World> world_;
  std::unique_ptr<client::Channel> channel_;
};

// The Error text of a failed call: a catalogued text stands alone, others are in gRPC's form.
std::string error_text(const Status& status);

}  // namespace quorate::cmd::ctl
