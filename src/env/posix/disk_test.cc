#include "env/posix/disk.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstring>

#include "env/disk_contract.h"
#include "env/posix/test_world.h"

namespace quorate::env {
INSTANTIATE_TYPED_TEST_SUITE_P(Posix, DiskContract, posix::PosixTestWorld);
}  // namespace quorate::env

namespace quorate::env::posix {
namespace {

TEST(PosixDisk, EveryModeWrites) {
  PosixTestWorld world;
  const std::string path = world.folder() + "/log";
  const auto best = world.disk().probe(world.folder(), false);
  ASSERT_TRUE(best);
  for (const Durability mode : {best->durability, Durability::kDsync, Durability::kFdatasync, Durability::kNone}) {
    ASSERT_TRUE(world.disk().create_filled(path, 8192).ok());
    auto log = world.disk().open_log(path, {mode, 4096});
    ASSERT_TRUE(log) << durability_name(mode);
    AlignedBuffer buffer(4096);
    std::memset(buffer.data(), 'm', buffer.size());
    std::optional<Status> done;
    (*log)->write(4096, std::move(buffer), [&](Status status, AlignedBuffer) { done = std::move(status); });
    ASSERT_TRUE(world.run_until([&] { return done.has_value(); }));
    EXPECT_TRUE(done->ok()) << durability_name(mode) << done->text();
    EXPECT_EQ(world.disk().read_at(path, 4096, 4096), std::string(4096, 'm'));
  }
}

TEST(PosixDisk, AFilledFileHasNoHoles) {
  PosixTestWorld world;
  const std::string path = world.folder() + "/f";
  ASSERT_TRUE(world.disk().create_filled(path, 4 << 20).ok());
  struct stat found;
  ASSERT_EQ(::stat(path.c_str(), &found), 0);
  EXPECT_GE(found.st_blocks * 512, 4 << 20);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
}

TEST(PosixDisk, AFailedWriteIsFinalForItsFile) {
  PosixTestWorld world;
  const std::string path = world.folder() + "/log";
  ASSERT_TRUE(world.disk().create_filled(path, 8192).ok());
  auto log = world.disk().open_log(path, {Durability::kNone, 4096});
  ASSERT_TRUE(log);
  const auto write = [&](uint64_t offset) {
    std::optional<Status> done;
    (*log)->write(offset, AlignedBuffer(4096), [&](Status status, AlignedBuffer buffer) {
      EXPECT_EQ(buffer.size(), 4096u);
      done = std::move(status);
    });
    EXPECT_TRUE(world.run_until([&] { return done.has_value(); }));
    return done.value_or(Status());
  };
  EXPECT_TRUE(write(0).ok());
  // The system refuses what lies behind this.
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status failed = write(4096);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(failed, Status(Code::kInternal, path + ": write: file too large"));
  EXPECT_EQ(write(0), failed);
}

TEST(PosixDisk, FoldersAreForTheirOwnerAlone) {
  PosixTestWorld world;
  ASSERT_TRUE(world.disk().make_directory(world.folder() + "/a/b").ok());
  struct stat found;
  ASSERT_EQ(::stat((world.folder() + "/a/b").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0700u);
}

TEST(PosixDisk, AFileThatTellsNoSizeIsReadWhole) {
  PosixTestWorld world;
  const auto text = world.disk().read_file("/proc/self/status");
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("Threads:"), std::string::npos);
}

TEST(PosixDiskDeathTest, AWriteOutsideTheFileIsOurMistake) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  PosixTestWorld world;
  const std::string path = world.folder() + "/log";
  ASSERT_TRUE(world.disk().create_filled(path, 8192).ok());
  auto log = world.disk().open_log(path, {Durability::kNone, 4096});
  ASSERT_TRUE(log);
  EXPECT_DEATH((*log)->write(8192, AlignedBuffer(4096), [](Status, AlignedBuffer) {}), "CHECK failed");
  EXPECT_DEATH((*log)->write(1, AlignedBuffer(4096), [](Status, AlignedBuffer) {}), "CHECK failed");
}

}  // namespace
}  // namespace quorate::env::posix
