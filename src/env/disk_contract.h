// env/disk_contract.h: what every Disk keeps, as a test suite over a factory; for tests only.
//
// A world W is default-made for each test and has
//   Loop& loop();          // the core loop
//   Disk& disk();
//   std::string folder();  // empty, there, and this test's own
//   bool run_until(std::move_only_function<bool()> done);
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/prng.h"
#include "env/disk.h"

namespace quorate::env {

template <class W>
class DiskContract : public testing::Test {
 protected:
  Disk& disk() { return world.disk(); }
  std::string path(const std::string& name) { return world.folder() + "/" + name; }
  DiskTraits traits() {
    auto probed = disk().probe(world.folder(), false);
    EXPECT_TRUE(probed) << probed.error().text();
    return probed.value_or(DiskTraits());
  }
  // A buffer of whole blocks, filled with `byte`.
  AlignedBuffer blocks(size_t count, char byte) {
    AlignedBuffer buffer(count * traits().alignment_bytes);
    std::memset(buffer.data(), byte, buffer.size());
    return buffer;
  }
  std::unique_ptr<LogFile> log(const std::string& name, size_t block_count) {
    EXPECT_TRUE(disk().create_filled(path(name), block_count * traits().alignment_bytes).ok());
    auto opened = disk().open_log(path(name), traits());
    EXPECT_TRUE(opened) << opened.error().text();
    return opened ? std::move(*opened) : nullptr;
  }

  W world;
};
TYPED_TEST_SUITE_P(DiskContract);

TYPED_TEST_P(DiskContract, AProbeNamesAModeAndAPowerOfTwoAndLeavesNothing) {
  const DiskTraits traits = this->traits();
  EXPECT_NE(traits.durability, Durability::kNone);
  EXPECT_GT(traits.alignment_bytes, 0u);
  EXPECT_EQ(traits.alignment_bytes & (traits.alignment_bytes - 1), 0u);
  EXPECT_EQ(this->disk().probe(this->world.folder(), true)->durability, Durability::kNone);
  EXPECT_TRUE(this->disk().list(this->world.folder())->empty());
  EXPECT_FALSE(this->disk().probe(this->path("missing"), false));
}

TYPED_TEST_P(DiskContract, AFilledFileIsZeroToItsEnd) {
  const uint64_t size = 3 * 1024 * 1024 + 4096;
  ASSERT_TRUE(this->disk().create_filled(this->path("f"), size).ok());
  EXPECT_EQ(this->disk().file_size(this->path("f")), size);
  EXPECT_TRUE(this->disk().read_file(this->path("f")) == std::string(size, '\0'));
}

TYPED_TEST_P(DiskContract, AFileIsFilledOffTheLoop) {
  std::optional<Status> done;
  this->disk().create_filled_async(this->path("f"), 8192, [&](Status status) { done = std::move(status); });
  EXPECT_FALSE(done);
  ASSERT_TRUE(this->world.run_until([&] { return done.has_value(); }));
  EXPECT_TRUE(done->ok()) << done->text();
  EXPECT_EQ(this->disk().file_size(this->path("f")), 8192u);
  this->disk().create_filled_async(this->path("no/f"), 8192, [&](Status status) { done = std::move(status); });
  ASSERT_TRUE(this->world.run_until([&] { return !done->ok(); }));
  EXPECT_EQ(done->code(), Code::kNotFound);
}

TYPED_TEST_P(DiskContract, ALogWriteIsThereWhenItIsDoneAndReturnsTheBuffer) {
  auto log = this->log("log", 4);
  ASSERT_NE(log, nullptr);
  const size_t block = this->traits().alignment_bytes;
  std::optional<Status> done;
  size_t returned = 0;
  log->write(block, this->blocks(2, 'x'), [&](Status status, AlignedBuffer buffer) {
    done = std::move(status);
    returned = buffer.size();
  });
  EXPECT_FALSE(done);
  ASSERT_TRUE(this->world.run_until([&] { return done.has_value(); }));
  EXPECT_TRUE(done->ok()) << done->text();
  EXPECT_EQ(returned, 2 * block);
  EXPECT_TRUE(this->disk().read_file(this->path("log")) ==
              std::string(block, '\0') + std::string(2 * block, 'x') + std::string(block, '\0'));
}

TYPED_TEST_P(DiskContract, LogWritesMayBeChainedFromTheirCompletions) {
  auto log = this->log("log", 50);
  ASSERT_NE(log, nullptr);
  const size_t block = this->traits().alignment_bytes;
  size_t written = 0;
  std::string expected;
  std::function<void(AlignedBuffer)> next = [&](AlignedBuffer buffer) {
    const char letter = static_cast<char>('a' + written % 26);
    std::memset(buffer.data(), letter, buffer.size());
    expected += std::string(block, letter);
    log->write(written * block, std::move(buffer), [&](Status status, AlignedBuffer again) {
      ASSERT_TRUE(status.ok());
      if (++written < 50) next(std::move(again));
    });
  };
  next(AlignedBuffer(block));
  ASSERT_TRUE(this->world.run_until([&] { return written == 50; }));
  EXPECT_TRUE(this->disk().read_file(this->path("log")) == expected);
}

TYPED_TEST_P(DiskContract, ALogFileThatIsDestroyedFinishesItsWriteButTellsNobody) {
  auto log = this->log("log", 1);
  ASSERT_NE(log, nullptr);
  bool told = false;
  log->write(0, this->blocks(1, 'x'), [&](Status, AlignedBuffer) { told = true; });
  log.reset();
  EXPECT_TRUE(this->disk().read_file(this->path("log")) == this->blocks(1, 'x').view());
  auto second = this->log("second", 1);
  bool second_told = false;
  second->write(0, this->blocks(1, 'y'), [&](Status, AlignedBuffer) { second_told = true; });
  ASSERT_TRUE(this->world.run_until([&] { return second_told; }));
  EXPECT_FALSE(told);
}

TYPED_TEST_P(DiskContract, ALogFileMayBeDestroyedByItsOwnCompletion) {
  auto log = this->log("log", 1);
  bool told = false;
  log->write(0, this->blocks(1, 'x'), [&](Status, AlignedBuffer) {
    log.reset();
    told = true;
  });
  EXPECT_TRUE(this->world.run_until([&] { return told; }));
}

TYPED_TEST_P(DiskContract, OpeningALogThatIsNotThereIsNotFound) {
  const auto opened = this->disk().open_log(this->path("missing"), this->traits());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::kNotFound);
  EXPECT_EQ(opened.error().text().find(this->path("missing")), 0u) << opened.error().text();
}

TYPED_TEST_P(DiskContract, AReplacedFileIsTheNewOneAndNothingElseIsLeft) {
  ASSERT_TRUE(this->disk().replace_file(this->path("f"), "old").ok());
  ASSERT_TRUE(this->disk().replace_file(this->path("f"), "new and longer").ok());
  EXPECT_EQ(this->disk().read_file(this->path("f")), "new and longer");
  EXPECT_EQ(this->disk().list(this->world.folder()), std::vector<std::string>{"f"});
  EXPECT_EQ(this->disk().replace_file(this->path("no/f"), "x").code(), Code::kNotFound);
}

TYPED_TEST_P(DiskContract, APartOfAFileIsCutAtItsEnd) {
  ASSERT_TRUE(this->disk().replace_file(this->path("f"), "0123456789").ok());
  EXPECT_EQ(this->disk().read_at(this->path("f"), 3, 4), "3456");
  EXPECT_EQ(this->disk().read_at(this->path("f"), 8, 100), "89");
  EXPECT_EQ(this->disk().read_at(this->path("f"), 100, 1), "");
  EXPECT_EQ(this->disk().read_at(this->path("missing"), 0, 1).error().code(), Code::kNotFound);
}

TYPED_TEST_P(DiskContract, WhatIsNotThereIsNotFound) {
  const std::string missing = this->path("missing");
  EXPECT_EQ(this->disk().read_file(missing).error().code(), Code::kNotFound);
  EXPECT_EQ(this->disk().file_size(missing).error().code(), Code::kNotFound);
  EXPECT_EQ(this->disk().remove(missing).code(), Code::kNotFound);
  EXPECT_EQ(this->disk().rename(missing, this->path("x")).code(), Code::kNotFound);
  EXPECT_EQ(this->disk().list(missing).error().code(), Code::kNotFound);
  EXPECT_EQ(this->disk().sync_directory(missing).code(), Code::kNotFound);
  EXPECT_EQ(this->disk().sync_file(missing).code(), Code::kNotFound);
  EXPECT_EQ(this->disk().lock_directory(missing).error().code(), Code::kNotFound);
  EXPECT_FALSE(this->disk().exists(missing));
}

TYPED_TEST_P(DiskContract, FilesAreRenamedOverOthersAndRemoved) {
  ASSERT_TRUE(this->disk().replace_file(this->path("a"), "A").ok());
  ASSERT_TRUE(this->disk().replace_file(this->path("b"), "B").ok());
  EXPECT_TRUE(this->disk().rename(this->path("a"), this->path("b")).ok());
  EXPECT_FALSE(this->disk().exists(this->path("a")));
  EXPECT_EQ(this->disk().read_file(this->path("b")), "A");
  EXPECT_TRUE(this->disk().sync_file(this->path("b")).ok());
  EXPECT_TRUE(this->disk().sync_directory(this->world.folder()).ok());
  EXPECT_TRUE(this->disk().remove(this->path("b")).ok());
  EXPECT_TRUE(this->disk().list(this->world.folder())->empty());
}

TYPED_TEST_P(DiskContract, FoldersAreMadeWithTheirParentsAndMayBeThere) {
  EXPECT_TRUE(this->disk().make_directory(this->path("a/b/c")).ok());
  EXPECT_TRUE(this->disk().make_directory(this->path("a/b/c")).ok());
  EXPECT_TRUE(this->disk().exists(this->path("a/b/c")));
  ASSERT_TRUE(this->disk().replace_file(this->path("a/f"), "").ok());
  EXPECT_FALSE(this->disk().make_directory(this->path("a/f")).ok());
  EXPECT_EQ(this->disk().list(this->path("a")), (std::vector<std::string>{"b", "f"}));
}

TYPED_TEST_P(DiskContract, ALockedFolderIsRefusedUntilTheLockIsGone) {
  auto lock = this->disk().lock_directory(this->world.folder());
  ASSERT_TRUE(lock) << lock.error().text();
  const auto second = this->disk().lock_directory(this->world.folder());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(), Status(Code::kFailedPrecondition,
                                   this->world.folder() + ": the data directory is locked by another process"));
  lock->reset();
  EXPECT_TRUE(this->disk().lock_directory(this->world.folder()));
}

// Against a map from names to contents.
TYPED_TEST_P(DiskContract, FilesAgreeWithAMap) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    Prng prng(seed);
    std::map<std::string, std::string> twin;
    const std::string folder = this->path(std::to_string(seed));
    ASSERT_TRUE(this->disk().make_directory(folder).ok());
    for (int step = 0; step < 60; ++step) {
      const std::string name = std::string(1, static_cast<char>('a' + prng.below(4)));
      const std::string other = std::string(1, static_cast<char>('a' + prng.below(4)));
      switch (prng.below(4)) {
        case 0:
          twin[name] = prng.bytes(prng.below(10'000));
          ASSERT_TRUE(this->disk().replace_file(folder + "/" + name, twin[name]).ok());
          break;
        case 1: ASSERT_EQ(this->disk().remove(folder + "/" + name).ok(), twin.erase(name) > 0); break;
        case 2: {
          ASSERT_EQ(this->disk().rename(folder + "/" + name, folder + "/" + other).ok(), twin.contains(name));
          if (name == other || !twin.contains(name)) break;
          twin[other] = twin[name];
          twin.erase(name);
          break;
        }
        default: {
          const auto read = this->disk().read_file(folder + "/" + name);
          ASSERT_EQ(read.has_value(), twin.contains(name));
          if (read) {
            ASSERT_TRUE(*read == twin[name]);
          }
        }
      }
    }
    std::vector<std::string> names;
    for (const auto& [name, contents] : twin) names.push_back(name);
    EXPECT_EQ(this->disk().list(folder), names) << "seed " << seed;
  }
}

REGISTER_TYPED_TEST_SUITE_P(DiskContract, AProbeNamesAModeAndAPowerOfTwoAndLeavesNothing, AFilledFileIsZeroToItsEnd,
                            AFileIsFilledOffTheLoop, ALogWriteIsThereWhenItIsDoneAndReturnsTheBuffer,
                            LogWritesMayBeChainedFromTheirCompletions,
                            ALogFileThatIsDestroyedFinishesItsWriteButTellsNobody,
                            ALogFileMayBeDestroyedByItsOwnCompletion, OpeningALogThatIsNotThereIsNotFound,
                            AReplacedFileIsTheNewOneAndNothingElseIsLeft, APartOfAFileIsCutAtItsEnd,
                            WhatIsNotThereIsNotFound, FilesAreRenamedOverOthersAndRemoved,
                            FoldersAreMadeWithTheirParentsAndMayBeThere, ALockedFolderIsRefusedUntilTheLockIsGone,
                            FilesAgreeWithAMap);

}  // namespace quorate::env
