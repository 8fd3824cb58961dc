// wal/testing/bench.h: a log on a disk in memory, with what a test wants to know of it.
//
// Thread: the test's. Tests only.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "wal/format.h"
#include "wal/testing/fake_disk.h"
#include "wal/testing/manual_loop.h"
#include "wal/wal.h"

namespace quorate::wal::testing {

struct Mark {
  env::Stage stage = env::Stage::kLog;
  uint64_t index = 0;
  friend bool operator==(const Mark&, const Mark&) = default;
};

class Marks final : public env::Trace {
 public:
  void mark(env::Stage stage, uint64_t, uint64_t index) override { seen.push_back({stage, index}); }
  std::vector<Mark> seen;
};

// Keeps the texts of warnings and errors.
class WarningLog final : public env::Log {
 public:
  bool enabled(env::Level level) const override { return level >= env::Level::kWarn; }
  void write(env::Level, std::string_view message, std::initializer_list<env::Field>,
             const std::source_location&) override {
    texts.emplace_back(message);
  }
  std::vector<std::string> texts;
};

inline constexpr uint64_t kSmallSegmentBytes = 3 * kAlignmentBytesMax;

struct NewEntry {
  Term term = 0;
  Index index = 0;
  std::string data;
};

class Bench {
 public:
  Bench() {
    options_ = {
        .directory = "/d/log", .cluster = 17, .member = 34, .segment_bytes = kSmallSegmentBytes, .salt = 0x5a17};
    CHECK(disk_.make_directory("/d/log").ok());
  }

  Result<Opened> try_open() { return Wal::open(disk_, *loop_, log_, marks_, options_); }
  void open() {
    auto opened = try_open();
    ASSERT_TRUE(opened) << opened.error().text();
    wal_ = std::move(opened->wal);
    recovered_ = std::move(opened->recovered);
  }
  // The process ends; what it had asked for is forgotten.
  void close() {
    wal_.reset();
    loop_ = std::make_unique<ManualLoop>();
    disk_.restart(*loop_);
  }
  // Only the log goes.
  void forget() { wal_.reset(); }
  void reopen() {
    close();
    open();
  }
  // The machine loses power.
  void crash(Prng& prng) {
    wal_.reset();
    loop_ = std::make_unique<ManualLoop>();
    disk_.crash(prng, *loop_);
  }

  void append(std::optional<pb::HardState> hard_state, const std::vector<NewEntry>& entries) {
    std::vector<pb::Entry> all;
    for (const NewEntry& each : entries) {
      all.push_back({pb::EntryType::kNormal, each.term, each.index, Bytes::copy(each.data)});
    }
    wal_->append(hard_state, all, [this](const Status& status) { answers_ += status.ok() ? 1 : 0; });
  }
  void finish_write() {
    disk_.finish_write();
    loop_->run();
  }
  void finish_fill() {
    if (disk_.pending_fill()) disk_.finish_fill();
    loop_->run();
  }
  // Until the disk has nothing to do.
  void settle() {
    loop_->run();
    while (disk_.pending_writes() != 0 || disk_.pending_fill()) {
      if (disk_.pending_writes() != 0) {
        finish_write();
      } else {
        finish_fill();
      }
    }
  }

  Wal& wal() {
    CHECK(wal_);
    return *wal_;
  }
  const Recovered& recovered() const { return recovered_; }
  FakeDisk& disk() { return disk_; }
  ManualLoop& loop() { return *loop_; }
  Options& options() { return options_; }
  size_t answers() const { return answers_; }  // that were ok
  const std::vector<Mark>& marks() const { return marks_.seen; }
  const std::vector<std::string>& warnings() const { return log_.texts; }

 private:
  std::unique_ptr<ManualLoop> loop_ = std::make_unique<ManualLoop>();
  FakeDisk disk_{*loop_};
  WarningLog log_;
  Marks marks_;
  Options options_;
  std::unique_ptr<Wal> wal_;
  Recovered recovered_;
  size_t answers_ = 0;
};

}  // namespace quorate::wal::testing
