// cmd/ctl/endpoints.h: for commands that go to each member by itself.
//
// Threads: one.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/ctl/command.h"
#include "cmd/ctl/session.h"

namespace quorate::cmd::ctl {

// The endpoints that were named, or with --cluster those of all members. On failure the exit code, the error being
// printed.
std::expected<std::vector<std::string>, int> endpoints_of(Invocation& invocation, Session& session);

// A unary call of one of them, waited for.
template <class Response, class Request>
Result<Response> ask_endpoint(Session& session, const std::string& endpoint, std::string_view path,
                              const Request& request, const CallLimits& limits) {
  auto channel = session.channel_to(endpoint);
  if (!channel) return fail(channel.error());
  return session.call_generated<Response>(**channel, path, request, limits);
}

}  // namespace quorate::cmd::ctl
