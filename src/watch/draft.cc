#include "watch/draft.h"

#include <utility>

#include "pb/codec.h"

namespace quorate::watch {

namespace {

// A slice that is less than this part of its chunk is copied. So a stream holds at most so many times what it is owed.
constexpr size_t kSlicesPerChunkMax = 8;

std::string encoded_fragment() {
  pb::WatchResponse response;
  response.fragment = true;
  return pb::encode(response);
}

}  // namespace

Draft::Draft(size_t fragment_bytes) : fragment_bytes_(fragment_bytes), fragment_mark_(encoded_fragment()) {}

// As etcd cuts them: an answer below the bound, or of one event, is whole; the mark counts while filling.
size_t Draft::add(const Watcher& watcher, std::string_view head, const EventBatch& batch,
                  std::span<const uint32_t> events) {
  const size_t fixed = head.size() + watcher.encoded_id.size();
  auto size_of = [&](uint32_t event) { return batch.part(event, watcher.prev_kv).size; };
  size_t total = fixed;
  if (watcher.fragment) {
    for (const uint32_t event : events) total += size_of(event);
  }
  if (!watcher.fragment || total < fragment_bytes_ || events.size() < 2) {
    begin(head, watcher, false);
    add_events(watcher, batch, events);
    return 1;
  }
  size_t answers = 0;
  while (!events.empty()) {
    size_t size = fixed + fragment_mark_.size() + size_of(events[0]);
    size_t taken = 1;
    while (taken < events.size() && size + size_of(events[taken]) < fragment_bytes_) size += size_of(events[taken++]);
    begin(head, watcher, taken < events.size());
    add_events(watcher, batch, events.first(taken));
    events = events.subspan(taken);
    ++answers;
  }
  return answers;
}

void Draft::begin(std::string_view head, const Watcher& watcher, bool fragment) {
  answers_.push_back(pieces_.size());
  pieces_.push_back({.shared = {}, .begin = text_.size(), .end = text_.size()});
  own(head);
  own(watcher.encoded_id);
  if (fragment) own(fragment_mark_);
}

void Draft::own(std::string_view text) {
  if (!pieces_.back().shared.empty()) pieces_.push_back({.shared = {}, .begin = text_.size(), .end = text_.size()});
  text_ += text;
  pieces_.back().end = text_.size();
}

void Draft::add_events(const Watcher& watcher, const EventBatch& batch, std::span<const uint32_t> events) {
  for (size_t i = 0; i < events.size();) {
    EventBatch::Part run = batch.part(events[i], watcher.prev_kv);
    for (++i; i < events.size(); ++i) {
      const EventBatch::Part& next = batch.part(events[i], watcher.prev_kv);
      if (next.chunk != run.chunk || next.offset != run.offset + run.size) break;
      run.size += next.size;
    }
    share(batch.chunk(run.chunk), run);
  }
}

void Draft::share(const Bytes& chunk, const EventBatch::Part& run) {
  if (run.size * kSlicesPerChunkMax >= chunk.size()) {
    pieces_.push_back({.shared = chunk.slice(run.offset, run.size), .begin = 0, .end = 0});
  } else {
    own(chunk.view().substr(run.offset, run.size));
  }
}

void Draft::seal() { block_ = Bytes::adopt(std::exchange(text_, {})); }

std::vector<Bytes> Draft::take(size_t answer) {
  const size_t begin = answers_[answer];
  const size_t end = answer + 1 < answers_.size() ? answers_[answer + 1] : pieces_.size();
  std::vector<Bytes> out;
  out.reserve(end - begin);
  for (size_t i = begin; i < end; ++i) {
    Piece& piece = pieces_[i];
    out.push_back(piece.shared.empty() ? block_.slice(piece.begin, piece.end - piece.begin) : std::move(piece.shared));
  }
  return out;
}

void Draft::clear() {
  text_.clear();
  block_ = {};
  pieces_.clear();
  answers_.clear();
}

}  // namespace quorate::watch
