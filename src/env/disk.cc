#include "env/disk.h"

#include <cstdlib>
#include <cstring>

#include "base/check.h"

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

}  // namespace quorate::env
