// base/limits.h: every bound of the program that no flag sets.
//
// A relation between two of them is a static_assert, so that changing one shows what depends on it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace quorate::limits {

// Requests.
inline constexpr size_t kGrpcOverheadBytes = 512 * 1024;        // receive limit above --max-request-bytes
inline constexpr size_t kMaxSendBytes = (size_t{1} << 31) - 1;  // of one unary answer
inline constexpr int64_t kMaxLeaseTtlS = 9'000'000'000;
inline constexpr int64_t kCommitApplyGapEntriesMax = 5000;  // above it proposals are refused

// Turns of a loop.
inline constexpr Duration kClientTurnBudget = 500us;  // what clients may take before peers are looked at again
inline constexpr Duration kSlowTurn = 10ms;           // a longer turn is logged

// Mailboxes.
inline constexpr size_t kRequestMailboxItems = 64 * 1024;  // from all io loops to core; beyond it requests are refused

// HTTP.
inline constexpr size_t kMaxHeaderListBytes = 64 * 1024;
inline constexpr size_t kMaxHttp1HeadBytes = 64 * 1024;
inline constexpr uint32_t kStreamWindowBytes = 1024 * 1024;
inline constexpr uint32_t kConnectionWindowBytes = 8 * 1024 * 1024;
static_assert(kConnectionWindowBytes >= kStreamWindowBytes);
inline constexpr size_t kMaxContinuations = 16;
inline constexpr size_t kResetsPerSecondMax = 1000;  // of one connection, above the streams it let finish
inline constexpr size_t kOutputBytesHigh = 256 * 1024;  // of one stream; above it the producer is asked to wait

// Log.
inline constexpr uint64_t kSegmentBytes = 64 * 1024 * 1024;
inline constexpr size_t kMaxBatchBytes = 8 * 1024 * 1024;     // of entries, in one log write
inline constexpr size_t kRecentEntriesBytes = 64 * 1024 * 1024;  // kept in memory
static_assert(kMaxBatchBytes * 2 <= kSegmentBytes);
inline constexpr Duration kIdleSeal = 100ms;
inline constexpr Duration kSpareRetry = 1s;  // after the disk had no room for a further segment

// Watch.
inline constexpr size_t kWatchStreamBytesHigh = 4 * 1024 * 1024;  // unsent of one stream; above it watchers lag
inline constexpr size_t kWatchCatchUpRevisions = 1000;            // of one answer while catching up

}  // namespace quorate::limits
