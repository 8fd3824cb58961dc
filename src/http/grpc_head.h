// http/grpc_head.h: what the head of a gRPC call asks of the transport, or why the call is not taken.
//
// Threads: any. Source: gRPC over HTTP/2; the refusals are grpc-go's, its order among them too.
#pragma once

#include <expected>
#include <optional>
#include <string_view>

#include "base/status.h"
#include "base/time.h"
#include "http/server.h"

namespace quorate::http {

struct GrpcHead {
  std::optional<Duration> timeout;
  std::string_view encoding;  // of messages: empty, "identity" or "gzip"; a view into the headers
};

struct GrpcRefusal {
  int http_status = 200;
  Status status;
};

std::expected<GrpcHead, GrpcRefusal> read_grpc_head(std::string_view method, const Headers& headers);

}  // namespace quorate::http
