// env/sim/sparse_bytes.h: the bytes of a file, of which the zeros cost nothing and copies share the rest.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace quorate::env::sim {

class SparseBytes {
 public:
  static constexpr size_t kPageBytes = 4096;

  uint64_t size() const { return size_; }
  // What is cut off is zero should the file grow again.
  void resize(uint64_t size);
  // [offset, offset + length), fewer at the end.
  std::string read(uint64_t offset, size_t length) const;
  std::string whole() const { return read(0, static_cast<size_t>(size_)); }
  // Must lie inside the file.
  void write(uint64_t offset, std::string_view bytes);
  // Takes over what `other` has in [offset, offset + length), zeros where it ends; inside this file.
  void copy_from(const SparseBytes& other, uint64_t offset, size_t length);
  friend bool operator==(const SparseBytes& a, const SparseBytes& b) { return a.equals(b); }

 private:
  using Page = std::array<char, kPageBytes>;

  bool equals(const SparseBytes& other) const;
  Page& own_page(uint64_t page);
  const Page* page_at(uint64_t page) const { return page < pages_.size() ? pages_[page].get() : nullptr; }

  uint64_t size_ = 0;
  std::vector<std::shared_ptr<Page>> pages_;  // null: zeros; shared: copied before it is written
};

}  // namespace quorate::env::sim
