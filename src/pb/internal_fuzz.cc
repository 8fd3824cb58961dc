// Log entries' payloads: what decodes can be logged again under its own id and payload.
#include <string>
#include <type_traits>

#include "base/check.h"
#include "pb/codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quorate::pb;
  InternalRequest first;
  if (!decode(std::string_view(reinterpret_cast<const char*>(data), size), first)) return 0;
  std::visit(
      [&]<class Body>(const Body& body) {
        if constexpr (!std::is_same_v<Body, std::monostate>) {
          const std::string body_bytes = encode(body);
          const std::string bytes = encode_internal(first.id, first.payload, body_bytes);
          InternalRequest second;
          CHECK(decode(bytes, second));
          CHECK(second.id == first.id && second.payload == first.payload);
          CHECK(encode(std::get<Body>(second.body)) == body_bytes);
        }
      },
      first.body);
  return 0;
}
