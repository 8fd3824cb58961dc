// watch/hub.h: who is told of what: watchers on streams, fed from the store's history.
//
// Loop:    core. Not safe for any other.
// Source:  v3 API, section 6 whole.
// Invariants:
//   (1) A watcher's events rise strictly in revision; all events of one revision come in one answer.
//   (2) No event with a revision from its start on is skipped: a watcher is either synced, or is caught up from
//       history, or is cancelled with the compact revision.
//   (3) Progress is never ahead of events: a revision is only reported when everything up to it was delivered.
//   (4) A slow stream never holds up another, and holds at most limits::kWatchStreamBytesHigh unsent bytes and
//       one answer; limits::kWatchShareBytes and one answer where all hold more than limits::kWatchBytesHigh.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "mvcc/store.h"
#include "pb/rpc.h"

namespace quorate::watch {

// Where a stream's answers go. Pieces together are one encoded WatchResponse; the shared parts (events encoded
// once for many streams) are pieces of their own. Returns the stream's unsent bytes, this answer included. Must not
// call the hub; every later fall of that number is told by Hub::drained.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual size_t deliver(std::vector<Bytes> pieces) = 0;
};

using StreamId = uint64_t;  // never 0, never used again

struct Options {
  ClusterId cluster = 0;
  MemberId member = 0;
  size_t fragment_bytes = 2'097'152;   // --max-request-bytes + 512 KiB
  Duration progress_interval = 10min;  // --watch-progress-notify-interval
};

class Hub {
 public:
  // `store` and `term` (asked for every header) must outlive the hub.
  Hub(const mvcc::Store& store, std::function<Term()> term, const Options& options);
  ~Hub();

  StreamId open(Sink& sink);
  void close(StreamId stream);

  // Handles one request of a stream: its answer, created or canceled, goes to the sink at once.
  void handle(StreamId stream, const pb::WatchRequest& request);

  // The store has moved: delivers to all synced watchers. To be called after every applied entry, before the next:
  // a compaction would take history that was not delivered, and the watchers would be cancelled.
  void advance();
  // Catches lagging watchers up, at most about `revisions_max` revisions with events in this call, or what costs as
  // much: many without any, or few large ones. Returns whether more work waits.
  bool step(size_t revisions_max);
  // For progress_notify.
  void tick(MonoTime now);
  // The stream's unsent bytes fell to this.
  void drained(StreamId stream, size_t queued_bytes);

  struct Counters {
    uint64_t streams = 0, watchers = 0, slow_watchers = 0;  // now
    uint64_t events = 0;                                    // delivered so far
    size_t unsent_bytes = 0;                                // of all streams
  };
  Counters counters() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace quorate::watch
