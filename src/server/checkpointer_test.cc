// Checkpoints of a member at work, and starts from them.
#include "server/checkpointer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/prng.h"
#include "server/testing/bench.h"
#include "wal/format.h"

namespace quorate::server {
namespace {

using testing::Bench;

constexpr uint64_t kSmallSegment = 3 * wal::kAlignmentBytesMax;

class CheckpointerTest : public ::testing::Test {
 protected:
  CheckpointerTest() {
    CHECK(bench.disk().make_directory("/d/image").ok());
    bench.options.image_directory = "/d/image";
    bench.options.checkpoint = {.log_bytes = 150'000, .block_bytes = 500, .queued_bytes = 1000, .records_per_turn = 7};
    bench.segment_bytes = kSmallSegment;
  }

  // Puts over thirty keys; all answered.
  void put(int count) {
    for (int i = 0; i < count; ++i) {
      const auto told = bench.put("k" + std::to_string(puts % 30), "v" + std::to_string(puts));
      ++puts;
      bench.settle();
      ASSERT_EQ(told->times, 1);
      ASSERT_TRUE(told->status.ok());
    }
  }
  // And until another image is there.
  void save() {
    const std::vector<std::string> before = images();
    for (int i = 0; i < 200 && images() == before; ++i) put(1);
    ASSERT_NE(images(), before);
  }
  std::vector<std::string> images() {
    std::vector<std::string> found = bench.disk().paths();
    std::erase_if(found, [](const std::string& path) { return !path.starts_with("/d/image/"); });
    return found;
  }
  void expect_all() {
    for (int i = std::max(0, puts - 30); i < puts; ++i) {
      ASSERT_EQ(bench.get("k" + std::to_string(i % 30)), "v" + std::to_string(i)) << "of " << puts;
    }
    ASSERT_EQ(bench.replica().machine().store().revision(), puts + 1);
  }

  Bench bench;
  int puts = 0;
};

TEST_F(CheckpointerTest, SavesAnImageOnceTheLogHasGrownAndStartsFromIt) {
  bench.serve();
  put(10);
  EXPECT_TRUE(images().empty());
  save();
  put(3);
  bench.kill();
  bench.serve();
  EXPECT_GT(bench.restored_index, 10u);
  EXPECT_LT(bench.recovered.entries.size(), 20u);
  expect_all();
}

TEST_F(CheckpointerTest, InAQuietTimeAShorterTailIsWorthAnImageAsLongAsTheLogHasPaidForIt) {
  bench.serve();
  put(15);  // 4 KiB each
  EXPECT_TRUE(images().empty());
  bench.advance(900ms);
  EXPECT_TRUE(images().empty());
  bench.advance(300ms);
  ASSERT_EQ(images().size(), 1u);
  // Nothing is written again where nothing was logged, nor for a short tail.
  put(2);
  bench.advance(10s);
  EXPECT_EQ(images().size(), 1u);
  put(15);
  bench.advance(2s);
  EXPECT_EQ(images().size(), 2u);
  bench.kill();
  bench.serve();
  expect_all();
  // What earlier processes wrote is not known: the log pays for the image that was found.
  bench.options.checkpoint.log_bytes = 4 * 4096;
  bench.kill();
  bench.serve();
  const auto found = images();
  const uint64_t image_bytes = *bench.disk().file_size(found.back());
  ASSERT_LT(image_bytes, 4096u);
  put(2);
  bench.advance(2s);
  EXPECT_NE(images(), found);
  expect_all();
}

TEST_F(CheckpointerTest, OfAMovingMachineIsOfTheIndexAtItsBeginning) {
  bench.options.checkpoint.records_per_turn = 1;
  bench.serve();
  put(60);
  // Changes, a delete and a compaction while it is walked.
  for (int i = 0; i < 300 && images().empty(); ++i) {
    bench.put("k" + std::to_string(puts % 30), "v" + std::to_string(puts));
    ++puts;
    if (i % 10 == 5) {
      bench.propose(pb::Payload::kCompaction, pb::CompactionRequest{.revision = puts - 20});
    }
    bench.turn();
    if (bench.pool().has_work()) bench.run_pool();
    if (bench.disk().pending_writes() != 0) bench.finish_write();
    if (bench.disk().pending_fill()) bench.settle();
  }
  bench.settle();
  ASSERT_FALSE(images().empty());
  bench.kill();
  bench.serve();
  EXPECT_GT(bench.restored_index, 0u);
  expect_all();
}

TEST_F(CheckpointerTest, KeepsTwoImagesAndTheLogBehindTheOlder) {
  bench.serve();
  for (int i = 0; i < 5; ++i) save();
  EXPECT_EQ(images().size(), 2u);
  const Index older = wal::index_of_image(images()[0].substr(9));
  bench.kill();
  bench.serve();
  EXPECT_EQ(bench.restored_index, wal::index_of_image(images()[1].substr(9)));
  EXPECT_GT(bench.recovered.first_index, 1u);
  EXPECT_LE(bench.recovered.first_index, older + 1);
  expect_all();
}

TEST_F(CheckpointerTest, LeasesMembersAndTermsComeBackWithTheImage) {
  bench.serve();
  ASSERT_EQ(bench.grant(7, 1000)->times, 0);
  bench.settle();
  bench.put("leased", "x", 7);
  bench.settle();
  ++puts;
  for (int i = 0; i < 2; ++i) save();
  const Term term = bench.replica().term();
  bench.kill();
  bench.serve();
  ASSERT_TRUE(bench.lease(7));
  EXPECT_TRUE(bench.lease(7)->keys->contains("leased"));
  EXPECT_GT(bench.replica().term(), term);
  EXPECT_EQ(bench.replica().machine().members().all().size(), 1u);
  EXPECT_EQ(bench.replica().machine().members().cluster_version(), "3.7.0");
}

TEST_F(CheckpointerTest, ADamagedNewestImageIsPassedOverForTheOlderOne) {
  bench.serve();
  for (int i = 0; i < 4; ++i) save();
  put(2);
  const std::vector<std::string> before = images();
  bench.kill();
  std::string& bytes = bench.disk().bytes(before[1]);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 4);
  bench.serve();
  EXPECT_EQ(bench.restored_index, wal::index_of_image(before[0].substr(9)));
  expect_all();
  // The damaged one goes with the next, and the log stays until two sound ones are there.
  save();
  EXPECT_EQ(images().size(), 2u);
  EXPECT_EQ(images()[0], before[0]);
  EXPECT_EQ(std::ranges::count(images(), before[1]), 0);
  bench.kill();
  bench.serve();
  expect_all();
}

TEST_F(CheckpointerTest, IsRefusedWithFileAndOffsetWhereBothImagesAreDamaged) {
  bench.serve();
  for (int i = 0; i < 4; ++i) save();
  bench.kill();
  const std::vector<std::string> both = images();
  for (const std::string& path : both) bench.disk().bytes(path)[70] ^= 1;
  bench.try_open();
  EXPECT_EQ(bench.refusal.code(), Code::kDataLoss);
  for (const std::string& path : both) {
    EXPECT_NE(bench.refusal.text().find(path + ": offset 64"), std::string::npos) << bench.refusal.text();
  }
}

TEST_F(CheckpointerTest, WhatACrashLeftOfAnImageIsRemoved) {
  bench.serve();
  put(20);
  while (!bench.pool().has_work()) {
    bench.put("k0", "v");
    bench.turn();
    if (bench.disk().pending_writes() != 0) bench.finish_write();
    if (bench.disk().pending_fill()) bench.disk().finish_fill();
  }
  bench.run_pool();
  bench.run_pool();
  ASSERT_EQ(images().size(), 1u);
  ASSERT_TRUE(images()[0].ends_with(".tmp"));
  bench.kill();
  bench.open();
  EXPECT_TRUE(images().empty());
}

TEST_F(CheckpointerTest, ACrashAtAnyMomentLosesNothing) {
  size_t from_images = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Prng prng(seed);
    Bench b;
    ASSERT_TRUE(b.disk().make_directory("/d/image").ok());
    b.options.image_directory = "/d/image";
    b.options.checkpoint = {.log_bytes = 100'000, .block_bytes = 200, .queued_bytes = 400, .records_per_turn = 3};
    b.segment_bytes = kSmallSegment;
    b.serve();
    std::map<std::string, std::string> acknowledged;
    for (int life = 0; life < 6; ++life) {
      for (uint64_t n = prng.between(5, 60); n > 0; --n) {
        const std::string key = "k" + std::to_string(prng.below(9)), value = "v" + std::to_string(prng.next());
        const auto told = b.put(key, value);
        b.turn();
        if (b.pool().has_work() && prng.chance(2, 3)) b.run_pool();
        while (told->times == 0) {
          if (b.disk().pending_fill()) b.disk().finish_fill();
          if (b.disk().pending_writes() != 0) b.finish_write();
          b.turn();
        }
        acknowledged[key] = value;
      }
      b.crash(prng);
      b.serve();
      from_images += b.restored_index != 0;
      for (const auto& [key, value] : acknowledged) ASSERT_EQ(b.get(key), value);
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(from_images, 100u);
}

// Every file, damaged in every way, after a kill and after a stop: everything is served, or the file is named.
class DamagedDirectory : public CheckpointerTest {
 protected:
  using Contents = std::map<std::string, std::string>;

  void make(bool stopped) {
    bench.serve();
    for (int i = 0; i < 4; ++i) save();
    put(5);
    if (stopped) bench.replica().stop([](const Status& /*status*/) {});
    bench.settle();
    bench.kill();
    good = bench.disk().contents();
  }
  void expect_served_or_named(const std::string& path, const Contents& contents, const std::string& what) {
    SCOPED_TRACE(path + " " + what);
    bench.kill();
    bench.disk().set_contents(contents);
    bench.try_open();
    if (!bench.refusal.ok()) {
      ++refused;
      EXPECT_NE(bench.refusal.text().find(path), std::string::npos) << bench.refusal.text();
      return;
    }
    ++served;
    bench.settle();
    ASSERT_EQ(bench.published, 1);
    expect_all();
  }

  Contents good;
  int served = 0, refused = 0;
};

TEST_F(DamagedDirectory, IsServedWholeOrRefusedWithTheFilesName) {
  for (const bool stopped : {true, false}) {
    make(stopped);
    Prng prng(9);
    for (const auto& [path, bytes] : good) {
      for (const char* way : {"delete", "empty", "half", "zero", "append", "flip"}) {
        const std::string_view how(way);
        for (int times = how == "flip" ? 12 : 1; times > 0; --times) {
          Contents bad = good;
          std::string& file = bad[path];
          if (how == "delete") bad.erase(path);
          if (how == "empty") file.clear();
          if (how == "half") file.resize(file.size() / 2);
          if (how == "zero") file.assign(file.size(), '\0');
          if (how == "append") file += std::string(4096, 'x');
          if (how == "flip") {
            const size_t at = prng.below(times % 2 == 0 ? std::min<size_t>(file.size(), 8192) : file.size());
            file[at] = static_cast<char>(file[at] ^ (1 << prng.below(8)));
          }
          // The last batch of a log that was not sealed may have been torn: it is cut, with a warning.
          const bool last = path.ends_with(".qlog") && !stopped && how != "append" && how != "delete";
          if (last) continue;
          expect_served_or_named(path, bad, way);
          if (HasFatalFailure()) return;
        }
      }
    }
    puts = 0;
    bench.kill();
    bench.disk().set_contents({});
  }
  EXPECT_GT(served, 20);
  EXPECT_GT(refused, 20);
}

}  // namespace
}  // namespace quorate::server
