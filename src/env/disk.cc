#include "env/disk.h"

#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/mutant.h"

namespace quorate::env {

std::string_view durability_name(Durability durability) {
  switch (durability) {
    case Durability::kDirectDsync: return "O_DIRECT|O_DSYNC";
    case Durability::kDsync: return "O_DSYNC";
    case Durability::kFdatasync: return "fdatasync";
    case Durability::kNone: return "none";
  }
  return "unknown";
}

AlignedBuffer::AlignedBuffer(size_t size) : size_(size) {
  constexpr size_t kAlignment = 4096;
  if (size == 0) return;
  // aligned_alloc wants a size that is a multiple of the alignment.
  const size_t rounded = (size + kAlignment - 1) / kAlignment * kAlignment;
  data_.reset(static_cast<char*>(std::aligned_alloc(kAlignment, rounded)));
  CHECK(data_ != nullptr);
  std::memset(data_.get(), 0, size);
}

void AlignedBuffer::Free::operator()(char* p) const { std::free(p); }

void Disk::create_log_async(NewLog wanted, std::move_only_function<void(Result<std::unique_ptr<LogFile>>)> done) {
  const std::string temporary = wanted.temporary;
  const uint64_t size = wanted.reuse.empty() ? wanted.size : 0;
  create_filled_async(temporary, size, [this, log = std::move(wanted), tell = std::move(done)](Status status) mutable {
    if (status.ok() && !log.reuse.empty()) {
      (void)remove(log.temporary);  // it only took the time that a renaming takes
      status = rename(log.reuse, log.path);
    } else if (status.ok()) {
      status = rename(log.temporary, log.path);
    }
    if (status.ok() && !mutated(Mutant::kNoDirectorySync)) status = sync_directory(log.directory);
    if (!status.ok()) {
      (void)remove(log.temporary);  // a part of it would only keep the disk full
      return tell(fail(std::move(status)));
    }
    tell(open_log(log.path, log.traits));
  });
}

}  // namespace quorate::env
