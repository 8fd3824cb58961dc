// env/posix/pool.h: a few threads and one queue.
//
// Threads: submit() is the core loop's; run() is for any.
// Invariants:
//   (1) Work starts in the order in which it was handed in.
//   (2) After stop() nothing starts, nothing runs, and no `done` is called for what had not finished.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "env/mailbox.h"
#include "env/pool.h"

namespace quorate::env::posix {

class PosixPool final : public Pool {
 public:
  PosixPool(Loop& core, size_t threads);
  ~PosixPool() override;

  void submit(Task work, Task done) override;
  // Work that tells its end in its own way.
  void run(Task work);
  // Waits for what runs and forgets what waits.
  void stop();

 private:
  void serve();

  Mailbox<Task> finished_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> waiting_;  // guarded by mutex_
  bool stopped_ = false;      // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace quorate::env::posix
