// Any bytes, as they are and with the checksum that they should have: refused, or read within their bounds.
#include "base/check.h"
#include "base/crc32c.h"
#include "env/recorder.h"

namespace {

void look(std::string_view bytes) {
  const auto recording = quorate::env::decode_recording(bytes);
  if (!recording) return;
  for (const auto& input : recording->inputs) {
    CHECK(input.bytes.empty() || (input.bytes.data() >= bytes.data() &&
                                  input.bytes.data() + input.bytes.size() <= bytes.data() + bytes.size()));
  }
  for (const auto& fact : recording->facts) CHECK(fact.name.size() + fact.value.size() <= bytes.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  look(bytes);
  const uint32_t sum = quorate::crc32c(bytes);
  for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<char>(sum >> (8 * i)));
  look(bytes);
  return 0;
}
