// watch/event_batch.h: events that are encoded once for all watchers that want them.
//
// Use: add all events; want what is wanted; encode; then part() and chunk(). clear() begins anew.
// Events are views: what they point at must live until encode() returns.
// Loop:    core; the chunks go to any.
// Invariants:
//   (1) Each event is encoded at most once with its prev_kv and once without, and only where wanted.
//   (2) Encodings lie in chunks of about kChunkBytes, in the order of the events; a larger event has its own.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "pb/rpc.h"

namespace quorate::watch {

class EventBatch {
 public:
  static constexpr size_t kChunkBytes = 32 * 1024;

  // Where one element of WatchResponse.events lies.
  struct Part {
    uint32_t chunk = 0;
    uint32_t offset = 0;
    uint32_t size = 0;  // 0: not encoded
  };

  void add(const pb::Event& event);
  size_t size() const { return events_.size(); }
  bool empty() const { return events_.empty(); }
  const pb::Event& operator[](size_t event) const { return events_[event]; }

  void want(size_t event, bool prev_kv) { wanted_[form(prev_kv)][event] = true; }
  void encode();
  const Part& part(size_t event, bool prev_kv) const { return parts_[form(prev_kv)][event]; }
  const Bytes& chunk(uint32_t index) const { return chunks_[index]; }
  void clear();

  // About the size of its encoding.
  static size_t bytes_of(const pb::Event& event);

  // Since the batch was made; for tests of cost.
  uint64_t bytes_encoded() const { return bytes_encoded_; }
  uint64_t events_encoded() const { return events_encoded_; }

 private:
  // Where no event has a prev_kv both forms are one.
  size_t form(bool prev_kv) const { return prev_kv && has_prev_kv_ ? 1 : 0; }
  void seal(std::string& open);

  std::vector<pb::Event> events_;
  std::array<std::vector<bool>, 2> wanted_;
  std::array<std::vector<Part>, 2> parts_;
  std::vector<Bytes> chunks_;
  bool has_prev_kv_ = false;
  uint64_t bytes_encoded_ = 0, events_encoded_ = 0;
};

}  // namespace quorate::watch
