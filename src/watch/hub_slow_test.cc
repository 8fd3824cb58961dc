#include <gtest/gtest.h>

#include <limits>

#include "base/check.h"
#include "base/limits.h"
#include "watch/hub.h"
#include "watch/inbox.h"

namespace quorate::watch {
namespace {

constexpr MonoTime kStart = MonoTime{} + 1h;

class SlowTest : public HubTest {
 protected:
  SlowTest() { inbox.holds = true; }
  // Until the stream is over its limit.
  int fill(std::string_view key) {
    int puts = 0;
    for (; inbox.unsent <= limits::kWatchStreamBytesHigh; ++puts) put(key, std::string(100'000, 'x'));
    return puts;
  }
};

TEST_F(SlowTest, AFullStreamIsToldNoMoreAndGoesOnWhereItWasWhenItHasDrained) {
  create({.key = "a"});
  const int before = fill("a");
  put("a", "1");
  put("a", "2");
  EXPECT_EQ(hub.counters().slow_watchers, 1);
  EXPECT_FALSE(hub.step(1000));
  ASSERT_EQ(inbox.answers.size(), before + 1);
  inbox.take();
  hub.drained(stream, inbox.unsent = limits::kWatchStreamBytesHigh);
  EXPECT_FALSE(hub.step(1000));
  drain(inbox, stream);
  catch_up();
  put("a", "3");
  const Revision last = store.revision();
  EXPECT_EQ(inbox.take(), Strings({"0@" + std::to_string(last - 1) + " put a=1/" + std::to_string(last - 2) +
                                       " put a=2/" + std::to_string(last - 1),
                                   "0@" + std::to_string(last) + " put a=3/" + std::to_string(last)}));
}

TEST_F(SlowTest, ASlowStreamHoldsAtMostTheLimitAndOneAnswer) {
  for (int i = 0; i < 50; ++i) create({.key = "a"});
  inbox.largest = 0;
  fill("a");
  for (int i = 0; i < 20; ++i) put("a", std::string(100'000, 'x'));
  catch_up();
  EXPECT_LE(inbox.unsent, limits::kWatchStreamBytesHigh + inbox.largest);
  // Fifty that lag, of which one fills the stream again.
  inbox.largest = 0;
  drain(inbox, stream);
  catch_up();
  EXPECT_LE(inbox.unsent, limits::kWatchStreamBytesHigh + inbox.largest);
}

TEST_F(SlowTest, OtherStreamsAreNotHeldUp) {
  Inbox other;
  const StreamId second = hub.open(other);
  create({.key = "a"});
  create_on(second, {.key = "a"});
  const int before = fill("a");
  for (int i = 0; i < 10; ++i) put("a", "1");
  EXPECT_EQ(other.answers.size(), before + 11);
  EXPECT_EQ(inbox.answers.size(), before + 1);
}

TEST_F(SlowTest, AWatcherOfAFullStreamThatMissedNothingIsNotEndedByACompaction) {
  create({.key = "a"});
  create({.key = "b"});
  fill("a");
  put("a", "1");
  compact(put("c", "1"));
  inbox.take();
  drain(inbox, stream);
  catch_up();
  put("b", "1");
  const std::string last = std::to_string(store.revision());
  EXPECT_EQ(inbox.take(), Strings({"0@0 canceled compacted=" + std::to_string(store.revision() - 1),
                                   "1@" + last + " put b=1/" + last}));
}

TEST_F(SlowTest, OneDrainIsEnoughForAllWatchersOfAStream) {
  for (int i = 0; i < 5; ++i) create({.key = "b"});
  create({.key = "a"});
  fill("a");
  put("b", "1");
  EXPECT_EQ(hub.counters().slow_watchers, 5);
  inbox.take();
  drain(inbox, stream);
  catch_up();
  EXPECT_EQ(inbox.answers.size(), 5);
  EXPECT_EQ(hub.counters().slow_watchers, 0);
}

TEST_F(SlowTest, ProgressIsNotToldWhileAStreamIsFull) {
  create({.key = "a", .progress_notify = true});
  create({.key = "b", .progress_notify = true});
  hub.tick(kStart);
  fill("a");
  const size_t answers = inbox.answers.size();
  ask_progress();
  put("a", "1");
  ask_progress();
  hub.tick(kStart + 11min);
  hub.tick(kStart + 22min);
  EXPECT_EQ(inbox.answers.size(), answers);
}

TEST_F(SlowTest, AWatcherOfTheFarFutureLivesThroughAFullStream) {
  create({.key = "b", .start_revision = std::numeric_limits<Revision>::max()});
  create({.key = "a"});
  fill("a");
  put_all({{"a", "1"}, {"b", "1"}});
  inbox.take();
  drain(inbox, stream);
  catch_up();
  EXPECT_EQ(inbox.take().size(), 1);
  EXPECT_EQ(hub.counters().slow_watchers, 0);
}

TEST_F(SlowTest, ARequestOnAFullStreamIsStillAnswered) {
  create({.key = "a"});
  fill("a");
  put("a", "1");
  inbox.take();
  const std::string now = std::to_string(store.revision());
  create({.key = "a", .start_revision = 1});
  cancel(0);
  cancel(1);
  EXPECT_EQ(inbox.take(), Strings({"1@" + now + " created", "0@" + now + " canceled", "1@" + now + " canceled"}));
  EXPECT_EQ(hub.counters().slow_watchers, 0);
}

// The end.

TEST_F(SlowTest, AStreamMayBeClosedInAnyPhaseOfItsWatchers) {
  put("a", "1");
  put("a", "2");
  compact(3);
  create({.key = "a", .start_revision = 2});
  catch_up();  // one is ended
  create({.key = "a"});
  create({.key = "a", .range_end = "b"});
  fill("a");
  put("a", "3");                              // two are blocked
  create({.key = "a", .start_revision = 3});  // one is ready
  create({.key = "c", .range_end = "d"});     // two are synced
  create({.key = "c", .start_revision = 1'000'000});
  EXPECT_EQ(hub.counters().slow_watchers, 3);
  hub.close(stream);
  inbox.take();
  hub.drained(stream, 0);
  EXPECT_FALSE(hub.step(1000));
  put_all({{"a", "1"}, {"c", "1"}});
  hub.tick(kStart);
  hub.handle(stream, {.request = pb::WatchProgressRequest{}});
  hub.close(stream);
  EXPECT_EQ(inbox.take(), Strings({}));
  const Hub::Counters counters = hub.counters();
  EXPECT_EQ(counters.streams, 0);
  EXPECT_EQ(counters.watchers, 0);
  EXPECT_EQ(counters.slow_watchers, 0);
}

}  // namespace
}  // namespace quorate::watch
