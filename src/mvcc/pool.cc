#include "mvcc/pool.h"

#include <algorithm>
#include <bit>
#include <new>

#include "base/check.h"

namespace quorate::mvcc {

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kAllFromAllocator = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool kAllFromAllocator = true;
#else
constexpr bool kAllFromAllocator = false;
#endif
#else
constexpr bool kAllFromAllocator = false;
#endif

struct Slot {
  Slot* next;
};

}  // namespace

struct Pool::Region {
  char* memory;
  uint64_t free_chunks = ~uint64_t{0};  // one bit each
  bool listed = true;

  explicit Region(char* the_memory) : memory(the_memory) {}
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  ~Region() { ::operator delete(memory, std::align_val_t{kRegionBytes}); }
};

// Stands at the beginning of its own memory.
struct Pool::Chunk {
  Region* region;
  Chunk* next;
  Chunk* previous;
  Slot* free;       // given back
  uint32_t fresh;   // offset of the first slot that was never taken
  uint32_t in_use;  // slots
  uint32_t slot_bytes;

  bool has_room() const { return free != nullptr || fresh + slot_bytes <= kChunkBytes; }
};

Pool::Pool() { static_assert(kRegionChunks == 64, "one word of bits"); }
Pool::~Pool() = default;

bool Pool::from_allocator(size_t bytes) { return kAllFromAllocator || bytes > kSlotBytesMax; }

void* Pool::take(size_t bytes) {
  if (from_allocator(bytes)) {
    held_bytes_ += bytes;
    return ::operator new(bytes);
  }
  const size_t slot_bytes = std::max<size_t>(8, (bytes + 7) & ~size_t{7});
  Chunk* chunk = with_room_[slot_bytes / 8];
  if (!chunk) {
    chunk = new_chunk(static_cast<uint32_t>(slot_bytes));
    link(chunk);
  }
  ++chunk->in_use;
  void* memory = chunk->free;
  if (memory) {
    chunk->free = chunk->free->next;
  } else {
    memory = reinterpret_cast<char*>(chunk) + chunk->fresh;
    chunk->fresh += chunk->slot_bytes;
  }
  if (!chunk->has_room()) unlink(chunk);
  return memory;
}

void Pool::give(void* memory, size_t bytes) {
  if (from_allocator(bytes)) {
    held_bytes_ -= bytes;
    ::operator delete(memory);
    return;
  }
  auto* chunk = reinterpret_cast<Chunk*>(reinterpret_cast<uintptr_t>(memory) & ~(kChunkBytes - 1));
  const bool had_room = chunk->has_room();
  chunk->free = new (memory) Slot{chunk->free};
  --chunk->in_use;
  if (!had_room) link(chunk);
  if (chunk->in_use == 0) {
    unlink(chunk);
    free_chunk(chunk);
  }
}

Pool::Chunk* Pool::new_chunk(uint32_t slot_bytes) {
  if (regions_with_room_.empty()) {
    auto* memory = static_cast<char*>(::operator new(kRegionBytes, std::align_val_t{kRegionBytes}));
    regions_.push_back(std::make_unique<Region>(memory));
    regions_with_room_.push_back(regions_.back().get());
    held_bytes_ += kRegionBytes;
  }
  Region* region = regions_with_room_.back();
  const int index = std::countr_zero(region->free_chunks);
  region->free_chunks &= region->free_chunks - 1;
  if (region->free_chunks == 0) {
    region->listed = false;
    regions_with_room_.pop_back();
  }
  constexpr uint32_t kFirstSlot = (sizeof(Chunk) + 7) & ~size_t{7};
  return new (region->memory + static_cast<size_t>(index) * kChunkBytes)
      Chunk{region, nullptr, nullptr, nullptr, kFirstSlot, 0, slot_bytes};
}

// A region that is free as a whole goes, unless it is the only one with room: no toggling at its edge.
void Pool::free_chunk(Chunk* chunk) {
  Region* region = chunk->region;
  const auto index = static_cast<size_t>(reinterpret_cast<char*>(chunk) - region->memory) / kChunkBytes;
  region->free_chunks |= uint64_t{1} << index;
  if (!region->listed) {
    region->listed = true;
    regions_with_room_.push_back(region);
  }
  if (region->free_chunks != ~uint64_t{0} || regions_with_room_.size() == 1) return;
  std::erase(regions_with_room_, region);
  std::erase_if(regions_, [region](const auto& owned) { return owned.get() == region; });
  held_bytes_ -= kRegionBytes;
}

void Pool::link(Chunk* chunk) {
  Chunk*& head = with_room_[chunk->slot_bytes / 8];
  chunk->previous = nullptr;
  chunk->next = head;
  if (head) head->previous = chunk;
  head = chunk;
}

void Pool::unlink(Chunk* chunk) {
  if (chunk->next) chunk->next->previous = chunk->previous;
  (chunk->previous ? chunk->previous->next : with_room_[chunk->slot_bytes / 8]) = chunk->next;
}

}  // namespace quorate::mvcc
