// api/access.h: which browsers and host names may use a client port without TLS.
//
// Threads: any; a value. Source: server, section 2.1, cross-cutting.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "http/server.h"

namespace quorate::api {

// Lists are sorted; "*" in one, and an empty one, allow everything.
struct Access {
  std::vector<std::string> origins{"*"};  // --cors
  std::vector<std::string> hosts{"*"};    // --host-whitelist

  // What Access-Control-Allow-Origin says to `origin`; empty when it is not allowed.
  std::string_view allowed_origin(std::string_view origin) const;
  // `host` as a request has it: "name:port".
  bool allows_host(std::string_view host) const;
};

// The name in "name:port", "[::1]:port" or "name".
std::string_view host_name(std::string_view host);

void allow_origin(std::string_view origin, http::Headers& headers);
// 421, and what to do about it.
http::PlainResponse misdirected(std::string_view name);

}  // namespace quorate::api
