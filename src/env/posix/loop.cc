#include "env/posix/loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include "base/check.h"

namespace quorate::env::posix {
namespace {

constexpr int kEventsMax = 256;
// Without a timer the loop still looks around now and then.
constexpr Duration kSleepMax = 60s;

}  // namespace

PosixLoop::PosixLoop(Clock& clock, Log& log)
    : clock_(clock),
      turn_(clock, log),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      event_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      read_buffer_(new char[kReadBytes]) {
  CHECK(epoll_ && event_);
  // Edge-triggered, so that a wake is never read back: each write is an edge.
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = nullptr;
  CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, event_.get(), &event) == 0);
}

PosixLoop::~PosixLoop() { CHECK(first_ == nullptr); }

void PosixLoop::post(Task task) {
  check_thread();
  turn_.post(std::move(task));
}

TimerId PosixLoop::at(MonoTime deadline, Task task) {
  check_thread();
  return turn_.at(deadline, std::move(task));
}

void PosixLoop::cancel(TimerId timer) {
  check_thread();
  turn_.cancel(timer);
}

void PosixLoop::add_inbox(Inbox& inbox, Priority priority) {
  check_thread();
  turn_.add_inbox(inbox, priority);
}

void PosixLoop::remove_inbox(Inbox& inbox) {
  check_thread();
  turn_.remove_inbox(inbox);
}

void PosixLoop::add_turn_hook(Task hook) {
  check_thread();
  turn_.add_turn_hook(std::move(hook));
}

void PosixLoop::wake() {
  if (rest_.exchange(Rest::kWoken, std::memory_order_acq_rel) != Rest::kAsleep) return;
  const uint64_t one = 1;
  // Can fail only when 2^64 - 2 wakes were never slept on.
  (void)!::write(event_.get(), &one, sizeof one);
}

void PosixLoop::run() {
  CHECK(thread_.load(std::memory_order_relaxed) == std::thread::id());
  thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  while (!stopped_.load(std::memory_order_acquire)) take_turn(kSleepMax);
  stopped_.store(false, std::memory_order_relaxed);
  thread_.store(std::thread::id(), std::memory_order_relaxed);
}

void PosixLoop::stop() {
  stopped_.store(true, std::memory_order_release);
  wake();
}

void PosixLoop::take_turn(Duration wait_max) {
  poll(sleep_time(wait_max));
  // Before the turn looks at the inboxes: whoever wakes from here on gets another turn.
  rest_.exchange(Rest::kAwake, std::memory_order_acq_rel);
  turn_.run(*this);
}

Duration PosixLoop::sleep_time(Duration wait_max) {
  if (first_ != nullptr || wait_max <= 0ns) return 0ns;
  if (const auto deadline = turn_.next_deadline()) wait_max = std::min(wait_max, *deadline - clock_.now());
  if (wait_max <= 0ns) return 0ns;
  Rest awake = Rest::kAwake;
  if (!rest_.compare_exchange_strong(awake, Rest::kAsleep, std::memory_order_acq_rel)) return 0ns;
  // Only now: an item that is pushed after this look finds the loop asleep and wakes it.
  return turn_.has_work() ? 0ns : wait_max;
}

void PosixLoop::poll(Duration wait) {
  std::array<epoll_event, kEventsMax> events;
  int count = -1;
  if (wait == 0ns) {
    count = ::epoll_wait(epoll_.get(), events.data(), kEventsMax, 0);
  } else {
    if (pwait2_) {
      timespec time{};
      time.tv_sec = static_cast<time_t>(wait / 1s);
      time.tv_nsec = static_cast<long>((wait % 1s).count());
      count = ::epoll_pwait2(epoll_.get(), events.data(), kEventsMax, &time, nullptr);
      // A container's filter may answer EPERM for a call that it does not know.
      if (count < 0 && (errno == ENOSYS || errno == EPERM)) pwait2_ = false;
    }
    if (!pwait2_) {
      const auto wait_ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
      count = ::epoll_wait(epoll_.get(), events.data(), kEventsMax, static_cast<int>(wait_ms));
    }
  }
  CHECK(count >= 0 || errno == EINTR);
  for (int i = 0; i < count; ++i) {
    auto* ready = static_cast<Ready*>(events[static_cast<size_t>(i)].data.ptr);
    if (ready != nullptr) enqueue(*ready, events[static_cast<size_t>(i)].events);
  }
}

Status PosixLoop::watch(int fd, uint32_t events, Ready& ready) {
  check_thread();
  epoll_event event{};
  event.events = events;
  event.data.ptr = &ready;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return net_error("epoll_ctl", errno);
  return {};
}

void PosixLoop::unwatch(int fd, Ready& ready) {
  check_thread();
  (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  forget(ready);
}

void PosixLoop::make_ready(Ready& ready) {
  check_thread();
  enqueue(ready, 0);
}

size_t PosixLoop::serve(size_t sockets_max) {
  size_t served = 0;
  while (served < sockets_max) {
    Ready* ready = dequeue();
    if (ready == nullptr) break;
    ++served;
    serving_ = ready;
    ready->on_ready(std::exchange(ready->events_, 0));
  }
  serving_ = nullptr;
  return served;
}

void PosixLoop::enqueue(Ready& ready, uint32_t events) {
  ready.events_ |= events;
  if (ready.queued_) return;
  ready.queued_ = true;
  ready.previous_ = last_;
  ready.next_ = nullptr;
  (last_ != nullptr ? last_->next_ : first_) = &ready;
  last_ = &ready;
}

Ready* PosixLoop::dequeue() {
  Ready* ready = first_;
  if (ready == nullptr) return nullptr;
  first_ = ready->next_;
  (first_ != nullptr ? first_->previous_ : last_) = nullptr;
  ready->queued_ = false;
  return ready;
}

void PosixLoop::forget(Ready& ready) {
  check_thread();
  ready.events_ = 0;
  if (!ready.queued_) return;
  ready.queued_ = false;
  (ready.previous_ != nullptr ? ready.previous_->next_ : first_) = ready.next_;
  (ready.next_ != nullptr ? ready.next_->previous_ : last_) = ready.previous_;
}

void PosixLoop::bury(Ready& ready) {
  forget(ready);
  if (serving_ == &ready) serving_ = nullptr;
}

void PosixLoop::check_thread() const {
  const std::thread::id owner = thread_.load(std::memory_order_relaxed);
  CHECK(owner == std::thread::id() || owner == std::this_thread::get_id());
}

}  // namespace quorate::env::posix
