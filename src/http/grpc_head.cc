#include "http/grpc_head.h"

#include <string>
#include <utility>

#include "http/grpc_text.h"

namespace quorate::http {

std::expected<GrpcHead, GrpcRefusal> read_grpc_head(std::string_view method, const Headers& headers) {
  const auto refuse = [](int http_status, Status status) {
    return std::unexpected(GrpcRefusal{.http_status = http_status, .status = std::move(status)});
  };
  if (method != "POST") {
    return refuse(405, Status(Code::kInternal, "Received a HEADERS frame with :method \"" + std::string(method) +
                                                   "\" which should be POST"));
  }
  GrpcHead head;
  const std::string_view timeout = header_of(headers, "grpc-timeout");
  if (timeout.data() != nullptr) {  // an empty one is there, and malformed
    auto parsed = parse_grpc_timeout(timeout);
    if (!parsed) return refuse(400, parsed.error());
    head.timeout = *parsed;
  }
  if (Status status = check_binary_metadata(headers); !status.ok()) return refuse(400, std::move(status));
  if (head.timeout && *head.timeout <= 0ns) return refuse(200, errors::ContextDeadlineExceeded());
  for (const auto& [name, value] : headers) {
    if (name == "grpc-encoding") head.encoding = value;  // the last one counts
  }
  if (!head.encoding.empty() && head.encoding != "identity" && head.encoding != "gzip") {
    return refuse(200, Status(Code::kUnimplemented, "grpc: Decompressor is not installed for grpc-encoding \"" +
                                                        std::string(head.encoding) + "\""));
  }
  return head;
}

}  // namespace quorate::http
