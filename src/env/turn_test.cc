#include "env/turn.h"

#include <gtest/gtest.h>

#include <deque>
#include <limits>
#include <memory>
#include <string>

#include "base/limits.h"

namespace quorate::env {
namespace {

class HandClock final : public Clock {
 public:
  MonoTime now() override { return time; }
  WallTime wall() override { return WallTime(time.time_since_epoch()); }
  MonoTime time{1s};
};

// Keeps what it was told.
class ListLog final : public Log {
 public:
  bool enabled(Level) const override { return true; }
  void write(Level, std::string_view message, std::initializer_list<Field> fields,
             const std::source_location&) override {
    std::string line(message);
    for (const Field& field : fields) {
      if (const auto* text = std::get_if<std::string>(&field.value))
        line += " " + std::string(field.name) + "=" + *text;
    }
    lines.push_back(line);
  }
  std::vector<std::string> lines;
};

// `items` items, each of which takes `cost` and appends `name`.
class Work final : public Inbox {
 public:
  Work(HandClock& clock, std::string& done, char name) : clock_(clock), done_(done), name_(name) {}
  size_t drain(size_t items_max) override {
    size_t handled = 0;
    while (handled < items_max && items > 0) {
      --items;
      ++handled;
      clock_.time += cost;
      done_ += name_;
      if (after_item) after_item();
    }
    return handled;
  }
  bool has_items() override { return items > 0; }

  size_t items = 0;
  Duration cost = 0ns;
  Task after_item;

 private:
  HandClock& clock_;
  std::string& done_;
  const char name_;
};

class Sockets final : public ReadySockets {
 public:
  Sockets(HandClock& clock, std::string& done) : clock_(clock), done_(done) {}
  size_t serve(size_t sockets_max) override {
    const size_t served = std::min(ready, sockets_max);
    ready -= served;
    clock_.time += cost * served;
    done_ += std::string(served, 's');
    return served;
  }
  size_t ready = 0;
  Duration cost = 0ns;

 private:
  HandClock& clock_;
  std::string& done_;
};

class TurnTest : public testing::Test {
 protected:
  std::string take() {
    turn.run(sockets);
    return std::exchange(done, "");
  }
  Task note(char name) {
    return [this, name] { done += name; };
  }

  HandClock clock;
  ListLog log;
  std::string done;
  Sockets sockets{clock, done};
  Turn turn{clock, log};
};

TEST_F(TurnTest, TimersTasksCompletionsClientsHooksComeInThisOrder) {
  Work completions(clock, done, 'c');
  Work clients(clock, done, 'q');
  turn.add_turn_hook(note('h'));
  turn.add_inbox(clients, Priority::kClient);
  turn.add_inbox(completions, Priority::kCompletion);
  completions.items = clients.items = sockets.ready = 2;
  turn.post(note('p'));
  turn.at(clock.time, note('t'));
  EXPECT_TRUE(turn.has_work());
  EXPECT_EQ(take(), "tpccssqqh");
  EXPECT_FALSE(turn.has_work());
  EXPECT_EQ(take(), "h");
}

TEST_F(TurnTest, WhatATurnPostsAndSetsRunsInTheNext) {
  turn.post([this] {
    done += 'a';
    turn.post(note('b'));
    turn.at(clock.time - 5s, note('t'));
  });
  EXPECT_EQ(take(), "a");
  EXPECT_TRUE(turn.has_work());
  clock.time += 1ns;
  EXPECT_EQ(take(), "tb");
}

TEST_F(TurnTest, ATimerThatSetsItselfAgainDoesNotHoldTheTurn) {
  int fired = 0;
  std::function<void()> again = [&] {
    ++fired;
    turn.at(clock.time - 1s, [&again] { again(); });
  };
  again();
  for (int i = 0; i < 3; ++i) {
    clock.time += 1us;
    take();
  }
  EXPECT_EQ(fired, 4);
}

TEST_F(TurnTest, CompletionsAreDrainedWholeHoweverLongTheyTake) {
  Work completions(clock, done, 'c');
  turn.add_inbox(completions, Priority::kCompletion);
  completions.items = 1000;
  completions.cost = 1ms;
  EXPECT_EQ(take(), std::string(1000, 'c'));
}

TEST_F(TurnTest, ACompletionThatMakesAnotherIsServedInTheSameTurn) {
  Work first(clock, done, '1');
  Work second(clock, done, '2');
  turn.add_inbox(first, Priority::kCompletion);
  turn.add_inbox(second, Priority::kCompletion);
  second.after_item = [&] {
    first.items = 1;
    second.after_item = nullptr;
  };
  second.items = 1;
  EXPECT_EQ(take(), "21");
}

TEST_F(TurnTest, CompletionsThatMakeEachOtherForEverEndTheTurnAllTheSame) {
  Work loop(clock, done, 'c');
  turn.add_inbox(loop, Priority::kCompletion);
  Work other(clock, done, 'd');
  turn.add_inbox(other, Priority::kCompletion);
  loop.after_item = [&] { other.items = 1; };
  other.after_item = [&] { loop.items = 1; };
  loop.items = 1;
  EXPECT_LE(take().size(), 16u);
  EXPECT_TRUE(turn.has_work());
}

TEST_F(TurnTest, ClientsEndTheTurnAfterTheirBudgetAndAtMostOneChunk) {
  Work clients(clock, done, 'q');
  turn.add_inbox(clients, Priority::kClient);
  clients.items = 1'000'000;
  clients.cost = 10us;
  const MonoTime begin = clock.time;
  take();
  EXPECT_GE(clock.time - begin, limits::kClientTurnBudget);
  EXPECT_LE(clock.time - begin, limits::kClientTurnBudget + clients.cost * Turn::kInboxChunkItems);
  EXPECT_TRUE(turn.has_work());
}

TEST_F(TurnTest, NoClientSourceStarvesAnotherWhenEachChunkTakesTheWholeBudget) {
  Work first(clock, done, '1');
  Work second(clock, done, '2');
  turn.add_inbox(first, Priority::kClient);
  turn.add_inbox(second, Priority::kClient);
  first.cost = second.cost = sockets.cost = limits::kClientTurnBudget;
  std::string order;
  for (int i = 0; i < 9; ++i) {
    first.items = second.items = sockets.ready = 1000;
    const std::string turn_done = take();
    ASSERT_EQ(turn_done, std::string(turn_done.size(), turn_done[0]));
    order += turn_done[0];
  }
  EXPECT_EQ(order, "s12s12s12");
}

TEST_F(TurnTest, SocketsAndInboxesAlternateInChunks) {
  Work clients(clock, done, 'q');
  turn.add_inbox(clients, Priority::kClient);
  clients.items = Turn::kInboxChunkItems + 1;
  sockets.ready = Turn::kSocketChunk + 1;
  EXPECT_EQ(take(), std::string(Turn::kSocketChunk, 's') + std::string(Turn::kInboxChunkItems, 'q') + "sq");
}

TEST_F(TurnTest, AnInboxMayBeRemovedAndAddedDuringATurn) {
  auto first = std::make_unique<Work>(clock, done, '1');
  Work second(clock, done, '2');
  turn.add_inbox(*first, Priority::kClient);
  first->items = 5;
  first->after_item = [&] {
    if (first->items > 0) return;
    turn.remove_inbox(*first);
    turn.add_inbox(second, Priority::kClient);
    second.items = 1;
  };
  EXPECT_EQ(take(), "111112");
  first.reset();
  second.items = 1;
  EXPECT_EQ(take(), "2");
}

TEST_F(TurnTest, ASlowTurnIsLoggedWithWhatHeldItButNotEveryTime) {
  const auto slow = [this] {
    turn.note_activity("compaction");
    clock.time += limits::kSlowTurn + 1ms;
  };
  turn.post(slow);
  take();
  ASSERT_EQ(log.lines.size(), 1u);
  EXPECT_EQ(log.lines[0], "a turn of the loop took too long activity=compaction");
  turn.post(slow);
  take();
  EXPECT_EQ(log.lines.size(), 1u);
  clock.time += 2s;
  turn.post(slow);
  take();
  EXPECT_EQ(log.lines.size(), 2u);
}

TEST_F(TurnTest, TheWarningNamesTheLongestStretchAndNotTheLast) {
  Work clients(clock, done, 'q');
  turn.add_inbox(clients, Priority::kClient);
  clients.items = 1;
  clients.after_item = [this] { turn.note_activity("range"); };
  turn.add_turn_hook([this] { turn.note_activity("flush"); });
  turn.post([this] {
    turn.note_activity("compaction");
    clock.time += limits::kSlowTurn + 1ms;
  });
  take();
  clock.time += 2s;
  sockets.ready = 1;
  sockets.cost = limits::kSlowTurn + 1ms;
  take();
  EXPECT_EQ(log.lines, (std::vector<std::string>{"a turn of the loop took too long activity=compaction",
                                                 "a turn of the loop took too long activity=clients"}));
}

TEST_F(TurnTest, ForgottenWorkIsDestroyedUnrunAlsoWhatItPostsWhileDying) {
  struct PostsWhenItDies {
    ~PostsWhenItDies() {
      turn->post([kept = std::move(owned)] {});
    }
    Turn* turn;
    std::shared_ptr<int> owned;
  };
  const auto owned = std::make_shared<int>(0);
  turn.post([last = std::make_unique<PostsWhenItDies>(&turn, owned)] {});
  turn.at(clock.time, [owned, this] { done += 't'; });
  turn.forget_work();
  EXPECT_EQ(owned.use_count(), 1);
  EXPECT_EQ(take(), "");
}

TEST_F(TurnTest, ATurnWithinTheLimitIsNotLogged) {
  turn.post([this] { clock.time += limits::kSlowTurn; });
  take();
  EXPECT_TRUE(log.lines.empty());
}

}  // namespace
}  // namespace quorate::env
