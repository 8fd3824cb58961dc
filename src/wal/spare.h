// wal/spare.h: the segment file that comes next: made ahead of need, off the loop.
//
// Loop:    core.
// Invariants:
//   (1) At most one file is held or on its way.
//   (2) A file that is held is whole and durable under its name.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "env/env.h"
#include "wal/format.h"

namespace quorate::wal {

class Spare {
 public:
  struct Options {
    std::string directory;
    uint64_t segment_bytes = 0;
    env::DiskTraits traits;
  };
  // `changed` runs on the loop whenever an attempt has ended, well or not. `this` may be destroyed while an
  // attempt is under way; `changed` is then not called.
  Spare(env::Disk& disk, env::Loop& loop, env::Log& log, Options options, std::move_only_function<void()> changed);
  ~Spare();
  Spare(const Spare&) = delete;
  Spare& operator=(const Spare&) = delete;

  // Holds an existing file of the right size, whose bytes may be anything.
  void adopt(uint64_t segment, std::unique_ptr<env::LogFile> file);
  // A file of an earlier segment, of the right size, that can be used again. False where there are enough.
  bool offer(uint64_t segment);
  // Starts to make segment number `segment`, unless it is held or on its way: of a file that was offered, or anew.
  void prepare(uint64_t segment);

  bool ready() const { return file_ != nullptr; }
  bool making() const { return making_; }
  // Ok unless the last attempt failed and nothing is held.
  const Status& failure() const { return failure_; }
  uint64_t segment_bytes() const { return options_.segment_bytes; }
  // Whether the held file may contain bytes of an earlier use.
  bool recycled() const { return recycled_; }
  // Of the held file, which stays here until take().
  env::LogFile& file() { return *file_; }
  std::unique_ptr<env::LogFile> take() { return std::move(file_); }

 private:
  void made(Result<std::unique_ptr<env::LogFile>> file);

  env::Disk& disk_;
  env::Loop& loop_;
  env::Log& log_;
  const Options options_;
  std::move_only_function<void()> changed_;
  uint64_t segment_ = 0;  // held or wanted
  std::unique_ptr<env::LogFile> file_;
  std::deque<uint64_t> offered_;
  bool recycled_ = false;
  bool making_ = false;
  uint64_t making_of_ = 0;  // the offered file that is to become it; 0: made anew
  Status failure_;
  env::TimerId retry_ = 0;
  std::shared_ptr<Spare*> self_;  // null inside once destroyed: an attempt outlives it
};

}  // namespace quorate::wal
