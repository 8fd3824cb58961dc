#include "sim/supervisor.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "sim/log_map.h"
#include "wal/recovery.h"

namespace quorate::sim {
namespace {

constexpr uint64_t kSectorBytes = 512;
const std::string kLog = std::string(Member::kDataDir) + "/log";

bool touches(const BatchPlace& batch, const std::string& path, uint64_t sector) {
  return batch.path == path && sector < batch.offset + batch.bytes && batch.offset < sector + kSectorBytes;
}

}  // namespace

Supervisor::Supervisor(env::sim::Universe& universe, env::sim::SimNetwork& network, env::sim::SimDrive& drive,
                       Member& member, const Plan& plan, History& history)
    : universe_(universe), network_(network), drive_(drive), member_(member), plan_(plan), history_(history) {
  // Its log failed: the process ends, and since nobody knows what the cache now hides, so does the machine.
  member_.on_failed([this](const Status& status) {
    universe_.note("member failed", 0, 0, status.text());
    ++counters_.failures;
    crash(env::sim::Death::kPowerLoss);
  });
}

void Supervisor::start_later() {
  universe_.after(universe_.draw(plan_.restart_min, plan_.restart_max), [this, planned = ++starting_] {
    if (planned == starting_ && !member_.running() && !beyond_repair_) start();
  });
}

void Supervisor::start() {
  cuts_before_ = member_.log().cut_warnings();
  universe_.note("start", counters_.starts, 0);
  const Status status = member_.start();
  if (!status.ok()) return refused(status);
  ++counters_.starts;
  started();
}

void Supervisor::started() {
  const bool cut = member_.log().cut_warnings() > cuts_before_;
  if (cut && may_lose_last_) ++counters_.cuts_of_last_batch;
  if (may_lose_last_ && !misdirected_ && !cut) {
    const auto log = read_log();
    if (!log || log->size() < log_before_)
      blame(ViolationKind::kLost, "the log's damaged end was cut without a warning");
  }
  if (misdirected_) misdirected();
  undamaged_ = nullptr;
  damaged_path_.clear();
  may_lose_last_ = misdirected_ = false;
}

void Supervisor::refused(const Status& status) {
  universe_.note("start refused", static_cast<uint64_t>(status.code()), 0, status.text());
  if (full_ && status.code() == Code::kResourceExhausted) {
    ++counters_.refused_for_space;
    return start_later();
  }
  if (misdirected_ && status.text().find(kLog) != std::string::npos) {
    ++counters_.refused_for_damage;
    beyond_repair_ = true;
    return;
  }
  if (undamaged_ != nullptr && status.text().find(damaged_path_) != std::string::npos) {
    ++counters_.refused_for_damage;
    drive_.restore(undamaged_);
    if (may_lose_last_) history_.forgiven.pop_back();  // nothing is lost any more
    undamaged_ = nullptr;
    damaged_path_.clear();
    may_lose_last_ = false;
    return start_later();
  }
  blame(ViolationKind::kLost, "the member does not start, although nothing was damaged that would explain it: " +
                                  status.text() + (damaged_path_.empty() ? "" : " (damaged: " + damaged_path_ + ")"));
  beyond_repair_ = true;
}

void Supervisor::went_down(env::sim::Death death) {
  ++(death == env::sim::Death::kPowerLoss ? counters_.power_losses : counters_.kills);
  if (on_down_ && !misdirected_ && undamaged_ == nullptr) on_down_();  // a damaged log cannot be read
}

void Supervisor::crash(env::sim::Death death) {
  const bool was_up = member_.running();
  if (!was_up && death == env::sim::Death::kKilled) return;
  if (write_failed() || strayed()) death = env::sim::Death::kPowerLoss;
  member_.kill(death);
  went_down(death);
  start_later();
}

void Supervisor::restart_in_order() {
  if (!member_.running()) return;
  member_.stop([this] {
    ++counters_.orderly_stops;
    if (write_failed() || strayed()) return crash(env::sim::Death::kPowerLoss);
    if (on_down_) on_down_();
    start_later();
  });
}

// What a cache hides after a failed write, nobody knows: such a machine is switched off and on.
bool Supervisor::write_failed() {
  const uint64_t failed = drive_.faults().failed_writes;
  return std::exchange(failed_writes_known_, failed) != failed;
}

void Supervisor::crash_and_flip(uint64_t draw) {
  // One damage at a time, or nobody could say which one a refusal names.
  if (undamaged_ != nullptr || misdirected_) return crash(env::sim::Death::kPowerLoss);
  crash(env::sim::Death::kPowerLoss);
  flip(draw);
}

void Supervisor::flip(uint64_t draw) {
  Prng prng(draw);
  const auto before = read_log();
  if (!before) return;
  const std::vector<BatchPlace> batches = map_log(drive_, kLog);
  std::vector<std::string> files = drive_.files();
  std::erase_if(files, [&](const std::string& path) { return drive_.read(path).value_or("").empty(); });
  if (files.empty()) return;
  std::string path = files[prng.below(files.size())];
  uint64_t offset = prng.below(drive_.read(path)->size());
  if (!batches.empty() && prng.chance(3, 4)) {
    const BatchPlace& batch = prng.chance(1, 3) ? batches.back() : batches[prng.below(batches.size())];
    path = batch.path;
    offset = batch.offset + prng.below(batch.bytes);
  }
  ++counters_.damaged;
  undamaged_ = drive_.snapshot();
  damaged_path_ = path;
  log_before_ = before->size();
  drive_.flip_bits(path, offset, 1 + prng.below(8));
  const uint64_t sector = offset / kSectorBytes * kSectorBytes;
  if (!batches.empty() && touches(batches.back(), path, sector) && batches.back().kind == wal::BatchKind::kRecords) {
    may_lose_last_ = true;
    const Index from = batches.back().append_first != 0 ? batches.back().append_first : before->size() + 1;
    history_.forgiven.push_back({universe_.now(), from});
  }
}

void Supervisor::misdirect(uint64_t draw) {
  if (!member_.running() || undamaged_ != nullptr || misdirected_) return;
  drive_.misdirect_next_write();
  universe_.after(Duration(static_cast<int64_t>(draw % 50'000'000)), [this] { notice_misdirection(); });
}

// The power fails some time after the write landed elsewhere; other writes may have come since.
void Supervisor::notice_misdirection() {
  if (strayed()) crash(env::sim::Death::kPowerLoss);
}

// Whether a log write landed elsewhere that nobody knew of before.
bool Supervisor::strayed() {
  const uint64_t misdirected = drive_.faults().misdirected_writes;
  if (std::exchange(misdirections_noticed_, misdirected) == misdirected) return false;
  misdirected_ = true;
  misdirected_from_ = member_.misdirected_from();
  return true;
}

// It started all the same: only what the misdirected write carried may be missing, if it was the last one.
void Supervisor::misdirected() {
  if (misdirected_from_ != 0) history_.forgiven.push_back({universe_.now(), misdirected_from_});
}

Result<std::vector<pb::Entry>> Supervisor::read_log() {
  const auto bytes = drive_.read(kLog + "/" + std::string(wal::kManifestName));
  if (!bytes) return std::vector<pb::Entry>();
  TRY(const wal::Manifest manifest, wal::decode_manifest(*bytes));
  if (manifest.first_segment == 0) return std::vector<pb::Entry>();
  env::NullLog log;
  env::Trace trace;
  env::sim::Process reader(universe_, network_, drive_, env::sim::ProcessOptions{.host = "10.2.0.1"}, log, trace);
  TRY(wal::Recovery recovery, wal::recover(reader.disk(), kLog, manifest));
  return std::move(recovery.recovered.entries);
}

}  // namespace quorate::sim
