// Any bytes, in any parts: messages are the same as in one part, and none is above the limit.
#include "base/check.h"
#include "http/message_reader.h"

namespace {

using quorate::Bytes;
using quorate::Status;
using quorate::http::MessageReader;

std::string read_all(std::string_view text, size_t cut, bool gzip) {
  MessageReader reader;
  reader.reset({.max_message_bytes = 300, .compressed = quorate::Code::kUnimplemented});
  reader.set_encoding("gzip");
  if (gzip) reader.take_gzip();
  std::string seen;
  while (!text.empty()) {
    std::string_view part = text.substr(0, cut);
    text.remove_prefix(part.size());
    while (true) {
      Bytes message;
      Status error;
      const MessageReader::Next next = reader.next(part, message, error);
      CHECK(reader.held_bytes() <= 305);
      if (next == MessageReader::Next::kNeedMore) break;
      if (next == MessageReader::Next::kError) return seen + "!" + error.text();
      CHECK(message.size() <= 300);
      seen += std::to_string(message.size()) + ":" + std::string(message.view());
    }
    CHECK(part.empty());
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  for (const bool gzip : {false, true}) {
    CHECK(read_all(text, 1 + data[0], gzip) == read_all(text, std::string_view::npos, gzip));
  }
  return 0;
}
