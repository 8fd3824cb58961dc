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

void Spare::prepare(uint64_t segment) {
  if (file_ || making_) {
    CHECK(segment == segment_);
    return;
  }
  segment_ = segment;
  making_ = true;
  loop_.cancel(retry_);
  retry_ = 0;
  disk_.create_log_async({.directory = options_.directory,
                          .temporary = options_.directory + "/" + std::string(kSpareName),
                          .path = options_.directory + "/" + segment_name(segment),
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
    recycled_ = false;
  } else {
    // Said once; the retries are silent until one succeeds.
    if (failure_.ok()) log_.warn("cannot make the next log segment", {{"error", file.error().text()}});
    failure_ = file.error();
    retry_ = loop_.after(limits::kSpareRetry, [this] {
      retry_ = 0;
      prepare(segment_);
    });
  }
  changed_();
}

}  // namespace quorate::wal
