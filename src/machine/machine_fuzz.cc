// Entries may come from a leader that is not ours: whatever they hold, the machine goes on, and a second one
// with another role and clock answers the same.

#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "machine/machine.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quorate;
  machine::Machine leader{machine::Options{}};
  machine::Machine follower{machine::Options{}};
  leader.lessor().promote(MonoTime(), 1s);
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  Index index = 0;
  // Each entry: one byte of length, then its data.
  for (size_t at = 0; at < input.size();) {
    const size_t length = static_cast<uint8_t>(input[at++]);
    const std::string_view text = input.substr(at, length);
    at += text.size();
    const pb::Entry entry{.type = pb::EntryType::kNormal, .term = 1, .index = ++index, .data = Bytes::copy(text)};
    const machine::Outcome a = leader.apply(entry, MonoTime() + std::chrono::seconds(index));
    const machine::Outcome b = follower.apply(entry, MonoTime());
    CHECK(a.status == b.status && a.request == b.request && a.response.index() == b.response.index());
    CHECK(leader.store().revision() == follower.store().revision());
    CHECK(leader.store().bytes() == follower.store().bytes());
    CHECK(leader.lessor().size() == follower.lessor().size());
  }
  return 0;
}
