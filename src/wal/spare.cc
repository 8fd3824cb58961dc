#include "wal/spare.h"

#include "base/check.h"
#include "base/limits.h"

namespace quorate::wal {

Spare::Spare(env::Disk& disk, env::Loop& loop, env::Log& log, Options options, std::move_only_function<void()> changed)
    : disk_(disk),
      loop_(loop),
      log_(log),
      options_(std::move(options)),
      changed_(std::move(changed)),
      self_(std::make_shared<Spare*>(this)) {}

Spare::~Spare() {
  *self_ = nullptr;
  loop_.cancel(retry_);
}

void Spare::adopt(uint64_t segment, std::unique_ptr<env::LogFile> file) {
  CHECK(!making_ && !file_);
  segment_ = segment;
  file_ = std::move(file);
  recycled_ = true;
}

bool Spare::offer(uint64_t segment) {
  if (offered_.size() >= limits::kFreedSegmentsMax) return false;
  offered_.push_back(segment);
  return true;
}

void Spare::prepare(uint64_t segment) {
  if (file_ || making_) {
    CHECK(segment == segment_);
    return;
  }
  segment_ = segment;
  making_ = true;
  loop_.cancel(retry_);
  retry_ = 0;
  std::string reuse;
  making_of_ = 0;
  if (!offered_.empty()) {
    making_of_ = offered_.front();
    offered_.pop_front();
    reuse = options_.directory + "/" + segment_name(making_of_);
  }
  disk_.create_log_async({.directory = options_.directory,
                          .temporary = options_.directory + "/" + std::string(kSpareName),
                          .path = options_.directory + "/" + segment_name(segment),
                          .reuse = std::move(reuse),
                          .size = options_.segment_bytes,
                          .traits = options_.traits},
                         [self = self_](Result<std::unique_ptr<env::LogFile>> file) {
                           if (*self != nullptr) (*self)->made(std::move(file));
                         });
}

void Spare::made(Result<std::unique_ptr<env::LogFile>> file) {
  making_ = false;
  if (file) {
    if (!failure_.ok()) log_.info("the next log segment could be made");
    failure_ = {};
    file_ = std::move(*file);
    recycled_ = making_of_ != 0;
  } else {
    // Said once; the retries are silent until one succeeds.
    if (failure_.ok()) log_.warn("cannot make the next log segment", {{"error", file.error().text()}});
    failure_ = file.error();
    // Nothing was done for want of space. After any other failure it is not known what the file is now.
    if (making_of_ != 0 && failure_.code() == Code::kResourceExhausted) offered_.push_front(making_of_);
    retry_ = loop_.after(limits::kSpareRetry, [this] {
      retry_ = 0;
      prepare(segment_);
    });
  }
  changed_();
}

}  // namespace quorate::wal
