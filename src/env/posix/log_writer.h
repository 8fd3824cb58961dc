// env/posix/log_writer.h: the thread that writes log files, and the files that it writes.
//
// Threads: a LogWriter takes jobs from the core loop and runs them on its own thread; completions come back
//          through a mailbox of the core loop.
// Invariants:
//   (1) A job is done when its bytes are durable as the file's Durability says, or when a call failed.
//   (2) No call that failed is tried again: what an fsync that failed left behind is unknown.
//   (3) The thread does nothing but wait and write, so a job waits for other log writes only.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "env/disk.h"
#include "env/mailbox.h"
#include "env/posix/system.h"
#include "env/trace.h"

namespace quorate::env::posix {

class LogWriter {
 public:
  LogWriter(Loop& core, Trace& trace);
  ~LogWriter();  // waits for what was handed in
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // `fd` was opened as `durability` demands.
  std::unique_ptr<LogFile> file(Fd fd, std::string path, uint64_t size, const DiskTraits& traits);

 private:
  class File;
  struct Job {
    int fd;
    bool sync;  // fdatasync after the write
    uint64_t offset;
    AlignedBuffer buffer;
    File* file;  // null once the file is gone; the core loop's
    std::string path;
    Status result;
    bool written = false;  // guarded by mutex_
  };

  void submit(std::unique_ptr<Job> job);
  void wait_until_written(const Job& job);
  void serve();
  void finish(std::unique_ptr<Job> job);

  Trace& trace_;
  std::mutex mutex_;
  std::condition_variable handed_in_;
  std::condition_variable written_;
  std::deque<std::unique_ptr<Job>> waiting_;  // guarded by mutex_
  bool stopped_ = false;                      // guarded by mutex_
  Mailbox<std::unique_ptr<Job>> finished_;
  std::thread thread_;
};

}  // namespace quorate::env::posix
