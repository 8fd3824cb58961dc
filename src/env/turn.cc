#include "env/turn.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/limits.h"

namespace quorate::env {
namespace {

// An answer may make another answer on the same loop; after this many rounds the next turn has them.
constexpr int kCompletionRounds = 4;
constexpr Duration kSlowTurnLogInterval = 1s;

}  // namespace

void Turn::run(ReadySockets& sockets) {
  CHECK(!running_);
  begin_ = now_ = clock_.now();
  running_ = true;
  activity_ = "timers, tasks and completions";
  longest_ = {};
  run_timers();
  run_posted();
  drain_completions();
  serve_clients(sockets);
  // By index: a hook may be added by what a hook calls.
  for (size_t i = 0; i < hooks_.size(); ++i) hooks_[i]();
  if (removed_) {
    std::erase(completions_, nullptr);
    std::erase(clients_, nullptr);
    removed_ = false;
  }
  look("");
  warn_if_slow();
  running_ = false;
}

void Turn::forget_work() {
  // What dies may post and set again.
  while (!posted_.empty() || timers_.size() > 0) {
    const std::vector<Task> tasks = std::exchange(posted_, {});
    const Timers timers = std::exchange(timers_, {});
  }
  hooks_.clear();
}

bool Turn::has_work() {
  if (!posted_.empty()) return true;
  const auto waits = [](Inbox* inbox) { return inbox != nullptr && inbox->has_items(); };
  return std::any_of(completions_.begin(), completions_.end(), waits) ||
         std::any_of(clients_.begin(), clients_.end(), waits);
}

TimerId Turn::at(MonoTime deadline, Task task) {
  // What a turn sets is not due in it, however long ago the deadline was: a task that sets itself again
  // would hold the loop for ever.
  if (running_ && deadline <= begin_) deadline = begin_ + Duration(1);
  return timers_.add(deadline, std::move(task));
}

void Turn::add_inbox(Inbox& inbox, Priority priority) {
  (priority == Priority::kCompletion ? completions_ : clients_).push_back(&inbox);
}

void Turn::remove_inbox(Inbox& inbox) {
  auto* list = &completions_;
  auto found = std::find(list->begin(), list->end(), &inbox);
  if (found == list->end()) {
    list = &clients_;
    found = std::find(list->begin(), list->end(), &inbox);
  }
  CHECK(found != list->end());
  if (running_) {
    *found = nullptr;
    removed_ = true;
  } else {
    list->erase(found);
  }
}

void Turn::run_timers() {
  while (Task task = timers_.take_due(begin_)) task();
}

void Turn::run_posted() {
  running_tasks_.swap(posted_);
  for (Task& task : running_tasks_) task();
  running_tasks_.clear();
}

void Turn::drain_completions() {
  for (int round = 0; round < kCompletionRounds; ++round) {
    size_t handled = 0;
    for (size_t i = 0; i < completions_.size(); ++i) {
      if (completions_[i] != nullptr) handled += completions_[i]->drain(std::numeric_limits<size_t>::max());
    }
    if (handled == 0) return;
  }
}

void Turn::serve_clients(ReadySockets& sockets) {
  look("clients");
  const MonoTime limit = now_ + limits::kClientTurnBudget;
  size_t idle_sources = 0;
  while (idle_sources <= clients_.size()) {
    if (next_source_ > clients_.size()) next_source_ = 0;
    const size_t source = next_source_++;
    if (serve_source(source, sockets) == 0) {
      ++idle_sources;
      continue;
    }
    idle_sources = 0;
    look("clients");
    if (now_ >= limit) break;
  }
  activity_ = "turn hooks";
}

void Turn::look(const char* next) {
  const MonoTime now = clock_.now();
  if (now - now_ > longest_) {
    longest_ = now - now_;
    longest_activity_ = activity_;
  }
  now_ = now;
  activity_ = next;
}

size_t Turn::serve_source(size_t source, ReadySockets& sockets) {
  if (source == 0) return sockets.serve(kSocketChunk);
  Inbox* inbox = clients_[source - 1];
  return inbox == nullptr ? 0 : inbox->drain(kInboxChunkItems);
}

void Turn::warn_if_slow() {
  const Duration took = now_ - begin_;
  if (took <= limits::kSlowTurn) return;
  if (now_ < quiet_until_) {
    ++slow_unlogged_;
    return;
  }
  quiet_until_ = now_ + kSlowTurnLogInterval;
  log_.warn("a turn of the loop took too long", {{"took", took},
                                                 {"expected-duration", limits::kSlowTurn},
                                                 {"activity", longest_activity_},
                                                 {"unlogged-turns", slow_unlogged_}});
  slow_unlogged_ = 0;
}

}  // namespace quorate::env
