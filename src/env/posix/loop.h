// env/posix/loop.h: a loop over epoll.
//
// Loop:    itself. Before run() and after it returned, the thread that owns the object may call everything.
// Threads: wake() and stop() are for any thread.
// Invariants:
//   (1) A wake() costs a system call only when the loop sleeps or is about to; one that comes during a turn
//       makes the next turn begin without sleeping.
//   (2) Descriptors are watched edge-triggered: a Ready that did not take all there is asks for another
//       round with make_ready().
//   (3) A Ready that was forgotten is not called again.
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

#include "env/clock.h"
#include "env/log.h"
#include "env/loop.h"
#include "env/posix/system.h"
#include "env/turn.h"

namespace quorate::env::posix {

// Something with a descriptor on a PosixLoop. Must be forgotten before it is destroyed.
class Ready {
 public:
  virtual ~Ready() = default;
  // `events` as epoll has them; 0 when only make_ready() asked. A bounded amount of work. May destroy this.
  virtual void on_ready(uint32_t events) = 0;

 private:
  friend class PosixLoop;
  Ready* previous_ = nullptr;  // in the loop's queue
  Ready* next_ = nullptr;
  uint32_t events_ = 0;  // not yet told
  bool queued_ = false;
};

class PosixLoop final : public Loop, private ReadySockets {
 public:
  PosixLoop(Clock& clock, Log& log);
  ~PosixLoop() override;

  MonoTime now() override { return turn_.now(); }
  void post(Task task) override;
  TimerId at(MonoTime deadline, Task task) override;
  void cancel(TimerId timer) override;
  void add_inbox(Inbox& inbox, Priority priority) override;
  void remove_inbox(Inbox& inbox) override;
  void add_turn_hook(Task hook) override;
  void note_activity(const char* what) override { turn_.note_activity(what); }
  void wake() override;

  // Takes turns until stop(), and may be called again; the thread that calls it is the loop's.
  void run();
  // Makes run() return after the turn that is going on. Stays in force: a later run() returns at once.
  void stop();
  // Destroys what was posted and set, unrun; for the end, while the sockets and nets that it may own live.
  void forget_work() { turn_.forget_work(); }
  // One turn; sleeps before it at most `wait_max` when there is nothing to do.
  void take_turn(Duration wait_max);

  // Watches `fd` for `events`; EPOLLET is the caller's to add. Errors: what epoll says.
  Status watch(int fd, uint32_t events, Ready& ready);
  // Ends the watch; a closed descriptor needs only forget().
  void unwatch(int fd, Ready& ready);
  // No event that was already fetched is told to `ready` any more.
  void forget(Ready& ready);
  // The same, and `ready` dies: serving() says so to its own on_ready, should that be what runs.
  void bury(Ready& ready);
  // The Ready whose on_ready runs, or null when it was buried meanwhile.
  const Ready* serving() const { return serving_; }
  // Calls ready.on_ready() again, after the others that wait.
  void make_ready(Ready& ready);

  // 64 KiB for one read; its bytes live until the next on_ready. The loop's thread.
  static constexpr size_t kReadBytes = 64 * 1024;
  char* read_buffer() { return read_buffer_.get(); }

 private:
  enum class Rest : uint8_t { kAwake, kAsleep, kWoken };

  size_t serve(size_t sockets_max) override;
  // Fetches events, sleeping up to `wait`.
  void poll(Duration wait);
  Duration sleep_time(Duration wait_max);
  void enqueue(Ready& ready, uint32_t events);
  Ready* dequeue();
  void check_thread() const;

  Clock& clock_;
  Turn turn_;
  Fd epoll_;
  Fd event_;
  std::atomic<Rest> rest_{Rest::kAwake};
  std::atomic<bool> stopped_{false};
  std::atomic<std::thread::id> thread_{};  // none while nobody runs it
  bool pwait2_ = true;                     // the kernel takes nanoseconds
  Ready* first_ = nullptr;
  Ready* last_ = nullptr;
  const Ready* serving_ = nullptr;
  std::unique_ptr<char[]> read_buffer_;
};

}  // namespace quorate::env::posix
