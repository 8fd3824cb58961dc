// base/limits.h: every bound of the program that no flag sets.
//
// A relation between two of them is a static_assert, so that changing one shows what depends on it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace quorate::limits {

// Requests.
inline constexpr size_t kLoggedRequestBytes = 16 * 1024;        // of a slow request, in the operator's log
inline constexpr size_t kGrpcOverheadBytes = 512 * 1024;        // receive limit above --max-request-bytes
inline constexpr size_t kMaxSendBytes = (size_t{1} << 31) - 1;  // of one unary answer
inline constexpr int64_t kMaxLeaseTtlS = 9'000'000'000;
inline constexpr int64_t kCommitApplyGapEntriesMax = 5000;       // above it proposals are refused
inline constexpr size_t kUnappliedBytesMax = 256 * 1024 * 1024;  // of proposals; above it more are refused
inline constexpr size_t kReadsWaitingMax = size_t{1} << 20;      // for their index; more are refused

inline constexpr uint64_t kDeletedKeysAtOnce = 2048;  // by one entry; more are deleted in slices
inline constexpr size_t kDeletedKeysPerTurn = 1024;   // of such a slice, about 1 ms

// Turns of a loop.
inline constexpr Duration kClientTurnBudget = 500us;  // what clients may take before peers are looked at again
inline constexpr Duration kSlowTurn = 10ms;           // a longer turn is logged

// Mailboxes.
inline constexpr size_t kForwardedBytesMax = 256 * 1024 * 1024;  // of one io loop's requests that core has not answered
inline constexpr size_t kRequestMailboxItems = 64 * 1024;  // from all io loops to core; beyond it requests are refused

// Streams.
inline constexpr size_t kKeepAlivesWaitingMax = 1024;  // renewals of one stream that are not answered yet

// HTTP.
inline constexpr size_t kMaxHeaderListBytes = 64 * 1024;
inline constexpr size_t kMaxHttp1HeadBytes = 64 * 1024;
inline constexpr uint32_t kStreamWindowBytes = 1024 * 1024;
inline constexpr uint32_t kConnectionWindowBytes = 8 * 1024 * 1024;
static_assert(kConnectionWindowBytes >= kStreamWindowBytes);
inline constexpr size_t kMaxContinuations = 16;
inline constexpr size_t kResetsPerSecondMax = 1000;      // of one connection, above the streams it let finish
inline constexpr size_t kMaxQueuedAcks = 1000;           // of PING and SETTINGS, unsent of one connection
inline constexpr size_t kIdleFramesPerSecondMax = 1000;  // of one connection: empty DATA, PRIORITY, SETTINGS
inline constexpr size_t kConnectionHeldBytesMax =
    128 * 1024 * 1024;                                  // unfinished requests and open calls of one connection
inline constexpr size_t kOpenCallCostBytes = 2 * 1024;  // what an open call counts for therein
inline constexpr size_t kCallsPerServerMax = size_t{1} << 20;
inline constexpr size_t kSocketBytesHigh = 256 * 1024;  // gathered for one socket before it must take some
inline constexpr size_t kConnectionQueuedBytesHigh =
    4 * 1024 * 1024;                                      // above it one that does not read is not read from
inline constexpr size_t kHttp1PipelineBytes = 64 * 1024;  // read ahead while a request is being answered
inline constexpr size_t kQueuedFramesMax = 1000;          // of control; the same
inline constexpr Duration kHeadTimeout = 30s;             // for the first bytes, and for a head that has begun
inline constexpr Duration kRequestTimeout = 120s;         // for a whole HTTP/1 request
inline constexpr Duration kLinger = 1s;                   // between our last word and the close, so that it is read
inline constexpr Duration kDrainNotice = 5s;              // for the answer to the first GOAWAY
inline constexpr size_t kOutputBytesHigh = 256 * 1024;    // of one stream; above it the producer is asked to wait

// Budgets of one server, which is one port on one loop.
inline constexpr size_t kUnfinishedBytesMax = 256 * 1024 * 1024;  // of requests; beyond it they are refused
inline constexpr size_t kUnsentBytesHigh = 64 * 1024 * 1024;      // of answers; above it those who do not read wait
inline constexpr size_t kUnsentBytesMax = 256 * 1024 * 1024;      // above it all requests with large answers wait
inline constexpr Duration kBudgetWait = 5s;                       // of a request for its share; then it is refused
inline constexpr size_t kAnswerGuessBytes = 16 * 1024;            // at least, of an answer that is awaited
inline constexpr Duration kStallsLookedFor = 1s;                  // how often, over a budget
inline constexpr Duration kStalledMax = 10s;                      // without progress, over a budget; then cut
inline constexpr Duration kStalledPressedMax = 2s;                // the same above kUnsentBytesMax
inline constexpr size_t kStalledBytesMin = 16 * 1024;             // of a connection; who holds less is left alone
static_assert(kUnsentBytesHigh < kUnsentBytesMax && kConnectionQueuedBytesHigh < kUnsentBytesHigh);

// Hashes.
inline constexpr size_t kHashesWaitingMax = 16;  // of HashKV, under way or waiting for their turn

// Memory.
inline constexpr uint64_t kStorePercentOfMemory = 70;  // of its limit; above it NOSPACE is raised

// Ranges. What is larger is encoded while it leaves.
inline constexpr size_t kRangeBytesAtOnce = 256 * 1024;  // of keys and values
inline constexpr size_t kRangeKeysAtOnce = 1024;         // looked at
inline constexpr size_t kRangeKeysPerTurn = 2048;        // about 300 us
inline constexpr size_t kRangePartBytes = 64 * 1024;
inline constexpr size_t kRangeStreamPartBytes =
    256 * 1024;  // about, of one message; etcd's grow to the size of a request
inline constexpr size_t kPartsBytesHigh = 64 * 1024 * 1024;  // unsent of all such answers; above it one part each
inline constexpr Duration kOvertakenReplyMax = 64s;          // that an answer under way holds up a compaction
static_assert(kRangeBytesAtOnce <= kOutputBytesHigh);

// Log.
inline constexpr uint64_t kSegmentBytes = 64 * 1024 * 1024;
inline constexpr size_t kMaxBatchBytes = 8 * 1024 * 1024;        // of entries, in one log write
inline constexpr size_t kRecentEntriesBytes = 64 * 1024 * 1024;  // kept in memory
inline constexpr size_t kEntryOverheadBytes = 128;               // what an entry costs in memory besides its data
static_assert(kMaxBatchBytes * 2 <= kSegmentBytes);
inline constexpr Duration kIdleSeal = 100ms;
inline constexpr size_t kFreedSegmentsMax = 8;  // kept to be segments again; more are removed
inline constexpr Duration kSpareRetry = 1s;     // after the disk had no room for a further segment

// Checkpoints.
inline constexpr uint64_t kCheckpointLogBytes =
    256 * 1024 * 1024;                                        // of log since the last one, that make a new one due
inline constexpr size_t kImageBlockBytes = 256 * 1024;        // about what a block of an image holds
inline constexpr size_t kImageQueuedBytes = 4 * 1024 * 1024;  // of blocks that wait for the disk
inline constexpr Duration kCheckpointRetry = 10s;             // after one that failed

// Flight recorder.
inline constexpr size_t kFlightRecorderBytes = 16 * 1024 * 1024;  // of recent inputs, where no flag says
inline constexpr size_t kFlightRecorderBytesMax = size_t{4} * 1024 * 1024 * 1024;

// Watch.
inline constexpr size_t kWatchStreamBytesHigh = 4 * 1024 * 1024;  // unsent of one stream; above it watchers lag
inline constexpr size_t kWatchBytesHigh = 64 * 1024 * 1024;       // unsent of all streams; above it each has its share
inline constexpr size_t kWatchShareBytes = 64 * 1024;             // alone, and one answer
inline constexpr size_t kWatchCatchUpRevisions = 1000;            // of one answer while catching up
inline constexpr size_t kWatchCatchUpBytes = 1024 * 1024;  // of its events; above it no further revision is added
static_assert(kWatchCatchUpBytes < kWatchStreamBytesHigh);

}  // namespace quorate::limits
