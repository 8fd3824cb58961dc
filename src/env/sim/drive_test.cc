#include "env/sim/drive.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "env/sim/test_world.h"

namespace quorate::env::sim {
namespace {

constexpr size_t kBlock = 4096;

// A world with a log file of zeros, durably there.
class Fixture : public TestWorld {
 public:
  explicit Fixture(uint64_t seed, size_t blocks = 4) : TestWorld(seed) {
    EXPECT_TRUE(disk().create_filled("/log", blocks * kBlock).ok());
    EXPECT_TRUE(disk().sync_directory("/").ok());
    open();
  }
  void open() { log = *disk().open_log("/log", drive.knobs().traits); }
  void begin(uint64_t block, char byte, size_t count = 1) {
    AlignedBuffer buffer(count * kBlock);
    std::memset(buffer.data(), byte, buffer.size());
    done.reset();
    log->write(block * kBlock, std::move(buffer),
               [this](Status status, const AlignedBuffer&) { done = std::move(status); });
  }
  Status write(uint64_t block, char byte, size_t count = 1) {
    begin(block, byte, count);
    EXPECT_TRUE(run_until([this] { return done.has_value(); }));
    return *done;
  }
  void lose_power() {
    log.reset();
    process->kill(Death::kPowerLoss);
    start();
  }
  std::string block(uint64_t number) { return drive.read("/log")->substr(number * kBlock, kBlock); }

  std::unique_ptr<LogFile> log;
  std::optional<Status> done;
};

std::string all(char byte, size_t count = kBlock) { return std::string(count, byte); }

TEST(SimDrive, APowerLossKeepsWhatWasReportedDurable) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Fixture world(seed);
    ASSERT_TRUE(world.write(1, 'x', 2).ok());
    ASSERT_TRUE(world.disk().replace_file("/f", "contents").ok());
    world.lose_power();
    EXPECT_EQ(world.drive.read("/log"), all('\0') + all('x', 2 * kBlock) + all('\0'));
    EXPECT_EQ(world.drive.read("/f"), "contents");
  }
}

// Of a write in flight each sector by itself is kept, lost or garbage.
TEST(SimDrive, EveryFateOfASectorIsReached) {
  std::set<std::string> fates;  // of the first two sectors
  CrashOutcomes sum;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Fixture world(seed);
    world.begin(0, 'x', 1);
    world.process->kill(Death::kPowerLoss);
    std::string fate;
    for (size_t sector = 0; sector < 2; ++sector) {
      const std::string bytes = world.drive.read("/log")->substr(sector * kSectorBytes, kSectorBytes);
      fate += bytes == all('x', kSectorBytes) ? 'k' : bytes == all('\0', kSectorBytes) ? 'l' : 'g';
    }
    fates.insert(fate);
    EXPECT_EQ(world.drive.read("/log"), world.drive.durable("/log"));
    EXPECT_EQ(world.block(1), all('\0')) << "beside the write";
    const CrashOutcomes& outcomes = world.drive.faults().crash;
    EXPECT_EQ(outcomes.sectors_kept + outcomes.sectors_lost + outcomes.sectors_garbage, kBlock / kSectorBytes);
    sum.sectors_kept += outcomes.sectors_kept;
    sum.sectors_lost += outcomes.sectors_lost;
    sum.sectors_garbage += outcomes.sectors_garbage;
  }
  EXPECT_EQ(fates, (std::set<std::string>{"kk", "kl", "kg", "lk", "ll", "lg", "gk", "gl", "gg"}));
  EXPECT_GT(std::min({sum.sectors_kept, sum.sectors_lost, sum.sectors_garbage}), 100u);
}

// Unsynced entries: a new one, a removed one, both names of a renamed one, a folder.
TEST(SimDrive, EveryFateOfAnEntryIsReached) {
  std::set<std::string> created, removed, renamed, folders;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    TestWorld world(seed);
    Disk& disk = world.disk();
    ASSERT_TRUE(disk.replace_file("/old", "old").ok());
    ASSERT_TRUE(disk.replace_file("/from", "moved").ok());
    ASSERT_TRUE(disk.create_filled("/new", 10).ok());
    ASSERT_TRUE(disk.remove("/old").ok());
    ASSERT_TRUE(disk.rename("/from", "/to").ok());
    EXPECT_FALSE(world.drive.durable("/new"));
    EXPECT_EQ(world.drive.durable("/old"), "old");
    EXPECT_EQ(world.drive.durable("/from"), "moved");
    EXPECT_FALSE(world.drive.durable("/to"));
    world.process->kill(Death::kPowerLoss);
    const auto there = [&](const char* path) { return world.drive.read(path) ? "+" : "-"; };
    created.insert(there("/new"));
    removed.insert(there("/old"));
    renamed.insert(std::string(there("/from")) + there("/to"));
    EXPECT_EQ(world.drive.faults().crash.entries_before + world.drive.faults().crash.entries_after, 4u);
  }
  EXPECT_EQ(created, (std::set<std::string>{"+", "-"}));
  EXPECT_EQ(removed, (std::set<std::string>{"+", "-"}));
  EXPECT_EQ(renamed, (std::set<std::string>{"--", "-+", "+-", "++"}));
}

TEST(SimDrive, AFileThatWasNeverSyncedHasAnySizeAfterAPowerLoss) {
  std::set<std::string> sizes;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    TestWorld world(seed);
    world.disk().create_filled_async("/f", 8192, [](const Status&) {});
    ASSERT_TRUE(world.disk().sync_directory("/").ok());
    world.process->kill(Death::kPowerLoss);
    ASSERT_TRUE(world.drive.read("/f"));
    const size_t size = world.drive.read("/f")->size();
    sizes.insert(size == 0 ? "none" : size == 8192 ? "all" : "between");
    ASSERT_LE(size, 8192u);
  }
  EXPECT_EQ(sizes, (std::set<std::string>{"none", "all", "between"}));
}

TEST(SimDrive, AKilledProcessLosesNothingThatWasCachedAndAPartOfItsWriteIsThere) {
  std::set<size_t> blocks;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Fixture world(seed);
    world.log = *world.disk().open_log("/log", {Durability::kNone, kBlock});
    ASSERT_TRUE(world.write(0, 'c').ok());
    ASSERT_TRUE(world.disk().create_filled("/unsynced", 100).ok());
    EXPECT_EQ(world.drive.durable("/log")->substr(0, kBlock), all('\0'));
    world.begin(1, 'x', 3);
    world.process->kill(Death::kKilled);
    world.log.reset();
    EXPECT_EQ(world.block(0), all('c'));
    EXPECT_EQ(world.drive.read("/unsynced"), all('\0', 100));
    size_t there = 0;
    while (there < 3 && world.block(1 + there) == all('x')) ++there;
    for (size_t i = there; i < 3; ++i) EXPECT_EQ(world.block(1 + i), all('\0'));
    blocks.insert(there);
    EXPECT_EQ(world.drive.faults().cut_writes, 1u);
    EXPECT_EQ(world.drive.faults().power_losses, 0u);
  }
  EXPECT_EQ(blocks, (std::set<size_t>{0, 1, 2, 3}));
}

TEST(SimDrive, NothingThatIsWrittenWithoutSyncIsSurelyThere) {
  std::set<bool> kept;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Fixture world(seed);
    world.log = *world.disk().open_log("/log", {Durability::kNone, kBlock});
    ASSERT_TRUE(world.write(0, 'c').ok());
    world.lose_power();
    kept.insert(world.block(0) == all('c'));
  }
  EXPECT_EQ(kept.size(), 2u);
}

TEST(SimDrive, AFailedWriteMakesItsFileLieUntilThePowerFails) {
  std::set<std::string> failed_blocks;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Fixture world(seed);
    ASSERT_TRUE(world.write(0, 'a').ok());
    world.drive.fail_next_write();
    const Status failed = world.write(1, 'b');
    EXPECT_EQ(failed, Status(Code::kInternal, "/log: write: input/output error"));
    EXPECT_EQ(world.write(2, 'c'), failed) << "final for the handle";
    EXPECT_EQ(world.drive.faults().failed_writes, 1u);
    // Whoever opens it again is told that all is well.
    world.open();
    EXPECT_TRUE(world.write(2, 'c').ok());
    EXPECT_EQ(world.block(2), all('c'));
    EXPECT_EQ(world.drive.durable("/log")->substr(2 * kBlock, kBlock), all('\0'));
    EXPECT_EQ(world.drive.faults().lying_writes, 1u);
    world.lose_power();
    EXPECT_EQ(world.block(0), all('a'));
    EXPECT_EQ(world.block(2), all('\0'));
    failed_blocks.insert(world.block(1));
    // After that it is a file as any other.
    world.open();
    EXPECT_TRUE(world.write(2, 'd').ok());
    world.lose_power();
    EXPECT_EQ(world.block(2), all('d'));
  }
  EXPECT_GT(failed_blocks.size(), 10u) << "each sector by itself";
}

TEST(SimDrive, AHangHoldsWritesAndFillsUntilItsEnd) {
  Fixture world(1);
  world.begin(0, 'x');
  std::optional<Status> filled;
  world.disk().create_filled_async("/f", 4096, [&](Status status) { filled = std::move(status); });
  const MonoTime end = world.universe.now() + 30s;
  world.drive.hang_until(end);
  world.universe.run_for(29s);
  EXPECT_FALSE(world.done || filled);
  EXPECT_EQ(world.block(0), all('\0'));
  ASSERT_TRUE(world.run_until([&] { return world.done && filled; }));
  EXPECT_GE(world.universe.now(), end);
  EXPECT_TRUE(world.done->ok() && filled->ok());
  EXPECT_EQ(world.drive.faults().hung_writes, 1u);
}

TEST(SimDrive, SpikesMakeSomeWritesSlow) {
  Fixture world(1);
  world.drive.knobs().spikes_per_million = 100'000;
  Duration longest{};
  for (int i = 0; i < 100; ++i) {
    const MonoTime begin = world.universe.now();
    ASSERT_TRUE(world.write(0, 'x').ok());
    longest = std::max(longest, world.universe.now() - begin);
  }
  EXPECT_GT(longest, 1ms);
  EXPECT_LE(longest, 101ms);
  EXPECT_GT(world.drive.faults().slow_writes, 0u);
  EXPECT_LT(world.drive.faults().slow_writes, 50u);
}

TEST(SimDrive, AMisdirectedWriteLandsElsewhereAndSucceeds) {
  std::set<uint64_t> places;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    Fixture world(seed);
    world.drive.misdirect_next_write();
    EXPECT_TRUE(world.write(1, 'x').ok());
    EXPECT_EQ(world.drive.faults().misdirected_writes, 1u);
    EXPECT_EQ(world.block(1), all('\0'));
    size_t found = 0;
    for (const uint64_t place : {0, 2, 3}) {
      if (world.block(place) != all('x')) continue;
      ++found;
      places.insert(place);
    }
    EXPECT_EQ(found, 1u);
    world.lose_power();
    EXPECT_NE(world.drive.read("/log"), std::string(4 * kBlock, '\0')) << "durably so";
  }
  EXPECT_EQ(places, (std::set<uint64_t>{0, 2, 3}));
}

TEST(SimDrive, WhatAMisdirectedWriteDidCanBeSetRight) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    Fixture world(seed, 8);
    for (uint64_t block = 0; block < 3; ++block) ASSERT_TRUE(world.write(block, static_cast<char>('a' + block)).ok());
    world.drive.misdirect_next_write();
    EXPECT_TRUE(world.write(3, 'd').ok());
    EXPECT_TRUE(world.drive.astray());
    EXPECT_TRUE(world.write(4, 'e', 2).ok()) << "may be where the other one landed";
    world.lose_power();
    world.drive.repair_misdirection();
    EXPECT_FALSE(world.drive.astray());
    EXPECT_EQ(world.drive.read("/log"),
              all('a') + all('b') + all('c') + all('d') + all('e', 2 * kBlock) + all('\0', 2 * kBlock));
    EXPECT_EQ(world.drive.durable("/log"), world.drive.read("/log"));
  }
}

TEST(SimDrive, BitsFlipInOneSector) {
  Fixture world(1);
  world.drive.flip_bits("/log", 1000, 5);
  const std::string now = *world.drive.read("/log");
  size_t flipped = 0;
  for (size_t i = 0; i < now.size(); ++i) {
    const int bits = std::popcount(static_cast<unsigned char>(now[i]));
    if (bits == 0) continue;
    EXPECT_GE(i, kSectorBytes);
    EXPECT_LT(i, 2 * kSectorBytes);
    flipped += static_cast<size_t>(bits);
  }
  EXPECT_EQ(flipped, 5u);
  EXPECT_EQ(world.drive.faults().flipped_bits, 5u);
  EXPECT_EQ(world.drive.durable("/log"), now);
}

TEST(SimDrive, AFullDriveRefusesWhatIsNewAndTakesWhatIsThere) {
  Fixture world(1);
  world.drive.set_space(world.drive.bytes_used() + 100);
  Disk& disk = world.disk();
  EXPECT_TRUE(disk.replace_file("/small", "fits").ok());
  const Status full(Code::kResourceExhausted, "/f.tmp: write: no space left on device");
  EXPECT_EQ(disk.replace_file("/f", all('x', 200)), full);
  EXPECT_EQ(disk.list("/"), (std::vector<std::string>{"log", "small"})) << "no temporary file is left";
  EXPECT_EQ(disk.create_filled("/g", 200).text(), "/g: fallocate: no space left on device");
  world.drive.set_full();
  EXPECT_EQ(disk.make_directory("/d"), Status(Code::kResourceExhausted, "/d: mkdir: no space left on device"));
  std::optional<Status> filled;
  disk.create_filled_async("/h", 4096, [&](Status status) { filled = std::move(status); });
  ASSERT_TRUE(world.run_until([&] { return filled.has_value(); }));
  EXPECT_EQ(filled->code(), Code::kResourceExhausted);
  EXPECT_TRUE(world.write(0, 'x').ok());
  EXPECT_EQ(world.drive.faults().full_refusals, 4u);
  world.drive.set_space(SimDrive::kUnlimited);
  EXPECT_TRUE(disk.replace_file("/f", all('x', 200)).ok());
}

TEST(SimDrive, AReadOnlyDriveRefusesEveryChange) {
  Fixture world(1);
  Disk& disk = world.disk();
  world.drive.set_read_only(true);
  const auto before = world.drive.files();
  EXPECT_EQ(disk.replace_file("/f", "x"), Status(Code::kPermissionDenied, "/f.tmp: open: read-only file system"));
  EXPECT_EQ(disk.create_filled("/f", 1).code(), Code::kPermissionDenied);
  EXPECT_EQ(disk.rename("/log", "/x").code(), Code::kPermissionDenied);
  EXPECT_EQ(disk.remove("/log").code(), Code::kPermissionDenied);
  EXPECT_EQ(disk.make_directory("/d").code(), Code::kPermissionDenied);
  EXPECT_FALSE(disk.open_log("/log", {}));
  EXPECT_FALSE(disk.probe("/", false));
  EXPECT_EQ(world.write(0, 'x').code(), Code::kPermissionDenied);
  EXPECT_EQ(world.drive.files(), before);
  EXPECT_EQ(world.drive.faults().read_only_refusals, 8u);
  EXPECT_TRUE(disk.read_file("/log"));
}

TEST(SimDrive, AVanishedFolderIsGoneUntilItIsBroughtBack) {
  TestWorld world(1);
  Disk& disk = world.disk();
  ASSERT_TRUE(disk.make_directory("/a/b").ok());
  ASSERT_TRUE(disk.replace_file("/a/b/f", "x").ok());
  ASSERT_TRUE(disk.create_filled("/a/log", kBlock).ok());
  ASSERT_TRUE(disk.sync_directory("/a").ok());
  auto log = *disk.open_log("/a/log", world.drive.knobs().traits);
  world.drive.vanish("/a");
  EXPECT_EQ(disk.read_file("/a/b/f").error().code(), Code::kNotFound);
  EXPECT_EQ(disk.sync_directory("/a").code(), Code::kNotFound);
  EXPECT_FALSE(world.drive.durable("/a/b/f"));
  EXPECT_EQ(world.drive.faults().vanished_folders, 1u);
  // Who has a file of it open goes on.
  AlignedBuffer buffer(kBlock);
  std::memset(buffer.data(), 'y', kBlock);
  bool done = false;
  log->write(0, std::move(buffer), [&](const Status& status, const AlignedBuffer&) { done = status.ok(); });
  ASSERT_TRUE(world.run_until([&] { return done; }));
  log.reset();
  world.process->kill(Death::kPowerLoss);
  EXPECT_TRUE(world.drive.bring_back("/a").ok());
  EXPECT_EQ(world.drive.read("/a/log"), all('y'));
  EXPECT_EQ(world.drive.durable("/a/b/f"), "x");
}

TEST(SimDrive, AFolderDoesNotComeBackOverAnother) {
  TestWorld world(1);
  ASSERT_TRUE(world.disk().make_directory("/a").ok());
  world.drive.vanish("/a");
  ASSERT_TRUE(world.disk().make_directory("/a").ok());
  EXPECT_EQ(world.drive.bring_back("/a").code(), Code::kAlreadyExists);
}

// Replacing a file takes five steps: made, written, synced, renamed, its folder synced.
TEST(SimDrive, AProcessThatDiesInACallHasMadeTheStepsBeforeThatAndNoOther) {
  std::map<std::string, int> left;
  for (uint64_t steps = 0; steps <= 5; ++steps) {
    TestWorld world(1);
    ASSERT_TRUE(world.disk().replace_file("/f", "old").ok());
    bool told = false;
    world.drive.halt_after(steps, [&told] { told = true; });
    const Status status = world.disk().replace_file("/f", "new");
    EXPECT_EQ(status.ok(), steps == 5) << status.text();
    EXPECT_EQ(world.drive.halted(), steps < 5);
    EXPECT_EQ(world.disk().make_directory("/d").ok(), false) << "nothing happens after it";
    EXPECT_FALSE(told) << "not within the call";
    world.universe.run_for(0ns);
    EXPECT_TRUE(told);
    ++left[*world.drive.read("/f") + (world.drive.read("/f.tmp") ? "+" + *world.drive.read("/f.tmp") : "")];
    world.drive.release();
    EXPECT_TRUE(world.disk().make_directory("/d").ok());
  }
  EXPECT_EQ(left, (std::map<std::string, int>{{"old", 1}, {"old+", 1}, {"old+new", 2}, {"new", 2}}));
}

TEST(SimDrive, ALogWriteOfADeadProcessReachesNothing) {
  Fixture world(1);
  world.begin(1, 'x');
  world.drive.halt_after(0, [] {});
  EXPECT_FALSE(world.disk().make_directory("/d").ok());
  ASSERT_TRUE(world.run_until([&] { return world.done.has_value(); }));
  EXPECT_FALSE(world.done->ok());
  EXPECT_EQ(world.block(1), all('\0'));
}

TEST(SimDrive, ASnapshotBringsBackWhatWasDurableAndWhatWasNot) {
  Fixture world(1);
  ASSERT_TRUE(world.write(0, 'a').ok());
  const auto snapshot = world.drive.snapshot();
  ASSERT_TRUE(world.write(0, 'b').ok());
  ASSERT_TRUE(world.disk().replace_file("/f", "new").ok());
  world.log.reset();
  world.process.reset();
  world.drive.restore(snapshot);
  EXPECT_EQ(world.block(0), all('a'));
  EXPECT_EQ(world.drive.files(), std::vector<std::string>{"/log"});
  world.start();
  world.open();
  ASSERT_TRUE(world.write(0, 'c').ok());
  world.log.reset();
  world.process.reset();
  world.drive.restore(snapshot);
  EXPECT_EQ(world.block(0), all('a')) << "a snapshot is not written to";
}

TEST(SimDrive, ALargeFileOfZerosCostsNothing) {
  TestWorld world(1);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(world.disk().create_filled("/" + std::to_string(i), uint64_t{64} << 20).ok());
  }
  EXPECT_EQ(world.drive.bytes_used(), uint64_t{64'000} << 20);
}

TEST(SimDiskDeathTest, AWriteOutsideTheFileIsOurMistake) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  Fixture world(1);
  EXPECT_DEATH(world.log->write(4 * kBlock, AlignedBuffer(kBlock), [](Status, AlignedBuffer) {}), "CHECK failed");
  EXPECT_DEATH(world.log->write(1, AlignedBuffer(kBlock), [](Status, AlignedBuffer) {}), "CHECK failed");
  world.begin(0, 'x');
  EXPECT_DEATH(world.log->write(0, AlignedBuffer(kBlock), [](Status, AlignedBuffer) {}), "CHECK failed");
}

}  // namespace
}  // namespace quorate::env::sim
