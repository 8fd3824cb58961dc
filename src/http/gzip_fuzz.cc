// Any bytes: what they give is bounded, and survives being compressed; any text comes back.
#include "base/check.h"
#include "http/gzip.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quorate;  // NOLINT: the names are few
  constexpr size_t kBytesMax = 100'000;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto opened = http::gunzip(text, kBytesMax)) {
    CHECK(opened->size() <= kBytesMax);
    CHECK(*http::gunzip(http::gzip(*opened), kBytesMax) == *opened);
  }
  CHECK(*http::gunzip(http::gzip(text), size) == text);
  return 0;
}
