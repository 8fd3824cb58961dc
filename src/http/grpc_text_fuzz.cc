// Any text: an encoded message is plain and is its own meaning; a deadline is refused or survives a round trip.
#include <algorithm>

#include "base/check.h"
#include "http/grpc_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quorate;  // NOLINT: the names are few
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string encoded = http::encode_grpc_message(text);
  CHECK(std::all_of(encoded.begin(), encoded.end(), [](char c) { return c >= 0x20 && c <= 0x7e; }));
  const std::string decoded = http::decode_grpc_message(encoded);
  CHECK(http::encode_grpc_message(decoded) == encoded);
  (void)http::decode_grpc_message(text);
  if (const auto timeout = http::parse_grpc_timeout(text)) {
    CHECK(*timeout >= Duration(0));
    const auto again = http::parse_grpc_timeout(http::format_grpc_timeout(*timeout));
    CHECK(again.has_value() && *again >= *timeout);
  }
  const ptrdiff_t fault = http::base64_fault(text);
  CHECK(fault >= -1 && fault <= static_cast<ptrdiff_t>(size));
  return 0;
}
