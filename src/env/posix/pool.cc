#include "env/posix/pool.h"

#include <limits>

#include "base/check.h"
#include "env/posix/system.h"

namespace quorate::env::posix {

PosixPool::PosixPool(Loop& core, size_t threads)
    : finished_(core, Priority::kCompletion, std::numeric_limits<size_t>::max(), [](Task&& done) { done(); }) {
  CHECK(threads > 0);
  for (size_t i = 0; i < threads; ++i) {
    threads_.push_back(start_thread("pool-" + std::to_string(i), [this] { serve(); }));
  }
}

PosixPool::~PosixPool() { stop(); }

void PosixPool::submit(Task work, Task done) {
  run([this, job = std::move(work), end = std::move(done)]() mutable {
    job();
    // What the work owned dies on this thread, before its end is told.
    job = nullptr;
    finished_.push(std::move(end));
  });
}

void PosixPool::run(Task work) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    waiting_.push_back(std::move(work));
  }
  changed_.notify_one();
}

void PosixPool::stop() {
  std::deque<Task> forgotten;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    forgotten.swap(waiting_);
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void PosixPool::serve() {
  for (;;) {
    Task work;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
      if (stopped_) return;
      work = std::move(waiting_.front());
      waiting_.pop_front();
    }
    work();
  }
}

}  // namespace quorate::env::posix
