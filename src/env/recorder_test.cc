#include "env/recorder.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/check.h"
#include "base/prng.h"

namespace quorate::env {
namespace {

struct ManualClock final : Clock {
  MonoTime now() override { return mono; }
  WallTime wall() override { return WallTime(1'700'000'000s); }
  MonoTime mono{100s};
};

class RecorderTest : public ::testing::Test {
 protected:
  RecorderTest() : path_(::testing::TempDir() + "recorder-" + std::to_string(::getpid()) + ".qrec") {}
  ~RecorderTest() override { std::filesystem::remove(path_); }

  // The file's bytes; kept for the views into them.
  const std::string& dumped(Recorder& recorder) {
    EXPECT_TRUE(recorder.dump(path_).ok());
    std::ostringstream text;
    text << std::ifstream(path_, std::ios::binary).rdbuf();
    return bytes_ = text.str();
  }

  ManualClock clock_;
  std::string path_;
  std::string bytes_;
};

TEST_F(RecorderTest, TellsWhatCameInWhenAndFromWhere) {
  Recorder recorder(clock_, 4096);
  recorder.describe("name", "m0");
  recorder.describe("seed", "7");
  recorder.describe("name", "m1");
  recorder.input(Input::kAccept, 3, "127.0.0.1:2379");
  clock_.mono += 5us;
  recorder.input(Input::kRead, 3, std::string_view("a\0b", 3));
  const auto recording = decode_recording(dumped(recorder));
  ASSERT_TRUE(recording) << recording.error().text();
  EXPECT_EQ(recording->began, WallTime(1'700'000'000s));
  EXPECT_EQ(recording->facts, (std::vector<Fact>{{"name", "m1"}, {"seed", "7"}}));
  EXPECT_EQ(recording->fact("seed"), "7");
  EXPECT_EQ(recording->fact("nope"), "");
  EXPECT_EQ(recording->lost, 0u);
  ASSERT_EQ(recording->inputs.size(), 2u);
  EXPECT_EQ(recording->inputs[0].kind, Input::kAccept);
  EXPECT_EQ(recording->inputs[0].bytes, "127.0.0.1:2379");
  EXPECT_EQ(recording->inputs[1].kind, Input::kRead);
  EXPECT_EQ(recording->inputs[1].source, 3u);
  EXPECT_EQ(recording->inputs[1].at, 5us);
  EXPECT_EQ(recording->inputs[1].bytes, std::string_view("a\0b", 3));
}

TEST_F(RecorderTest, AnEmptyRingMakesAWholeFile) {
  Recorder recorder(clock_, 4096);
  const auto recording = decode_recording(dumped(recorder));
  ASSERT_TRUE(recording);
  EXPECT_TRUE(recording->inputs.empty());
}

TEST_F(RecorderTest, KeepsTheNewestInputsThatFitInOrder) {
  const uint64_t seed = 11;
  SCOPED_TRACE(seed);
  Prng random(seed);
  for (int round = 0; round < 50; ++round) {
    const size_t size = random.between(64, 1024);
    Recorder recorder(clock_, size);
    std::vector<std::string> given;
    for (uint64_t i = 0; i < 200; ++i) {
      given.push_back(random.bytes(random.below(120)));
      recorder.input(Input::kRead, i, given.back());
    }
    const auto recording = decode_recording(dumped(recorder));
    ASSERT_TRUE(recording) << recording.error().text();
    ASSERT_EQ(recording->lost + recording->inputs.size(), given.size());
    // Those that no ring of this size can hold are lost wherever they come; the others are a suffix.
    uint64_t before = 0;
    size_t kept = 0;
    for (const Recorded& input : recording->inputs) {
      EXPECT_TRUE(kept == 0 || input.source > before);
      before = input.source;
      EXPECT_EQ(input.bytes, given[input.source]);
      kept += input.bytes.size() + 21;
    }
    EXPECT_LE(kept, size);
  }
}

TEST_F(RecorderTest, ATruncatedOrChangedFileIsRefused) {
  Recorder recorder(clock_, 4096);
  recorder.describe("name", "m1");
  for (uint64_t i = 0; i < 5; ++i) recorder.input(Input::kRead, i, std::string(i * 3, 'x'));
  const std::string whole = dumped(recorder);
  ASSERT_TRUE(decode_recording(whole));
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(decode_recording(whole.substr(0, size))) << size;
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string changed = whole;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(decode_recording(changed)) << bit;
  }
  EXPECT_FALSE(decode_recording(whole + "x"));
}

TEST_F(RecorderTest, ManyThreadsLoseNothing) {
  Recorder recorder(clock_, 1 << 20);
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&recorder, t] {
      for (uint64_t i = 0; i < 1000; ++i) recorder.input(Input::kRead, t, std::to_string(i));
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto recording = decode_recording(dumped(recorder));
  ASSERT_TRUE(recording);
  ASSERT_EQ(recording->inputs.size(), 4000u);
  uint64_t next[4] = {};
  for (const Recorded& input : recording->inputs) EXPECT_EQ(input.bytes, std::to_string(next[input.source]++));
}

TEST_F(RecorderTest, AFileIsForItsOwnerAloneWhateverLayThereBefore) {
  { std::ofstream before(path_); }
  std::filesystem::permissions(path_, std::filesystem::perms(0644));
  Recorder recorder(clock_, 64);
  ASSERT_TRUE(recorder.dump(path_).ok());
  EXPECT_EQ(std::filesystem::status(path_).permissions(), std::filesystem::perms(0600));
}

TEST_F(RecorderTest, AFileThatCannotBeMadeIsAnError) {
  Recorder recorder(clock_, 64);
  EXPECT_FALSE(recorder.dump(path_ + "/no/such/folder").ok());
}

}  // namespace
}  // namespace quorate::env
