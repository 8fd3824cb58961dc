// base/testing/heap.h: what a test program's operator new gave and took back; for tests only.
//
// A program counts when base/testing/heap.cc is among its sources. Sanitizers bring an operator new of their own: under
// them nothing is counted, and a test that asserts a count skips. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quorate {

struct Heap {
  // False under a sanitizer.
  static bool counts();

  // While it is false `allocations` and `allocated_bytes` stand still.
  inline static bool counting = true;
  inline static uint64_t allocations = 0;
  inline static uint64_t allocated_bytes = 0;  // as asked for
  inline static size_t live = 0;               // bytes, as the allocator rounds them
  inline static size_t peak = 0;               // of `live`; may be set
};

}  // namespace quorate
