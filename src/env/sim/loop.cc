#include "env/sim/loop.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace quorate::env::sim {

SimLoop::SimLoop(Universe& universe, SimClock& clock, Log& log, uint64_t id)
    : universe_(universe), clock_(clock), id_(id), prng_(universe.prng().fork()), turn_(clock, log) {
  clock_.on_new_rate([this] { arm(); });
}

SimLoop::~SimLoop() {
  CHECK(first_ == nullptr);
  universe_.cancel(next_turn_);
}

void SimLoop::post(Task task) {
  if (dead_) return;
  turn_.post(std::move(task));
  arm();
}

TimerId SimLoop::at(MonoTime deadline, Task task) {
  if (dead_) return 0;
  const TimerId timer = turn_.at(deadline, std::move(task));
  arm();
  return timer;
}

void SimLoop::add_inbox(Inbox& inbox, Priority priority) {
  turn_.add_inbox(inbox, priority);
  wake();
}

void SimLoop::add_turn_hook(Task hook) {
  turn_.add_turn_hook(std::move(hook));
  wake();
}

void SimLoop::wake() {
  woken_ = true;
  arm();
}

void SimLoop::pause(Duration span) {
  CHECK(!in_turn_);
  resumes_at_ = std::max(resumes_at_, universe_.now() + span);
  arm();
}

void SimLoop::die() {
  CHECK(!in_turn_);
  dead_ = true;
  universe_.cancel(std::exchange(next_turn_, 0));
}

void SimLoop::arm() {
  if (dead_ || in_turn_) return;
  if (woken_ || first_ != nullptr || turn_.has_work()) {
    // What was drawn for the first piece of work holds for all that comes before the turn.
    const MonoTime latest = std::max(universe_.now(), resumes_at_) + kDelayMax;
    if (next_turn_ != 0 && next_turn_at_ >= resumes_at_ && next_turn_at_ <= latest) return;
    const auto spread = static_cast<uint64_t>((kDelayMax - kDelayMin).count());
    arm_at(universe_.now() + kDelayMin + Duration(static_cast<int64_t>(prng_.below(spread))));
    return;
  }
  const auto deadline = turn_.next_deadline();
  if (!deadline) return;
  arm_at(clock_.universe_time(*deadline));
}

void SimLoop::arm_at(MonoTime when) {
  when = std::max(when, resumes_at_);
  if (next_turn_ != 0 && next_turn_at_ == when) return;
  universe_.cancel(next_turn_);
  next_turn_at_ = when;
  next_turn_ = universe_.at(when, [this] { take_turn(); });
}

void SimLoop::take_turn() {
  next_turn_ = 0;
  if (universe_.now() < resumes_at_) return arm();
  const auto deadline = turn_.next_deadline();
  const bool due = deadline && *deadline <= clock_.now();
  if (due || std::exchange(woken_, false) || first_ != nullptr || turn_.has_work()) {
    woken_ = false;
    ++turns_;
    universe_.note("turn", id_, turns_);
    in_turn_ = true;
    clock_.begin_turn();
    if (watch_ != nullptr) watch_->on_turn();
    tell_side(true);
    turn_.run(*this);
    tell_side(false);
    clock_.end_turn();
    in_turn_ = false;
    resumes_at_ = clock_.universe_time(clock_.now());
  }
  arm();
}

size_t SimLoop::serve(size_t sockets_max) {
  size_t served = 0;
  while (served < sockets_max && first_ != nullptr) {
    Ready* ready = first_;
    first_ = ready->next_;
    (first_ != nullptr ? first_->previous_ : last_) = nullptr;
    ready->queued_ = false;
    ++served;
    serving_ = ready;
    tell_side(false);
    ready->on_ready();
    tell_side(true);
  }
  serving_ = nullptr;
  return served;
}

void SimLoop::make_ready(Ready& ready) {
  if (dead_ || ready.queued_) return;
  ready.queued_ = true;
  ready.previous_ = last_;
  ready.next_ = nullptr;
  (last_ != nullptr ? last_->next_ : first_) = &ready;
  last_ = &ready;
  arm();
}

void SimLoop::forget(Ready& ready) {
  if (!ready.queued_) return;
  ready.queued_ = false;
  (ready.previous_ != nullptr ? ready.previous_->next_ : first_) = ready.next_;
  (ready.next_ != nullptr ? ready.next_->previous_ : last_) = ready.previous_;
}

void SimLoop::bury(Ready& ready) {
  forget(ready);
  if (serving_ == &ready) serving_ = nullptr;
}

}  // namespace quorate::env::sim
