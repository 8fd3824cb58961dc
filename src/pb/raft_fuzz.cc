// Peers' messages and what the log holds: what decodes encodes, and decodes again to the same.
#include "pb/raft.h"

#include <string>

#include "base/check.h"
#include "pb/codec.h"

namespace quorate::pb {
namespace {

template <class Message>
void check_stable(const Bytes& buffer) {
  Message first;
  if (!decode(buffer, first)) return;
  const Bytes once = Bytes::adopt(encode(first));
  Message second;
  CHECK(decode(once, second));
  CHECK(second == first);
}

}  // namespace
}  // namespace quorate::pb

// The first byte says which message the rest is.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quorate::pb;
  if (size == 0) return 0;
  const auto buffer = quorate::Bytes::copy({reinterpret_cast<const char*>(data) + 1, size - 1});
  switch (data[0] % 5) {
    case 0: check_stable<Entry>(buffer); break;
    case 1: check_stable<Message>(buffer); break;
    case 2: check_stable<ConfChange>(buffer); break;
    case 3: check_stable<HardState>(buffer); break;
    default: check_stable<Snapshot>(buffer); break;
  }
  return 0;
}
