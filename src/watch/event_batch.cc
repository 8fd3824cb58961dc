#include "watch/event_batch.h"

#include <utility>

#include "pb/codec.h"

namespace quorate::watch {

namespace {

constexpr size_t kNumbersBytes = 32;     // of a key, about: its revisions, version, lease and the tags
constexpr size_t kKeptEventsMax = 4096;  // memory for more is given back

}  // namespace

size_t EventBatch::bytes_of(const pb::Event& event) {
  size_t bytes = kNumbersBytes + event.kv.key.size() + event.kv.value.size();
  if (event.prev_kv) bytes += kNumbersBytes + event.prev_kv->key.size() + event.prev_kv->value.size();
  return bytes;
}

void EventBatch::add(const pb::Event& event) {
  events_.push_back(event);
  has_prev_kv_ |= event.prev_kv.has_value();
  for (size_t form : {0, 1}) {
    wanted_[form].push_back(false);
    parts_[form].emplace_back();
  }
}

void EventBatch::encode() {
  std::string open;
  for (size_t form : {0, 1}) {
    for (size_t i = 0; i < events_.size(); ++i) {
      if (!wanted_[form][i]) continue;
      if (bytes_of(events_[i]) >= kChunkBytes) seal(open);
      const size_t offset = open.size();
      if (form == 0 && events_[i].prev_kv) {
        pb::append_watch_event({.type = events_[i].type, .kv = events_[i].kv, .prev_kv = {}}, open);
      } else {
        pb::append_watch_event(events_[i], open);
      }
      const size_t size = open.size() - offset;
      parts_[form][i] = {.chunk = static_cast<uint32_t>(chunks_.size()),
                         .offset = static_cast<uint32_t>(offset),
                         .size = static_cast<uint32_t>(size)};
      ++events_encoded_;
      bytes_encoded_ += size;
      if (open.size() >= kChunkBytes) seal(open);
    }
  }
  seal(open);
}

void EventBatch::seal(std::string& open) {
  if (!open.empty()) chunks_.push_back(Bytes::adopt(std::exchange(open, {})));
}

void EventBatch::clear() {
  if (events_.capacity() > kKeptEventsMax) {
    events_ = {};
    parts_ = {};
  }
  events_.clear();
  has_prev_kv_ = false;
  for (size_t form : {0, 1}) {
    wanted_[form].clear();
    parts_[form].clear();
  }
  chunks_.clear();
}

}  // namespace quorate::watch
