// sim/check.h: everything that was promised, compared with what was seen.
//
// Threads: any. Costs: O(n log n) in operations, entries and events.
// Source:  v3 API, sections 3 to 7; the design's decision on leases.
#pragma once

#include <vector>

#include "base/time.h"
#include "pb/raft.h"
#include "sim/history.h"
#include "sim/model.h"
#include "sim/violation.h"

namespace quorate::sim {

struct CheckOptions {
  int64_t min_lease_ttl_s = 2;
  Duration election_timeout = 1s;
  // How much later than its deadline a lease may end: once for the scans and the clients' own time, and for each start
  // or new term on top of max(5 s, TTL/10) and an election timeout.
  Duration lease_slack = 2s;
  Duration lease_slack_per_start = 1s;
  // Within which an operation that was sent after healing has to be answered; 0: not judged.
  Duration progress_bound{};
};

// `log` is the durable log, dense from index 1 (Raft; peer protocol 1.4). May be called while operations are under
// way, after a crash say: what is not answered is not expected, watches not `to_the_end` may lag.
Violations check(const History& history, const std::vector<pb::Entry>& log, const CheckOptions& options);

// The parts, each on its own. `timeline` and `model` are of the same history and log.
class Timeline;
void check_durability(const History& history, const Timeline& timeline, const std::vector<pb::Entry>& log,
                      Violations& out);
void check_answers(const History& history, const Timeline& timeline, Violations& out);
void check_order(const History& history, const Timeline& timeline, Violations& out);
void check_reads(const History& history, const Timeline& timeline, Violations& out);
void check_revisions(const History& history, const Timeline& timeline, Violations& out);
void check_watches(const History& history, const Timeline& timeline, Violations& out);
void check_leases(const History& history, const Timeline& timeline, const CheckOptions& options, Violations& out);
void check_contents(const History& history, const Model& model, Violations& out);
void check_progress(const History& history, const CheckOptions& options, Violations& out);

}  // namespace quorate::sim
