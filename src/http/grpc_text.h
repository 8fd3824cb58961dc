// http/grpc_text.h: how gRPC writes statuses, deadlines and types into HTTP headers.
//
// Threads: any. Source: gRPC over HTTP/2; where it leaves a choice, what grpc-go sends.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace quorate::http {

// grpc-message: bytes outside 0x20..0x7e and '%' become %XX; what is not UTF-8 becomes U+FFFD first.
std::string encode_grpc_message(std::string_view text);
// The reverse; a broken escape stands for itself.
std::string decode_grpc_message(std::string_view text);

// grpc-timeout: up to eight digits and a unit of H M S m u n. Errors carry grpc-go's text, kInternal.
Result<Duration> parse_grpc_timeout(std::string_view text);
// The finest unit that fits in eight digits, rounded up; "0n" for what has passed.
std::string format_grpc_timeout(Duration timeout);

// Metadata whose names end in "-bin" are base64, padded or not. The error, kInternal, is grpc-go's, of the last that is
// not.
Status check_binary_metadata(const std::vector<std::pair<std::string, std::string>>& headers);
// What Go says of base64 that is broken: the offset of the first byte that is wrong; -1 of what is not.
ptrdiff_t base64_fault(std::string_view text);

// application/grpc, alone or followed by '+' or ';'.
bool is_grpc_content_type(std::string_view value);
// What the answer to a call of such a type says: the same, with '+' for ';'. Empty for application/grpc alone.
std::string echoed_content_type(std::string_view value);

}  // namespace quorate::http
