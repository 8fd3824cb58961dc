#include "env/posix/memory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>

namespace quorate::env::posix {
namespace {

constexpr uint64_t kNone = std::numeric_limits<uint64_t>::max();

class MemoryLimit : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "quorate_groups";
    std::filesystem::remove_all(root_);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  std::string root_;
};

TEST_F(MemoryLimit, IsTheLowestOfTheGroupAndThoseAroundIt) {
  write("/a/memory.max", "1000\n");
  write("/a/b/memory.max", "max\n");
  EXPECT_EQ(group_memory_limit("0::/a/b\n", root_), 1000u);
  write("/a/b/memory.max", "500\n");
  EXPECT_EQ(group_memory_limit("0::/a/b\n", root_), 500u);
  write("/memory.max", "70\n");
  EXPECT_EQ(group_memory_limit("0::/elsewhere/c\n", root_), 70u);
}

TEST_F(MemoryLimit, KnowsTheFirstVersionOfGroups) {
  write("/memory/docker/x/memory.limit_in_bytes", "4096\n");
  EXPECT_EQ(group_memory_limit("5:cpu:/docker/x\n4:hugetlb,memory:/docker/x\n", root_), 4096u);
  EXPECT_EQ(group_memory_limit("4:memoryx:/docker/x\n", root_), kNone);
}

TEST_F(MemoryLimit, IsNoneWhereNothingTells) {
  EXPECT_EQ(group_memory_limit("", root_), kNone);
  EXPECT_EQ(group_memory_limit("broken\n:\n0::", root_), kNone);
  EXPECT_GT(memory_limit(), 1u << 20);
}

}  // namespace
}  // namespace quorate::env::posix
