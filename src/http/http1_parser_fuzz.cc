// Any bytes, in any parts: the parser holds no more than it may and never takes a byte twice.
#include "base/check.h"
#include "http/http1_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using quorate::http::Http1Parser;
  if (size == 0) return 0;
  const size_t cut = 1 + data[0];
  std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  Http1Parser parser({.head_bytes_max = 512, .body_bytes_max = 256});
  while (!text.empty()) {
    std::string_view part = text.substr(0, cut);
    text.remove_prefix(part.size());
    size_t idle_steps = 0;
    while (!part.empty()) {
      const size_t before = part.size();
      const Http1Parser::Step step = parser.step(part);
      CHECK(part.size() <= before);
      if (step == Http1Parser::Step::kError) {
        CHECK(parser.error_status() >= 400 && parser.error_status() < 600);
        return 0;
      }
      idle_steps = part.size() == before ? idle_steps + 1 : 0;
      CHECK(idle_steps < 3);
      if (step != Http1Parser::Step::kRequest) continue;
      CHECK(parser.request().body.size() <= 256);
      CHECK(!parser.request().path.empty());
    }
  }
  return 0;
}
