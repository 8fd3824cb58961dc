// wal/testing/manual_loop.h: a loop that turns when a test says so.
//
// Thread: the test's. Tests only.
#pragma once

#include <deque>
#include <map>
#include <utility>

#include "base/check.h"
#include "env/loop.h"

namespace quorate::wal::testing {

class ManualLoop final : public env::Loop {
 public:
  MonoTime now() override { return now_; }
  void post(env::Task task) override { tasks_.push_back(std::move(task)); }
  env::TimerId at(MonoTime deadline, env::Task task) override {
    timers_.emplace(std::pair(deadline, ++last_timer_), std::move(task));
    return last_timer_;
  }
  void cancel(env::TimerId timer) override {
    std::erase_if(timers_, [timer](const auto& each) { return each.first.second == timer; });
  }
  void add_inbox(env::Inbox&, env::Priority) override { CHECK(false); }
  void remove_inbox(env::Inbox&) override { CHECK(false); }
  void add_turn_hook(env::Task) override { CHECK(false); }
  void note_activity(const char*) override {}
  void wake() override {}

  // Runs what is due and posted, and what that posts; timers first.
  void run() {
    for (;;) {
      if (!timers_.empty() && timers_.begin()->first.first <= now_) {
        env::Task task = std::move(timers_.begin()->second);
        timers_.erase(timers_.begin());
        task();
      } else if (!tasks_.empty()) {
        env::Task task = std::move(tasks_.front());
        tasks_.pop_front();
        task();
      } else {
        return;
      }
    }
  }
  void advance(Duration by) {
    now_ += by;
    run();
  }
  bool has_timers() const { return !timers_.empty(); }

 private:
  MonoTime now_{1s};
  std::deque<env::Task> tasks_;
  std::map<std::pair<MonoTime, env::TimerId>, env::Task> timers_;
  env::TimerId last_timer_ = 0;
};

}  // namespace quorate::wal::testing
