#include "env/sim/drive.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace quorate::env::sim {
namespace {

constexpr std::string_view kFull = "no space left on device";

Duration between(Prng& prng, Duration low, Duration high) {
  return Duration(
      static_cast<int64_t>(prng.between(static_cast<uint64_t>(low.count()), static_cast<uint64_t>(high.count()))));
}

}  // namespace

SimDrive::SimDrive(Universe& universe, uint64_t id) : universe_(universe), id_(id), prng_(universe.prng().fork()) {}

void SimDrive::crash(Prng& prng) {
  ++faults_.power_losses;
  universe_.note("drive lost power", id_, faults_.power_losses);
  medium_.crash(prng, faults_.crash);
  locks_.clear();
  disarm();
  halted_ = false;
}

void SimDrive::disarm() {
  fail_next_ = misdirect_next_ = false;
  steps_left_ = 0;
  on_halt_ = nullptr;
}

void SimDrive::halt_after(uint64_t steps, Task halted) {
  steps_left_ = steps + 1;
  on_halt_ = std::move(halted);
}

Status SimDrive::step(const std::string& path, std::string_view what) {
  const bool last = !halted_ && steps_left_ == 1;
  if (!halted_ && steps_left_ > 0) --steps_left_;
  if (last) {
    halted_ = true;
    ++faults_.halts;
    universe_.note("halted in a call", id_, faults_.halts, path);
    universe_.after(0ns, std::exchange(on_halt_, nullptr));
  }
  if (!halted_) return {};
  return medium_error(Code::kUnavailable, path, what, "the process is dead");
}

void SimDrive::flip_bits(const std::string& path, uint64_t offset, size_t count) {
  const auto file = medium_.open(path);
  CHECK(file && offset < (*file)->durable().size());
  const uint64_t begin = offset / kSectorBytes * kSectorBytes;
  const uint64_t bytes = std::min<uint64_t>(kSectorBytes, (*file)->durable().size() - begin);
  CHECK(count <= bytes * 8);
  std::set<uint64_t> flipped;  // none twice, which would be none
  while (flipped.size() < count) {
    const uint64_t bit = prng_.below(bytes * 8);
    if (flipped.insert(bit).second) (*file)->flip_bit(begin + bit / 8, static_cast<int>(bit % 8));
  }
  faults_.flipped_bits += count;
  universe_.note("bits flipped", begin, count, path);
}

void SimDrive::vanish(const std::string& path) {
  CHECK(medium_.vanish(path).ok());
  ++faults_.vanished_folders;
  universe_.note("folder vanished", id_, 0, path);
}

Status SimDrive::bring_back(const std::string& path) {
  Status status = medium_.bring_back(path);
  universe_.note("folder is back", id_, static_cast<uint64_t>(status.code()), path);
  return status;
}

std::optional<std::string> SimDrive::read(const std::string& path) const {
  const auto file = medium_.open(path);
  if (!file) return std::nullopt;
  return (*file)->cached().whole();
}

std::optional<std::string> SimDrive::durable(const std::string& path) const {
  const FileRef file = medium_.durable_file(path);
  if (file == nullptr) return std::nullopt;
  return file->durable().whole();
}

SimDrive::Snapshot SimDrive::snapshot() const {
  auto copy = std::make_shared<Medium>();
  copy->assign(medium_);
  return copy;
}

void SimDrive::restore(const Snapshot& snapshot) {
  CHECK(locks_.empty());
  medium_.assign(*snapshot);
  universe_.note("drive restored", id_, 0);
}

Duration SimDrive::draw_write_time() {
  if (prng_.chance(knobs_.spikes_per_million, 1'000'000)) {
    ++faults_.slow_writes;
    return between(prng_, knobs_.write_max, std::max(knobs_.write_max, knobs_.spike_max));
  }
  return between(prng_, knobs_.write_min, knobs_.write_max);
}

Duration SimDrive::draw_fill_time() { return between(prng_, knobs_.fill_min, knobs_.fill_max); }

void SimDrive::count_hung_write() {
  ++faults_.hung_writes;
  universe_.note("write hangs", id_, faults_.hung_writes);
}

Status SimDrive::end_write(const LogWrite& write) {
  universe_.note("log write", id_, write.offset, write.bytes);
  if (halted_) return medium_error(Code::kUnavailable, write.path, "write", "the process is dead");
  if (read_only_) {
    ++faults_.read_only_refusals;
    return medium_error(Code::kPermissionDenied, write.path, "write", "read-only file system");
  }
  if (std::exchange(fail_next_, false)) return fail_write(write);
  if (misdirect_next_ && misdirect(write)) return {};
  if (stray_ && stray_->file == write.file) stray_->writes.push_back({write.offset, std::string(write.bytes)});
  write.file->write(write.offset, write.bytes);
  if (!write.durable) return {};
  if (write.file->lying()) ++faults_.lying_writes;
  write.file->sync_range(write.offset, write.bytes.size());
  return {};
}

Status SimDrive::fail_write(const LogWrite& write) {
  ++faults_.failed_writes;
  universe_.note("log write failed", id_, write.offset, write.path);
  write.file->write(write.offset, write.bytes);
  CrashOutcomes outcomes;  // of no crash
  write.file->tear_range(write.offset, write.bytes.size(), prng_, outcomes);
  write.file->lie();
  return medium_error(Code::kInternal, write.path, "write", "input/output error");
}

bool SimDrive::misdirect(const LogWrite& write) {
  const uint64_t places = (write.file->size() - write.bytes.size()) / write.alignment_bytes + 1;
  if (places < 2) return false;
  misdirect_next_ = false;
  // Any place but its own.
  uint64_t place = prng_.below(places - 1);
  if (place >= write.offset / write.alignment_bytes) ++place;
  ++faults_.misdirected_writes;
  const uint64_t offset = place * write.alignment_bytes;
  universe_.note("log write misdirected", write.offset, offset, write.path);
  stray_ = Stray{.file = write.file,
                 .overwritten = {offset, write.file->durable().read(offset, write.bytes.size())},
                 .writes = {{write.offset, std::string(write.bytes)}}};
  write.file->overwrite(offset, write.bytes);
  return true;
}

void SimDrive::repair_misdirection() {
  CHECK(stray_ && locks_.empty());
  const Stray stray = *std::exchange(stray_, std::nullopt);
  stray.file->overwrite(stray.overwritten.offset, stray.overwritten.bytes);
  for (const Stray::Write& write : stray.writes) stray.file->overwrite(write.offset, write.bytes);
  ++faults_.repairs;
  universe_.note("misdirection repaired", id_, stray.writes.size());
}

void SimDrive::cut_write(const LogWrite& write, bool power_fails) {
  ++faults_.cut_writes;
  // The system had taken it whole when only the power failed: the crash tears it.
  const uint64_t pieces = (write.bytes.size() + write.alignment_bytes - 1) / write.alignment_bytes;
  const uint64_t done = power_fails ? pieces : prng_.below(pieces + 1);
  universe_.note("log write cut", write.offset, done, write.path);
  if (read_only_) return;
  write.file->write(write.offset, write.bytes.substr(0, static_cast<size_t>(done) * write.alignment_bytes));
}

Status SimDrive::room_for(const std::string& path, std::string_view what, uint64_t more) {
  if (space_bytes_ == kUnlimited) return {};
  const uint64_t used = medium_.bytes_used();
  if (used <= space_bytes_ && more <= space_bytes_ - used && space_bytes_ != 0) return {};
  ++faults_.full_refusals;
  universe_.note("no space", id_, more, path);
  return medium_error(Code::kResourceExhausted, path, what, kFull);
}

Status SimDrive::writable(const std::string& path, std::string_view what) {
  if (Status status = step(path, what); !status.ok()) return status;
  if (!read_only_) return {};
  ++faults_.read_only_refusals;
  universe_.note("read-only", id_, 0, path);
  return medium_error(Code::kPermissionDenied, path, what, "read-only file system");
}

Result<FileRef> SimDrive::open_log(const std::string& path) {
  TRY(FileRef file, medium_.open(path));
  if (Status status = writable(path, "open"); !status.ok()) return fail(std::move(status));
  return file;
}

Status SimDrive::end_fill(const std::string& path, MediumFile& file) {
  if (Status status = step(path, "fsync"); !status.ok()) return status;
  file.sync();
  return {};
}

Status SimDrive::append_file(const std::string& path, std::string_view bytes) {
  if (Status status = writable(path, "open"); !status.ok()) return status;
  auto file = medium_.exists(path) ? medium_.open(path) : medium_.create(path);
  if (!file) return file.error();
  if (Status status = room_for(path, "write", bytes.size()); !status.ok()) return status;
  if (Status status = step(path, "write"); !status.ok()) return status;
  const uint64_t end = (*file)->size();
  (*file)->resize(end + bytes.size());
  (*file)->write(end, bytes);
  return {};
}

Status SimDrive::sync_file(const std::string& path) {
  auto file = medium_.open(path);
  if (!file) return file.error();
  if (Status status = step(path, "fdatasync"); !status.ok()) return status;
  (*file)->sync();
  return {};
}

Result<FileRef> SimDrive::begin_fill(const std::string& path, uint64_t size) {
  if (Status status = writable(path, "open"); !status.ok()) return fail(std::move(status));
  TRY(FileRef file, medium_.create(path));
  if (Status status = room_for(path, "fallocate", size); !status.ok()) return fail(std::move(status));
  file->resize(size);
  return file;
}

Status SimDrive::replace_file(const std::string& path, std::string_view contents) {
  const std::string temporary = path + ".tmp";
  if (Status status = writable(temporary, "open"); !status.ok()) return status;
  auto file = medium_.create(temporary);
  if (!file) return file.error();
  if (Status status = room_for(temporary, "write", contents.size()); !status.ok()) {
    CHECK(medium_.remove(temporary).ok());
    return status;
  }
  if (Status status = step(temporary, "write"); !status.ok()) return status;
  (*file)->resize(contents.size());
  (*file)->write(0, contents);
  if (Status status = step(temporary, "fsync"); !status.ok()) return status;
  (*file)->sync();
  if (Status status = rename(temporary, path); !status.ok()) return status;
  return sync_directory(parent_of(path));
}

Status SimDrive::rename(const std::string& from, const std::string& to) {
  if (Status status = writable(from, "rename to " + to); !status.ok()) return status;
  Status status = medium_.rename(from, to);
  if (status.ok()) universe_.note("rename", id_, 0, to);
  return status;
}

Status SimDrive::remove(const std::string& path) {
  if (Status status = writable(path, "remove"); !status.ok()) return status;
  Status status = medium_.remove(path);
  if (status.ok()) universe_.note("remove", id_, 0, path);
  return status;
}

Status SimDrive::sync_directory(const std::string& path) {
  if (Status status = step(path, "fsync"); !status.ok()) return status;
  Status status = medium_.sync_folder(path);
  if (status.ok()) universe_.note("sync directory", id_, 0, path);
  return status;
}

Status SimDrive::make_directory(const std::string& path) {
  if (medium_.open_folder(path)) return {};
  if (medium_.open(path)) return medium_error(Code::kInternal, path, "mkdir", "not a directory");
  if (Status status = writable(path, "mkdir"); !status.ok()) return status;
  if (Status status = room_for(path, "mkdir", 0); !status.ok()) return status;
  Status status = medium_.make_folder(path);
  if (status.code() == Code::kNotFound) {
    status = make_directory(parent_of(path));
    if (status.ok()) status = medium_.make_folder(path);
  }
  if (!status.ok()) return status;
  return sync_directory(parent_of(path));
}

Result<uint64_t> SimDrive::lock(const std::string& path) {
  TRY(FolderRef folder, medium_.open_folder(path));
  for (const auto& [token, locked] : locks_) {
    if (locked == folder)
      return fail(Code::kFailedPrecondition, path + ": the data directory is locked by another process");
  }
  locks_[next_lock_] = std::move(folder);
  return next_lock_++;
}

}  // namespace quorate::env::sim
