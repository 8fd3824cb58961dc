// What delivering costs, in allocations and bytes rather than in time.
#include <gtest/gtest.h>

#include <set>

#include "base/testing/heap.h"
#include "watch/inbox.h"

namespace quorate::watch {
namespace {

constexpr size_t kStreams = 100;
constexpr size_t kWatchersPerStream = 100;

// Keeps only what the tests ask for, so that it allocates nothing itself.
class Scale final : public Sink {
 public:
  size_t deliver(std::vector<Bytes> pieces) override {
    ++answers;
    for (const Bytes& piece : pieces) bytes += piece.size();
    if (keeps) last = std::move(pieces);
    return unsent;
  }
  size_t answers = 0, bytes = 0, unsent = 0;
  bool keeps = true;
  std::vector<Bytes> last;
};

class HubCost : public HubTest {
 protected:
  HubCost() : scales(kStreams) {
    for (Scale& scale : scales) ids.push_back(hub.open(scale));
  }
  void watch_all(const pb::WatchCreateRequest& request) {
    for (const StreamId id : ids) {
      for (size_t i = 0; i < kWatchersPerStream; ++i) create_on(id, request);
    }
  }
  // Allocations of advance() for one put alone.
  size_t cost_of_put(std::string_view key, std::string_view value) {
    CHECK(store.put({.key = key, .value = value}, leases).has_value());
    const size_t before = Heap::allocations;
    hub.advance();
    return Heap::allocations - before;
  }

  std::vector<Scale> scales;
  std::vector<StreamId> ids;
};

TEST_F(HubCost, AWatcherMoreCostsOneAllocationForItsPiecesAndAFewBytes) {
  watch_all({.key = "a"});
  const std::string value(4000, 'x');
  cost_of_put("a", value);
  for (Scale& scale : scales) scale.answers = scale.bytes = 0;
  const size_t cost = cost_of_put("a", value);
  std::set<const char*> events;
  for (const Scale& scale : scales) {
    EXPECT_EQ(scale.answers, kWatchersPerStream);
    events.insert(scale.last.back().data());
  }
  EXPECT_EQ(events.size(), 1) << "one encoding for all streams";
  // One for each watcher, a growing block for each stream, and what the revision needs.
  if (!Heap::counts()) GTEST_SKIP();
  EXPECT_LE(cost, kStreams * kWatchersPerStream + kStreams * 12 + 20);
}

TEST_F(HubCost, ARevisionThatNobodyWantsCostsTheSameWithManyWatchers) {
  watch_all({.key = "a", .range_end = "b"});
  cost_of_put("c", "1");
  if (!Heap::counts()) GTEST_SKIP();
  EXPECT_LE(cost_of_put("c", "2"), 1);
}

TEST_F(HubCost, WithoutWatchersAnyNumberOfRevisionsIsPassedOverAtOnce) {
  for (int i = 0; i < 10'000; ++i) CHECK(store.put({.key = "a", .value = "1"}, leases).has_value());
  const size_t before = Heap::allocations;
  hub.advance();
  if (!Heap::counts()) GTEST_SKIP();
  EXPECT_EQ(Heap::allocations, before);
}

TEST_F(HubCost, AFullStreamCostsNothingMoreOnceItsWatchersWait) {
  watch_all({.key = "a"});
  for (Scale& scale : scales) scale.unsent = limits::kWatchStreamBytesHigh + 1;
  cost_of_put("a", "1");
  cost_of_put("a", "2");
  EXPECT_EQ(hub.counters().slow_watchers, kStreams * kWatchersPerStream);
  if (!Heap::counts()) GTEST_SKIP();
  EXPECT_EQ(cost_of_put("a", "3"), 0);
}

TEST_F(HubCost, ASlowReaderHoldsWhatItIsOwedAndNothingOfOthers) {
  watch_all({.key = "a"});
  cost_of_put("a", "1");
  for (Scale& scale : scales) scale.last = {};
  for (size_t i = 1; i < kStreams; ++i) scales[i].keeps = false;
  const size_t before = Heap::live;
  cost_of_put("a", "2");
  EXPECT_FALSE(scales[0].last.empty());
  if (!Heap::counts()) GTEST_SKIP();
  EXPECT_LE(Heap::live - before, kWatchersPerStream * 200);
}

TEST_F(HubCost, TheLastAnswerOfAStreamDoesNotHoldThoseOfItsManyOtherWatchers) {
  for (size_t i = 0; i < kStreams * kWatchersPerStream; ++i) create_on(ids[0], {.key = "a"});
  cost_of_put("a", "1");
  scales[0].last = {};
  const size_t before = Heap::live;
  cost_of_put("a", "2");
  EXPECT_FALSE(scales[0].last.empty());
  if (!Heap::counts()) GTEST_SKIP();
  EXPECT_LE(Heap::live - before, 100'000);
}

}  // namespace
}  // namespace quorate::watch
