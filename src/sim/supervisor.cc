#include "sim/supervisor.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "sim/log_map.h"
#include "wal/recovery.h"

namespace quorate::sim {
namespace {

constexpr uint64_t kSectorBytes = 512;
const std::string kData(Member::kDataDir);
const std::string kLog = kData + "/log";
const std::string kImage = kData + "/image";

bool names(const Status& status, const std::string& path) { return status.text().find(path) != std::string::npos; }

bool touches(const BatchPlace& batch, const std::string& path, uint64_t sector) {
  return batch.path == path && sector < batch.offset + batch.bytes && batch.offset < sector + kSectorBytes;
}

}  // namespace

Supervisor::Supervisor(env::sim::Universe& universe, env::sim::SimNetwork& network, env::sim::SimDrive& drive,
                       Member& member, const Plan& plan, History& history)
    : universe_(universe), network_(network), drive_(drive), member_(member), plan_(plan), history_(history) {
  member_.on_failed([this](const Status& status) { failed(status); });
  member_.log().on_saved([this] {
    // Before anything can be freed: that takes another write of the log.
    universe_.after(0ns, [this] { (void)read_log(); });
  });
}

// Its log failed, and the process ends. What it wrote is judged when the power fails, at the latest.
void Supervisor::failed(const Status& status) {
  universe_.note("member failed", 0, 0, status.text());
  ++counters_.failures;
  if (disturbances() == disturbances_at_start_ && !drive_.halted()) {
    blame(ViolationKind::kStuck, "the member ends although nothing was done to its disk: " + status.text());
  }
  if (!names(status, kLog)) {
    blame(ViolationKind::kStuck, "the member ends without a word on which file failed: " + status.text());
  }
  crash(env::sim::Death::kKilled);
}

void Supervisor::start_later() {
  universe_.after(universe_.draw(plan_.restart_min, plan_.restart_max), [this, planned = ++starting_] {
    if (planned == starting_ && !member_.running() && !beyond_repair_) start();
  });
}

void Supervisor::start() {
  cuts_before_ = member_.log().cut_warnings();
  disturbances_at_start_ = disturbances();
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
  if (!vanished_.empty() && vanished_ == kLog) {
    blame(ViolationKind::kLost, "the member starts although the folder of its log is gone");
  }
  judge_images();
  undamaged_ = nullptr;
  damaged_path_.clear();
  may_lose_last_ = misdirected_ = false;
}

// An image that the member passed over must be one that was damaged.
void Supervisor::judge_images() {
  const uint64_t passed_over = member_.log().checkpoints().passed_over;
  if (std::exchange(passed_over_known_, passed_over) == passed_over || !damaged_images_.empty()) return;
  blame(ViolationKind::kLost, "an image is damaged, and nobody damaged it");
}

bool Supervisor::explained(const Status& status) {
  if (!vanished_.empty() && names(status, vanished_)) {
    ++counters_.refused_for_folder;
  } else if (read_only_ && status.code() == Code::kPermissionDenied && names(status, kData)) {
    ++counters_.refused_read_only;
  } else if (full_ && status.code() == Code::kResourceExhausted) {
    ++counters_.refused_for_space;
  } else if (misdirected_ && names(status, kLog)) {
    ++counters_.refused_for_damage;
    drive_.repair_misdirection();
    misdirected_ = false;
  } else if (undamaged_ != nullptr && names(status, damaged_path_)) {
    ++counters_.refused_for_damage;
    drive_.restore(undamaged_);
    damaged_images_.erase(damaged_path_);
    if (may_lose_last_) history_.forgiven.pop_back();  // nothing is lost any more
    undamaged_ = nullptr;
    damaged_path_.clear();
    may_lose_last_ = false;
  } else {
    return false;
  }
  return true;
}

void Supervisor::refused(const Status& status) {
  universe_.note("start refused", static_cast<uint64_t>(status.code()), 0, status.text());
  if (drive_.halted()) {
    ++counters_.halts_at_start;  // halted() comes next
    return;
  }
  if (explained(status)) return start_later();
  blame(ViolationKind::kLost, "the member does not start, although nothing was damaged that would explain it: " +
                                  status.text() + (damaged_path_.empty() ? "" : " (damaged: " + damaged_path_ + ")"));
  beyond_repair_ = true;
}

void Supervisor::went_down(env::sim::Death death) {
  ++(death == env::sim::Death::kPowerLoss ? counters_.power_losses : counters_.kills);
  const bool readable = !misdirected_ && undamaged_ == nullptr && vanished_ != kLog;
  if (on_down_ && readable) on_down_();
}

void Supervisor::crash(env::sim::Death death) {
  const bool was_up = member_.running();
  if (!was_up && death == env::sim::Death::kKilled) return;
  if (disk_misbehaved()) death = env::sim::Death::kPowerLoss;
  member_.kill(death);
  went_down(death);
  start_later();
}

void Supervisor::restart_in_order() {
  if (!member_.running()) return;
  member_.stop([this] {
    ++counters_.orderly_stops;
    if (disk_misbehaved()) return crash(env::sim::Death::kPowerLoss);
    if (on_down_ && vanished_ != kLog) on_down_();
    start_later();
  });
}

void Supervisor::set_read_only(bool read_only) {
  read_only_ = read_only;
  drive_.set_read_only(read_only);
}

void Supervisor::vanish(uint64_t draw) {
  // One damage at a time: setting one back must not bring the other one in.
  if (!vanished_.empty() || undamaged_ != nullptr) return;
  const std::string& folder = draw % 4 == 0 ? kImage : kLog;
  const std::vector<std::string> files = drive_.files();
  const bool made = std::ranges::any_of(files, [](const std::string& path) { return path == kData + "/quorate.json"; });
  if (!made) return;
  vanished_ = folder;
  drive_.vanish(folder);
}

void Supervisor::bring_back() {
  if (vanished_.empty()) return;
  const std::string folder = std::exchange(vanished_, {});
  if (const Status status = drive_.bring_back(folder); !status.ok()) {
    blame(ViolationKind::kLost, "the member made something where a folder of its own was gone: " + status.text());
  }
}

void Supervisor::halt_after(uint64_t steps, env::sim::Death death) {
  drive_.halt_after(steps, [this, death] { halted(death); });
}

void Supervisor::halted(env::sim::Death death) {
  if (!drive_.halted()) return;  // its machine has lost its power meanwhile
  ++counters_.halts;
  if (member_.running() || death == env::sim::Death::kPowerLoss) {
    crash(death);
  } else {
    start_later();
  }
  drive_.release();
}

// What a member may end for, counted.
uint64_t Supervisor::disturbances() const {
  const env::sim::DiskFaults& faults = drive_.faults();
  return faults.failed_writes + faults.full_refusals + faults.read_only_refusals + faults.vanished_folders;
}

// Both are noted, whichever it was.
bool Supervisor::disk_misbehaved() {
  const bool failed = write_failed();
  return strayed() || failed;
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
  if (!misdirected_ && vanished_.empty()) flip(draw);
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
  if (path.ends_with(".qimg")) damaged_images_.insert(path);
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
  if (!member_.running() || undamaged_ != nullptr || misdirected_ || drive_.astray()) return;
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
  drive_.accept_misdirection();
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
  wal::Recovered& found = recovery.recovered;
  if (found.first_index > log_.size() + 1) {
    return fail(Code::kDataLoss, kLog + ": begins with entry " + std::to_string(found.first_index) +
                                     ", and what stood before it was freed before a checkpoint was there");
  }
  log_.resize(found.first_index - 1);
  log_.insert(log_.end(), found.entries.begin(), found.entries.end());
  return log_;
}

}  // namespace quorate::sim
