#include "base/testing/heap.h"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define QUORATE_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define QUORATE_SANITIZED
#endif
#endif

#ifdef QUORATE_SANITIZED

bool quorate::Heap::counts() { return false; }

#else

using quorate::Heap;

bool Heap::counts() { return true; }

namespace {

void* counted(size_t size, size_t alignment = 0) {
  const size_t at_least = size == 0 ? 1 : size;
  void* memory = alignment == 0 ? std::malloc(at_least)
                                : std::aligned_alloc(alignment, (at_least + alignment - 1) / alignment * alignment);
  if (!memory) std::abort();
  if (Heap::counting) {
    ++Heap::allocations;
    Heap::allocated_bytes += size;
  }
  Heap::live += malloc_usable_size(memory);
  Heap::peak = std::max(Heap::peak, Heap::live);
  return memory;
}

void uncounted(void* memory) {
  if (memory) Heap::live -= malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

void* operator new(size_t size) { return counted(size); }
void* operator new[](size_t size) { return counted(size); }
void* operator new(size_t size, const std::nothrow_t& /*tag*/) noexcept { return counted(size); }
void* operator new[](size_t size, const std::nothrow_t& /*tag*/) noexcept { return counted(size); }
void* operator new(size_t size, std::align_val_t alignment) { return counted(size, static_cast<size_t>(alignment)); }
void operator delete(void* memory) noexcept { uncounted(memory); }
void operator delete(void* memory, size_t /*size*/) noexcept { uncounted(memory); }
void operator delete[](void* memory) noexcept { uncounted(memory); }
void operator delete[](void* memory, size_t /*size*/) noexcept { uncounted(memory); }
void operator delete(void* memory, const std::nothrow_t& /*tag*/) noexcept { uncounted(memory); }
void operator delete[](void* memory, const std::nothrow_t& /*tag*/) noexcept { uncounted(memory); }
void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept { uncounted(memory); }
void operator delete(void* memory, size_t /*size*/, std::align_val_t /*alignment*/) noexcept { uncounted(memory); }

#endif
