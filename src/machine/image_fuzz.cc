// The parts of an image from any bytes: refused, or a machine that can be asked and goes on.
//
// Input: two bytes of the state's length, the state, then the items.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/check.h"
#include "machine/image.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quorate;
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t length = data[0] | static_cast<size_t>(data[1]) << 8;
  const std::string_view state = input.substr(2, length);
  const std::string_view items = input.substr(2 + state.size());
  machine::ImageLoader loader(machine::Options{}, size);
  if (!loader.take_state(state, 7, 1) || !loader.take_items(items) || !loader.finish()) return 0;
  const std::unique_ptr<machine::Machine> machine = loader.take_machine();
  const mvcc::Store& store = machine->store();
  CHECK(store.keys() <= loader.records());
  auto hasher = mvcc::KeyHasher::open(store, 0);
  if (hasher) {
    while (!(*hasher)->step(1000)) {}
  }
  // What was loaded can be taken again, and is the same.
  machine::ImageWalk walk(*machine, loader.configuration());
  std::string again = walk.take_state(), again_items;
  size_t budget = size;
  CHECK(walk.step(budget, SIZE_MAX, again_items));
  CHECK(again.size() <= state.size() && again_items == items);
  machine->step_compaction(1000);
  return 0;
}
