#include "env/mailbox.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <limits>
#include <memory>
#include <thread>

namespace quorate::env {
namespace {

// Counts wakes; the tests drain by hand.
class WakeCounter final : public Loop {
 public:
  MonoTime now() override { return {}; }
  void post(Task) override {}
  TimerId at(MonoTime, Task) override { return 0; }
  void cancel(TimerId) override {}
  void add_inbox(Inbox&, Priority) override { ++inboxes; }
  void remove_inbox(Inbox&) override { --inboxes; }
  void add_turn_hook(Task) override {}
  void note_activity(const char*) override {}
  void wake() override { wakes.fetch_add(1, std::memory_order_release); }
  std::atomic<uint64_t> wakes{0};
  int inboxes = 0;
};

TEST(Mailbox, RegistersForAsLongAsItLives) {
  WakeCounter loop;
  {
    Mailbox<int> mailbox(loop, Priority::kClient, 1, [](int&&) {});
    EXPECT_EQ(loop.inboxes, 1);
  }
  EXPECT_EQ(loop.inboxes, 0);
}

TEST(Mailbox, RefusesRequestsAboveItsCapacityAndLeavesThemUntouched) {
  WakeCounter loop;
  Mailbox<std::unique_ptr<int>> mailbox(loop, Priority::kClient, 2, [](std::unique_ptr<int>&&) {});
  EXPECT_TRUE(mailbox.try_push(std::make_unique<int>(1)));
  EXPECT_TRUE(mailbox.try_push(std::make_unique<int>(2)));
  auto third = std::make_unique<int>(3);
  EXPECT_FALSE(mailbox.try_push(std::move(third)));
  ASSERT_NE(third, nullptr);
  mailbox.push(std::move(third));  // a completion always fits
  EXPECT_EQ(mailbox.drain(10), 3u);
}

TEST(Mailbox, HandlesAtMostWhatItIsAskedForAndKeepsTheOrder) {
  WakeCounter loop;
  std::vector<int> handled;
  Mailbox<int> mailbox(loop, Priority::kClient, 100, [&](int&& item) { handled.push_back(item); });
  for (int i = 0; i < 5; ++i) mailbox.push(int{i});
  EXPECT_EQ(mailbox.drain(2), 2u);
  EXPECT_TRUE(mailbox.has_items());
  mailbox.push(5);
  EXPECT_EQ(mailbox.drain(100), 4u);
  EXPECT_FALSE(mailbox.has_items());
  EXPECT_EQ(handled, (std::vector<int>{0, 1, 2, 3, 4, 5}));
}

TEST(Mailbox, WakesOnceForABurst) {
  WakeCounter loop;
  Mailbox<int> mailbox(loop, Priority::kClient, 100, [](int&&) {});
  for (int i = 0; i < 5; ++i) mailbox.push(int{i});
  EXPECT_EQ(loop.wakes.load(), 1u);
  mailbox.drain(100);
  mailbox.push(5);
  EXPECT_EQ(loop.wakes.load(), 2u);
}

// Three producers against a consumer that looks only after a wake: a lost wake would hang it.
TEST(Mailbox, LosesNothingAndKeepsEachProducersOrder) {
  constexpr uint64_t kItems = 20'000;
  constexpr size_t kProducers = 3;
  WakeCounter loop;
  std::array<uint64_t, kProducers> next{};
  uint64_t handled = 0;
  Mailbox<std::pair<size_t, uint64_t>> mailbox(loop, Priority::kClient, 64, [&](std::pair<size_t, uint64_t>&& item) {
    ASSERT_EQ(item.second, next[item.first]++);
    ++handled;
  });
  std::vector<std::thread> producers;
  for (size_t p = 0; p < kProducers; ++p) {
    producers.emplace_back([&mailbox, p] {
      for (uint64_t i = 0; i < kItems; ++i) {
        std::pair item{p, i};
        if (i % 2 == 0) {
          mailbox.push(std::move(item));
        } else {
          // NOLINTNEXTLINE(bugprone-use-after-move): an item that is refused stays whole
          while (!mailbox.try_push(std::move(item))) std::this_thread::yield();
        }
      }
    });
  }
  uint64_t seen = 0;
  while (handled < kItems * kProducers) {
    const uint64_t wakes = loop.wakes.load(std::memory_order_acquire);
    if (wakes == seen) {
      std::this_thread::yield();
      continue;
    }
    seen = wakes;
    while (mailbox.drain(100) > 0) {}
  }
  for (std::thread& producer : producers) producer.join();
  EXPECT_FALSE(mailbox.has_items());
}

}  // namespace
}  // namespace quorate::env
