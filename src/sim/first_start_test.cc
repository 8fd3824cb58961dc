// A process that dies in its first start, at any step of the calls that make its folder; then what is built upon that.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "env/sim/process.h"
#include "wal/data_directory.h"
#include "wal/wal.h"

namespace quorate::sim {
namespace {

using env::sim::Death;
using env::sim::Process;

constexpr uint64_t kStepsMax = 100;  // more than a first start has

class FirstStart {
 public:
  explicit FirstStart(uint64_t seed) : universe_(seed) {
    // What is made beside the log comes long after the first append: nothing that it syncs helps.
    drive_.knobs().fill_min = drive_.knobs().fill_max = 10s;
    next();
  }

  // False where the start got to its end in fewer steps.
  bool die_in_it(uint64_t steps, Death death) {
    drive_.halt_after(steps, [] {});
    const bool ended = open().has_value();
    drive_.disarm();
    end(death);
    drive_.release();
    next();
    return !ended;
  }

  void append() {
    const auto opened = open();
    ASSERT_TRUE(opened) << opened.error().text();
    std::optional<Status> done;
    const pb::Entry entry{.type = pb::EntryType::kNormal, .term = 1, .index = 1, .data = Bytes::copy("acknowledged")};
    opened->wal->append({}, std::span(&entry, 1), [&done](const Status& status) { done = status; });
    ASSERT_TRUE(universe_.run_until([&done] { return done.has_value(); }, 1s));
    ASSERT_TRUE(done->ok()) << done->text();
  }

  void lose_power() {
    end(Death::kPowerLoss);
    next();
  }

  void expect_entry() {
    const auto opened = open();
    ASSERT_TRUE(opened) << opened.error().text();
    ASSERT_EQ(opened->recovered.entries.size(), 1u);
    EXPECT_EQ(opened->recovered.entries[0].data.view(), "acknowledged");
  }

 private:
  Result<wal::Opened> open() {
    const wal::Identity identity{.cluster = 1, .member = 2, .name = "sim"};
    TRY(directory_, wal::open_data_directory(process_->disk(), "/made/by/it", {}, identity));
    wal::Options options;
    options.directory = directory_.log_path;
    options.cluster = identity.cluster;
    options.member = identity.member;
    options.segment_bytes = 256 * 1024;
    options.salt = 3;
    return wal::Wal::open(process_->disk(), process_->core(), log_, trace_, options);
  }
  void end(Death death) {
    process_->kill(death);
    directory_ = {};
    process_.reset();
  }
  void next() {
    process_ = std::make_unique<Process>(universe_, network_, drive_, env::sim::ProcessOptions{}, log_, trace_);
  }

  env::NullLog log_;
  env::Trace trace_;
  env::sim::Universe universe_;
  env::sim::SimNetwork network_{universe_};
  env::sim::SimDrive drive_{universe_, 1};
  std::unique_ptr<Process> process_;
  wal::DataDirectory directory_;
};

TEST(FirstStart, WhereverItDiedWhatIsAcknowledgedAfterTheNextOneIsKept) {
  for (const Death death : {Death::kKilled, Death::kPowerLoss}) {
    uint64_t steps = 0;
    for (bool died = true; died && steps < kStepsMax; ++steps) {
      for (uint64_t seed = 1; seed <= 16; ++seed) {
        SCOPED_TRACE(std::to_string(steps) + " steps, seed " + std::to_string(seed) +
                     (death == Death::kKilled ? ", killed" : ", power lost"));
        FirstStart start(seed);
        died = start.die_in_it(steps, death);
        start.append();
        if (testing::Test::HasFatalFailure()) return;
        start.lose_power();
        start.expect_entry();
        if (testing::Test::HasFailure()) return;
      }
    }
    EXPECT_GT(steps, 20u);
    EXPECT_LT(steps, kStepsMax) << "it ended";
  }
}

}  // namespace
}  // namespace quorate::sim
