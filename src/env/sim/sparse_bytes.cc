#include "env/sim/sparse_bytes.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace quorate::env::sim {

void SparseBytes::resize(uint64_t size) {
  if (size < size_) {
    const uint64_t pages = (size + kPageBytes - 1) / kPageBytes;
    if (pages < pages_.size()) pages_.resize(static_cast<size_t>(pages));
    const uint64_t rest = size % kPageBytes;
    if (rest != 0 && page_at(size / kPageBytes) != nullptr) {
      Page& last = own_page(size / kPageBytes);
      std::fill(last.begin() + static_cast<ptrdiff_t>(rest), last.end(), '\0');
    }
  }
  size_ = size;
}

std::string SparseBytes::read(uint64_t offset, size_t length) const {
  if (offset >= size_) return {};
  length = static_cast<size_t>(std::min<uint64_t>(length, size_ - offset));
  std::string bytes(length, '\0');
  for (size_t done = 0; done < length;) {
    const uint64_t at = offset + done;
    const size_t within = static_cast<size_t>(at % kPageBytes);
    const size_t piece = std::min(length - done, kPageBytes - within);
    if (const Page* page = page_at(at / kPageBytes)) std::memcpy(bytes.data() + done, page->data() + within, piece);
    done += piece;
  }
  return bytes;
}

void SparseBytes::write(uint64_t offset, std::string_view bytes) {
  CHECK(offset <= size_ && bytes.size() <= size_ - offset);
  while (!bytes.empty()) {
    const size_t within = static_cast<size_t>(offset % kPageBytes);
    const size_t piece = std::min(bytes.size(), kPageBytes - within);
    std::memcpy(own_page(offset / kPageBytes).data() + within, bytes.data(), piece);
    bytes.remove_prefix(piece);
    offset += piece;
  }
}

void SparseBytes::copy_from(const SparseBytes& other, uint64_t offset, size_t length) {
  CHECK(offset <= size_ && length <= size_ - offset);
  while (length > 0) {
    const uint64_t page = offset / kPageBytes;
    const size_t within = static_cast<size_t>(offset % kPageBytes);
    const size_t piece = std::min(length, kPageBytes - within);
    const Page* source = other.page_at(page);
    const bool whole = piece == kPageBytes && offset + piece <= other.size_;
    if (whole && source != nullptr) {
      if (pages_.size() <= page) pages_.resize(static_cast<size_t>(page) + 1);
      pages_[page] = other.pages_[page];
    } else if (source != nullptr || page_at(page) != nullptr) {
      std::string bytes = other.read(offset, piece);
      bytes.resize(piece, '\0');
      std::memcpy(own_page(page).data() + within, bytes.data(), piece);
    }
    offset += piece;
    length -= piece;
  }
}

bool SparseBytes::equals(const SparseBytes& other) const {
  if (size_ != other.size_) return false;
  static constexpr Page kZeros{};
  for (uint64_t page = 0; page < std::max(pages_.size(), other.pages_.size()); ++page) {
    const Page* mine = page_at(page);
    const Page* theirs = other.page_at(page);
    if (mine == theirs) continue;
    if ((mine != nullptr ? *mine : kZeros) != (theirs != nullptr ? *theirs : kZeros)) return false;
  }
  return true;
}

SparseBytes::Page& SparseBytes::own_page(uint64_t page) {
  if (pages_.size() <= page) pages_.resize(static_cast<size_t>(page) + 1);
  std::shared_ptr<Page>& slot = pages_[page];
  if (!slot) {
    slot = std::make_shared<Page>();
  } else if (slot.use_count() > 1) {
    slot = std::make_shared<Page>(*slot);
  }
  return *slot;
}

}  // namespace quorate::env::sim
