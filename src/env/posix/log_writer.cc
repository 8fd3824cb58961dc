#include "env/posix/log_writer.h"

#include <unistd.h>

#include <cerrno>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/mutant.h"

namespace quorate::env::posix {
namespace {

Status write_whole(const std::string& path, int fd, std::string_view bytes, uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error(path, "write", errno);
    if (count == 0) return Status(Code::kInternal, path + ": write: nothing was written");
    bytes.remove_prefix(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
  return {};
}

}  // namespace

class LogWriter::File final : public LogFile {
 public:
  File(LogWriter& writer, Fd fd, std::string path, uint64_t size, const DiskTraits& traits)
      : writer_(writer), fd_(std::move(fd)), path_(std::move(path)), size_(size), traits_(traits) {}

  ~File() override {
    if (in_flight_ == nullptr) return;
    writer_.wait_until_written(*in_flight_);
    in_flight_->file = nullptr;
  }

  void write(uint64_t offset, AlignedBuffer buffer,
             std::move_only_function<void(Status, AlignedBuffer)> done) override {
    CHECK(in_flight_ == nullptr);
    CHECK(offset % traits_.alignment_bytes == 0 && buffer.size() % traits_.alignment_bytes == 0);
    CHECK(offset <= size_ && buffer.size() <= size_ - offset);
    done_ = std::move(done);
    auto job = std::make_unique<Job>(Job{.fd = fd_.get(),
                                         .sync = traits_.durability == Durability::kFdatasync,
                                         .offset = offset,
                                         .buffer = std::move(buffer),
                                         .file = this,
                                         .path = path_,
                                         .result = failure_});
    in_flight_ = job.get();
    writer_.submit(std::move(job));
  }

  void finish(Job& job) {
    in_flight_ = nullptr;
    // A handle that forgets is a part of that fault.
    if (failure_.ok() && !mutated(Mutant::kRetryFailedSync)) failure_ = job.result;
    // The callback may write again, or destroy this.
    auto done = std::exchange(done_, nullptr);
    done(std::move(job.result), std::move(job.buffer));
  }

 private:
  LogWriter& writer_;
  const Fd fd_;
  const std::string path_;
  const uint64_t size_;
  const DiskTraits traits_;
  Status failure_;  // of an earlier write; final
  Job* in_flight_ = nullptr;
  std::move_only_function<void(Status, AlignedBuffer)> done_;
};

LogWriter::LogWriter(Loop& core, Trace& trace)
    : trace_(trace),
      finished_(core, Priority::kCompletion, std::numeric_limits<size_t>::max(),
                [this](std::unique_ptr<Job>&& job) { finish(std::move(job)); }),
      thread_(start_thread("log-writer", [this] { serve(); })) {}

LogWriter::~LogWriter() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  handed_in_.notify_one();
  thread_.join();
}

std::unique_ptr<LogFile> LogWriter::file(Fd fd, std::string path, uint64_t size, const DiskTraits& traits) {
  return std::make_unique<File>(*this, std::move(fd), std::move(path), size, traits);
}

void LogWriter::submit(std::unique_ptr<Job> job) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(job));
  }
  handed_in_.notify_one();
}

void LogWriter::wait_until_written(const Job& job) {
  std::unique_lock lock(mutex_);
  written_.wait(lock, [&job] { return job.written; });
}

void LogWriter::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    handed_in_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    std::unique_ptr<Job> job = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    // A file that failed before stays failed.
    if (job->result.ok()) job->result = write_whole(job->path, job->fd, job->buffer.view(), job->offset);
    if (job->result.ok() && job->sync && ::fdatasync(job->fd) != 0)
      job->result = file_error(job->path, "fdatasync", errno);
    lock.lock();
    job->written = true;
    written_.notify_all();
    lock.unlock();
    finished_.push(std::move(job));
    lock.lock();
  }
}

void LogWriter::finish(std::unique_ptr<Job> job) {
  if (job->file == nullptr) return;
  trace_.input(Input::kWriteDone, job->offset, job->result.text());
  job->file->finish(*job);
}

}  // namespace quorate::env::posix
