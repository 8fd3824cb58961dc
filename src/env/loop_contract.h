// env/loop_contract.h: what every Loop keeps, as a test suite over a factory; for tests only.
//
// A world W is default-made for each test and has
//   Loop& loop();
//   bool run_until(std::move_only_function<bool()> done);  // takes turns; false when `done` never came true
// An implementation instantiates it: INSTANTIATE_TYPED_TEST_SUITE_P(Posix, LoopContract, PosixTestWorld).
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/limits.h"
#include "env/loop.h"
#include "env/mailbox.h"

namespace quorate::env {

template <class W>
class LoopContract : public testing::Test {
 protected:
  Loop& loop() { return world.loop(); }
  Task note(char name) {
    return [this, name] { done += name; };
  }
  bool run_until_done(size_t letters) {
    return world.run_until([this, letters] { return done.size() >= letters; });
  }

  W world;
  std::string done;
};
TYPED_TEST_SUITE_P(LoopContract);

TYPED_TEST_P(LoopContract, PostedTasksRunInOrderAndNotAtOnce) {
  this->loop().post(this->note('a'));
  this->loop().post(this->note('b'));
  EXPECT_EQ(this->done, "");
  EXPECT_TRUE(this->run_until_done(2));
  EXPECT_EQ(this->done, "ab");
}

TYPED_TEST_P(LoopContract, TimersFireByDeadlineThenByAgeAndNeverEarly) {
  const MonoTime start = this->loop().now();
  MonoTime fired_at{};
  this->loop().at(start + 4ms, [this, &fired_at] { this->done += 'd', fired_at = this->loop().now(); });
  this->loop().at(start + 1ms, this->note('b'));
  this->loop().at(start - 1ms, this->note('a'));
  this->loop().at(start + 1ms, this->note('c'));
  EXPECT_TRUE(this->run_until_done(4));
  EXPECT_EQ(this->done, "abcd");
  EXPECT_GE(fired_at, start + 4ms);
}

TYPED_TEST_P(LoopContract, ACanceledTimerDoesNotFire) {
  const MonoTime start = this->loop().now();
  const TimerId timer = this->loop().at(start + 1ms, this->note('x'));
  EXPECT_NE(timer, 0u);
  this->loop().cancel(timer);
  this->loop().cancel(timer);
  this->loop().at(start + 2ms, this->note('y'));
  EXPECT_TRUE(this->run_until_done(1));
  EXPECT_EQ(this->done, "y");
}

TYPED_TEST_P(LoopContract, TimersComeBeforeTasksAndTasksBeforeCompletionsAndThoseBeforeClients) {
  Mailbox<char> clients(this->loop(), Priority::kClient, 10, [this](char&& c) { this->done += c; });
  Mailbox<char> completions(this->loop(), Priority::kCompletion, 10, [this](char&& c) { this->done += c; });
  this->loop().add_turn_hook([this] {
    if (!this->done.empty() && this->done.back() != 'h') this->done += 'h';
  });
  ASSERT_TRUE(clients.try_push('q'));
  completions.push('c');
  this->loop().post(this->note('p'));
  this->loop().at(this->loop().now(), this->note('t'));
  EXPECT_TRUE(this->run_until_done(5));
  EXPECT_EQ(this->done, "tpcqh");
}

TYPED_TEST_P(LoopContract, WhatATaskPostsRunsOnALaterTurn) {
  std::string turns;
  this->loop().add_turn_hook([&] { turns += this->done + "|"; });
  this->loop().post([this] {
    this->done += 'a';
    this->loop().post(this->note('b'));
  });
  EXPECT_TRUE(this->run_until_done(2));
  EXPECT_NE(turns.find("a|"), std::string::npos);
  EXPECT_NE(turns.find("ab|"), std::string::npos);
}

TYPED_TEST_P(LoopContract, AnInboxThatIsNeverEmptyDoesNotHoldTimersBack) {
  // Pauses now and then, so that a world whose clock stands still within a turn comes to its end.
  class Busy final : public Inbox {
   public:
    size_t drain(size_t) override { return ++calls_ % 100'000 == 0 ? 0 : 1; }
    bool has_items() override { return true; }

   private:
    size_t calls_ = 0;
  };
  Busy inbox;
  this->loop().add_inbox(inbox, Priority::kClient);
  this->loop().at(this->loop().now() + 2ms, this->note('t'));
  EXPECT_TRUE(this->run_until_done(1));
  this->loop().remove_inbox(inbox);
}

TYPED_TEST_P(LoopContract, AMailboxFilledDuringATurnIsServedWithoutAnotherCause) {
  Mailbox<char> first(this->loop(), Priority::kCompletion, 10, [this](char&& c) { this->done += c; });
  this->loop().add_turn_hook([&, sent = false]() mutable {
    if (!std::exchange(sent, true)) first.push('h');
  });
  EXPECT_TRUE(this->run_until_done(1));
}

REGISTER_TYPED_TEST_SUITE_P(LoopContract, PostedTasksRunInOrderAndNotAtOnce, TimersFireByDeadlineThenByAgeAndNeverEarly,
                            ACanceledTimerDoesNotFire,
                            TimersComeBeforeTasksAndTasksBeforeCompletionsAndThoseBeforeClients,
                            WhatATaskPostsRunsOnALaterTurn, AnInboxThatIsNeverEmptyDoesNotHoldTimersBack,
                            AMailboxFilledDuringATurnIsServedWithoutAnotherCause);

}  // namespace quorate::env
