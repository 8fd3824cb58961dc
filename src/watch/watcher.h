// watch/watcher.h: one watcher of one stream: what it wants, and how far it has been told.
//
// Loop:    core.
// Source:  v3 API, sections 6.1 and 6.3.
// Invariant: every event from `start` on and below `next` that the watcher wants was delivered, and none from
//          `next` on; for a synced watcher the hub's own `next` counts where it is higher.
#pragma once

#include <cstdint>
#include <list>
#include <string>

#include "base/ids.h"
#include "mvcc/key_range.h"
#include "pb/rpc.h"

namespace quorate::watch {

struct Group;
struct Stream;

struct Watcher {
  enum class Phase {
    kSynced,   // in the audience: told of each revision as it comes
    kReady,    // lags, and may be caught up
    kBlocked,  // lags, and waits until its stream has drained
    kEnded,    // overtaken by a compaction; holds its id until the client cancels it
  };

  mvcc::KeyRange range() const { return {key, end}; }
  bool wants(pb::EventType type) const { return type == pb::EventType::kPut ? puts : deletes; }

  Stream* stream = nullptr;
  int64_t id = 0;
  std::string key, end;  // as in KeyRange
  bool puts = true, deletes = true, prev_kv = false, fragment = false;
  bool progress_notify = false, told_since_tick = false;
  Phase phase = Phase::kSynced;
  Revision start = 0;  // as requested; 0: from its creation on
  Revision next = 0;
  std::string encoded_id;  // the field watch_id of its answers

  Group* group = nullptr;  // while synced: where it stands in the audience
  uint32_t place_in_group = 0;
  std::list<Watcher*>::iterator place_in_queue;  // while it lags
};

}  // namespace quorate::watch
