// http/gzip.h: gzip of whole messages, as gRPC's peers in Go read and write it.
//
// Threads: any; pure functions. Source: RFC 1952; the error texts are Go's and grpc-go's.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace quorate::http {

// All members of `compressed`, one behind the other. Errors: Internal where it is broken, ResourceExhausted where it
// gives more than `bytes_max`; no more than that is ever held.
Result<std::string> gunzip(std::string_view compressed, size_t bytes_max);
// Quick rather than small: it is done between the turns of a loop.
std::string gzip(std::string_view text);

}  // namespace quorate::http
