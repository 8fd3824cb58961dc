// watch/draft.h: the answers that one stream gets for one batch, drawn up together.
//
// The bytes that belong to single answers (header, watch id) share one block per draft, so that many watchers of one
// stream cost one allocation; the events are slices of the batch's chunks. A block is held until its last slice is
// sent, so short slices of large chunks are copied: what a stream holds stays in proportion to what it is owed.
//
// Loop:    core; the pieces go to any.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "watch/event_batch.h"
#include "watch/watcher.h"

namespace quorate::watch {

class Draft {
 public:
  Draft(size_t fragment_bytes);

  // The events of `batch` named by `events`, in the watcher's form, as one answer, or as several where it asked for
  // fragments. `head` is the encoded field header. Returns how many answers.
  size_t add(const Watcher& watcher, std::string_view head, const EventBatch& batch, std::span<const uint32_t> events);
  // Of the own block so far.
  size_t block_bytes() const { return text_.size(); }
  // No more is added.
  void seal();
  // The pieces of answer number `answer`, in the order of add(). Once each.
  std::vector<Bytes> take(size_t answer);
  void clear();

 private:
  struct Piece {
    Bytes shared;               // or, where empty:
    size_t begin = 0, end = 0;  // of the own block
  };

  void begin(std::string_view head, const Watcher& watcher, bool fragment);
  void own(std::string_view text);
  void share(const Bytes& chunk, const EventBatch::Part& run);
  void add_events(const Watcher& watcher, const EventBatch& batch, std::span<const uint32_t> events);

  const size_t fragment_bytes_;
  const std::string fragment_mark_;  // the encoded field fragment
  std::string text_;
  Bytes block_;
  std::vector<Piece> pieces_;
  std::vector<size_t> answers_;  // where each begins in pieces_
};

}  // namespace quorate::watch
