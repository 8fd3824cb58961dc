// sim/history.h: what was observed of a cluster: by its clients, and by the world that it ran in.
//
// Plain data. Times are the simulation's own, one clock for all, whatever the members' clocks showed.
// Threads: any; values. Loop: none.
// Invariants (of who writes a history down):
//   (1) Operations stand in the order in which they were sent; their ids are unique and not 0.
//   (2) A client sends its next operation only when the one before was answered or given up. Who wants several under
//       way at once is several clients.
//   (3) Times do not fall along `operations` (begin), along a watch's `deliveries`, and along `life`.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "base/time.h"

namespace quorate::sim {

// What a client asked for. A kind's request and response are the messages of its RPC (v3 API, section 1).
enum class Kind : uint8_t {
  kPut,
  kDeleteRange,
  kTxn,
  kRange,
  kCompact,
  kLeaseGrant,
  kLeaseRevoke,
  kLeaseKeepAlive,  // one request of a stream and its one response
  kLeaseTimeToLive,
  kLeaseLeases,
};

std::string_view kind_name(Kind kind);

struct Operation {
  uint64_t id = 0;
  uint32_t client = 0;
  Kind kind = Kind::kPut;
  MonoTime begin{};       // sent
  MonoTime end{};         // answered or given up; not before `begin`. Of one still under way: the time of the check
  bool answered = false;  // a status came from a server; false: given up, the connection was lost, or still under way
  std::string request;    // encoded, with the operation's id or without
  Status status;          // of an answered one
  std::string response;   // encoded as received; of an answered one whose status is ok
};

// Whether an answer with this status says nothing about whether the request was carried out: connections lost,
// deadlines, a server that stops or changes its leader. Such an operation counts as not answered.
bool leaves_open(const Status& status);

// Appends the operation's id as the unknown field that servers carry into their log: number 1000, fixed64.
std::string with_operation_id(std::string request, uint64_t id);
// The id that was so appended to this message; 0: none, or bytes that are no message.
uint64_t operation_id_of(std::string_view message);
// The message without that field. Anything else keeps its bytes.
std::string without_operation_id(std::string_view message);

struct Delivery {
  MonoTime at{};
  std::string
      response;  // encoded WatchResponse; one of watch id -1 that tells progress goes to every watch of its stream
};

// One watch from its request to the end of its stream.
struct Watch {
  uint64_t id = 0;  // of the observer's own, not 0
  uint32_t client = 0;
  MonoTime begin{};  // asked for

  // What was asked for (v3 API, section 6.1).
  std::string key, range_end;
  Revision start_revision = 0;
  bool puts = true, deletes = true;  // false: filtered out
  bool prev_kv = false;
  bool fragment = false;
  bool progress_notify = false;

  // The watch that this one goes on for, 0 for none: then `start_revision` is one more than the last revision that
  // was seen whole or told as progress there, or the compact revision that it was cancelled with.
  uint64_t resumes = 0;
  std::vector<Delivery> deliveries;
  // Everything up to the log's last revision has to have come. False: its stream ended before.
  bool to_the_end = false;
};

enum class LifeKind : uint8_t {
  kStart,      // the process starts
  kStop,       // it ended in order
  kCrash,      // it was killed; what it wrote is kept
  kPowerLoss,  // and writes that were not synced may be lost
};

struct LifeEvent {
  MonoTime at{};
  uint32_t member = 0;  // the observer's number
  LifeKind kind = LifeKind::kStart;
};

// The medium was damaged in the log's unsealed last batch, and the next start cut it with a warning (log format).
// Acknowledged entries from `from` on may be lost; what depends on them is not judged where it was asked for before
// `when`: its answer may have been under way while the member was down.
struct Forgiven {
  MonoTime when{};
  Index from = 0;
};

// What a member held at the end.
struct FinalContents {
  uint32_t member = 0;
  std::string response;  // encoded RangeResponse of all keys, linearizable, with nothing else under way
};

struct History {
  std::vector<Operation> operations;
  std::vector<Watch> watches;
  std::vector<LifeEvent> life;
  // When the entry of this term and index was proposed. One that is missing counts as proposed when its operation was
  // sent; the server's own is then not judged by time.
  std::map<std::pair<Term, Index>, MonoTime> proposed_at;
  std::vector<Forgiven> forgiven;
  std::vector<FinalContents> final_contents;
  uint32_t drift_ppm = 0;  // how far a member's clock may run fast or slow
  MonoTime healed_at{};    // the last fault ended; not after ended_at
  MonoTime ended_at{};     // of the observation
};

}  // namespace quorate::sim
