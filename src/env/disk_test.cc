#include "env/disk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "env/trace.h"

namespace quorate::env {
namespace {

TEST(AlignedBuffer, IsAlignedZeroFilledAndAsLargeAsAsked) {
  for (const size_t size : {size_t{1}, size_t{4096}, size_t{4097}, size_t{1} << 20}) {
    const AlignedBuffer buffer(size);
    EXPECT_EQ(buffer.size(), size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % 4096, 0u);
    EXPECT_TRUE(std::all_of(buffer.view().begin(), buffer.view().end(), [](char c) { return c == 0; }));
  }
  EXPECT_TRUE(AlignedBuffer(0).view().empty());
}

TEST(Durability, HasANameForEachMode) {
  EXPECT_EQ(durability_name(Durability::kDirectDsync), "O_DIRECT|O_DSYNC");
  EXPECT_EQ(durability_name(Durability::kDsync), "O_DSYNC");
  EXPECT_EQ(durability_name(Durability::kFdatasync), "fdatasync");
  EXPECT_EQ(durability_name(Durability::kNone), "none");
}

TEST(Trace, NamesTheStagesInTheirOrder) {
  std::string names;
  for (int stage = 0; stage <= static_cast<int>(Stage::kSend); ++stage)
    names += std::string(stage_name(static_cast<Stage>(stage))) + " ";
  EXPECT_EQ(names, "parse guard propose log durable commit apply reply send ");
}

}  // namespace
}  // namespace quorate::env
