// server/apply_meter.h: how long requests take, by kind, and the warning about a slow one.
//
// Loop:    core.
// Source:  server, sections 3.2 (apply, request and range durations, etcd_mvcc_*) and 4 (`apply request took too
//          long`).
// Invariant: what is observed here changes nothing that is replicated.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "env/env.h"
#include "machine/machine.h"
#include "pb/raft.h"

namespace quorate::server {

class ApplyMeter {
 public:
  // A request that takes longer than `slow` is logged.
  ApplyMeter(const env::Env& env, Duration slow);

  // An entry was applied in `took`.
  void applied(const pb::Entry& entry, const machine::Outcome& outcome, Duration took);
  // A proposal got its outcome, whichever, `took` after it was made; or none in time.
  void answered(pb::Payload payload, bool in_time, Duration took);
  // Reads, from their arrival to their answer.
  void answered(const pb::RangeRequest& request, const Result<pb::RangeResponse>& response, Duration took);
  // A range whose answer of so many pairs and bytes is not held.
  void answered(const pb::RangeRequest& request, const Status& status, size_t pairs, size_t bytes, Duration took);
  void answered(const pb::TxnRequest& request, const Result<pb::TxnResponse>& response, Duration took);

 private:
  using Key = std::pair<std::string_view, bool>;  // the kind of request, and whether it succeeded
  void count(const machine::Tally& tally);
  void note_compaction(const machine::Outcome& outcome, Duration took);
  env::Histogram& apply_seconds(std::string_view op, bool ok);
  env::Histogram& request_seconds(std::string_view type, bool ok);
  void observe_range(bool ok, Duration took);
  void warn(Duration took, std::string_view prefix, std::string request, std::string response, const Status& error);

  const env::Env& env_;
  const Duration slow_;
  std::map<Key, env::Histogram*> apply_seconds_, request_seconds_;
  std::map<bool, env::Histogram*> range_seconds_;
  env::Counter& slow_applies_;
  env::Counter &ranges_, &puts_, &deletes_, &txns_;
  env::Gauge& put_bytes_;
  env::Gauge& compacted_at_;
  env::Histogram& compaction_ms_;
};

}  // namespace quorate::server
