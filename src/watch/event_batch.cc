#include "watch/event_batch.h"

#include <utility>

#include "pb/codec.h"

namespace quorate::watch {

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
  events_.clear();
  has_prev_kv_ = false;
  for (size_t form : {0, 1}) {
    wanted_[form].clear();
    parts_[form].clear();
  }
  chunks_.clear();
}

}  // namespace quorate::watch
