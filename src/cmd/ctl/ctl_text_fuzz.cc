// What people and scripts write: quoted words, comparisons, requests, watch lines, durations.
#include <cstdint>

#include "base/check.h"
#include "cmd/ctl/go_text.h"
#include "cmd/ctl/txn_parser.h"
#include "cmd/ctl/watch_arguments.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quorate::cmd::ctl;
  const std::string text(reinterpret_cast<const char*>(data), size);
  CHECK(unquote(quote(text)) == text);
  (void)unquote(text);
  (void)split_words(text);
  (void)parse_duration(text);
  (void)parse_int(text, 0);
  (void)parse_watch_line(text, {});
  TxnDraft draft;
  std::string usage;
  (void)draft.add_compare(text);
  (void)draft.add_success(text, usage);
  return 0;
}
