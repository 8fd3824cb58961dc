#include "base/bytes.h"

#include "base/check.h"

namespace quorate {

Bytes Bytes::adopt(std::string&& text) {
  Bytes bytes;
  if (text.empty()) return bytes;
  bytes.block_ = new Block{.text = std::move(text)};
  bytes.data_ = bytes.block_->text.data();
  bytes.size_ = bytes.block_->text.size();
  return bytes;
}

Bytes Bytes::slice(size_t offset, size_t length) const {
  CHECK(offset <= size_ && length <= size_ - offset);
  Bytes part(*this);
  part.data_ += offset;
  part.size_ = length;
  return part;
}

}  // namespace quorate
