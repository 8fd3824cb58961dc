// mvcc/pool.h: memory for very many small objects whose size is known when they go.
//
// A general allocator rounds 296 bytes up to 320 and puts a header before them; at a million keys that is a tenth of
// the store. Here a size is rounded up to 8 bytes and nothing is added.
//
// Loop:    core. Not safe for any other.
// Costs:   O(1) each. Memory goes back in regions, when all of a region is free.
// Invariants:
//   (1) A slot's chunk holds slots of one size only and begins at a multiple of kChunkBytes: a slot finds it by
//   address. (2) A chunk with room is in its size's list; a chunk without slots in use is free for any size. (3) What
//   is larger than kSlotBytesMax comes from the general allocator, as everything does under AddressSanitizer,
//       which can see misuse only there.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace quorate::mvcc {

class Pool {
 public:
  static constexpr size_t kSlotBytesMax = 1024;

  Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  // Slots need not be given back before; what came from the general allocator must be.
  ~Pool();

  void* take(size_t bytes);
  // `bytes` as it was taken.
  void give(void* memory, size_t bytes);

  // Whether the pool's end frees an object of this size.
  static bool ends_with_pool(size_t bytes) { return !from_allocator(bytes); }
  // Of all regions and of what is larger.
  size_t held_bytes() const { return held_bytes_; }

 private:
  static constexpr size_t kChunkBytes = 32 * 1024;
  static constexpr size_t kRegionChunks = 64;
  static constexpr size_t kRegionBytes = kChunkBytes * kRegionChunks;
  static constexpr size_t kClasses = kSlotBytesMax / 8 + 1;

  struct Region;
  struct Chunk;

  static bool from_allocator(size_t bytes);
  Chunk* new_chunk(uint32_t slot_bytes);
  void free_chunk(Chunk* chunk);
  void link(Chunk* chunk);
  void unlink(Chunk* chunk);

  std::array<Chunk*, kClasses> with_room_{};  // by slot size / 8
  std::vector<std::unique_ptr<Region>> regions_;
  std::vector<Region*> regions_with_room_;
  size_t held_bytes_ = 0;
};

}  // namespace quorate::mvcc
