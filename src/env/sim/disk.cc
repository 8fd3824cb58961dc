#include "env/sim/disk.h"

#include <limits>
#include <utility>

#include "base/check.h"
#include "base/mutant.h"

namespace quorate::env::sim {
namespace {

Status dead_error(const std::string& path) { return Status(Code::kUnavailable, path + ": the process is dead"); }

}  // namespace

// A log write, until its end was told.
struct SimDisk::Flight {
  File* owner;
  FileRef file;
  std::string path;
  uint64_t offset;
  AlignedBuffer buffer;
  DiskTraits traits;
  Status result;  // of an earlier write where that failed, then of this one
  EventId event = 0;
  bool hung = false;
  bool ended = false;
  bool reaches = true;  // false: its process had died before

  SimDrive::LogWrite write() const {
    return {.file = file,
            .path = path,
            .offset = offset,
            .bytes = buffer.view(),
            .durable = traits.durability != Durability::kNone,
            .alignment_bytes = traits.alignment_bytes};
  }
};

struct SimDisk::Fill {
  std::string path;
  Result<FileRef> file;
  EventId event;
  std::move_only_function<void(Status)> done;
  bool ended = false;
};

class SimDisk::File final : public LogFile {
 public:
  File(SimDisk& disk, FileRef file, std::string path, const DiskTraits& traits)
      : disk_(disk), file_(std::move(file)), path_(std::move(path)), size_(file_->size()), traits_(traits) {}

  ~File() override {
    if (flight_ == 0 || disk_.dead_) return;
    const auto found = disk_.flights_.find(flight_);
    const std::unique_ptr<Flight> flight = std::move(found->second);
    disk_.flights_.erase(found);
    if (!flight->ended) disk_.finish(*flight);
  }

  void write(uint64_t offset, AlignedBuffer buffer,
             std::move_only_function<void(Status, AlignedBuffer)> done) override {
    if (disk_.dead_) return;
    CHECK(flight_ == 0);
    CHECK(offset % traits_.alignment_bytes == 0 && buffer.size() % traits_.alignment_bytes == 0);
    CHECK(offset <= size_ && buffer.size() <= size_ - offset);
    done_ = std::move(done);
    flight_ = disk_.take_off(std::make_unique<Flight>(Flight{.owner = this,
                                                             .file = file_,
                                                             .path = path_,
                                                             .offset = offset,
                                                             .buffer = std::move(buffer),
                                                             .traits = traits_,
                                                             .result = failure_}));
  }

  void finish(Flight& flight) {
    flight_ = 0;
    // A handle that forgets is a part of that fault.
    if (failure_.ok() && !mutated(Mutant::kRetryFailedSync)) failure_ = flight.result;
    // The callback may write again, or destroy this.
    auto done = std::exchange(done_, nullptr);
    done(std::move(flight.result), std::move(flight.buffer));
  }

 private:
  SimDisk& disk_;
  const FileRef file_;
  const std::string path_;
  const uint64_t size_;
  const DiskTraits traits_;
  Status failure_;  // of an earlier write; final
  uint64_t flight_ = 0;
  std::move_only_function<void(Status, AlignedBuffer)> done_;
};

class SimDisk::Lock final : public DirectoryLock {
 public:
  Lock(SimDisk& disk, uint64_t token) : disk_(disk), token_(token) {}
  ~Lock() override {
    if (disk_.locks_.erase(token_) > 0) disk_.drive_.unlock(token_);
  }

 private:
  SimDisk& disk_;
  const uint64_t token_;
};

SimDisk::SimDisk(Universe& universe, SimDrive& drive, Loop& core, Trace& trace)
    : universe_(universe),
      drive_(drive),
      trace_(trace),
      finished_(core, Priority::kCompletion, std::numeric_limits<size_t>::max(), [](Task&& task) { task(); }) {}

SimDisk::~SimDisk() { die(false); }

void SimDisk::die(bool power_fails) {
  if (dead_) return;
  dead_ = true;
  for (const auto& [id, flight] : flights_) {
    universe_.cancel(flight->event);
    if (!flight->ended && flight->reaches && flight->result.ok()) drive_.cut_write(flight->write(), power_fails);
  }
  flights_.clear();
  if (fill_) universe_.cancel(fill_->event);
  fill_.reset();
  for (const uint64_t token : locks_) drive_.unlock(token);
  locks_.clear();
}

Result<DiskTraits> SimDisk::probe(const std::string& directory, bool unsafe_no_fsync) {
  if (dead_) return fail(dead_error(directory));
  if (unsafe_no_fsync) return DiskTraits{Durability::kNone, 4096};
  // As by a file that is made and removed.
  const std::string path = directory + "/probe";
  if (const auto made = drive_.begin_fill(path, 0); !made) return fail(made.error());
  if (Status status = drive_.remove(path); !status.ok()) return fail(std::move(status));
  return drive_.knobs().traits;
}

Result<std::unique_ptr<LogFile>> SimDisk::open_log(const std::string& path, const DiskTraits& traits) {
  if (dead_) return fail(dead_error(path));
  TRY(FileRef file, drive_.open_log(path));
  return std::make_unique<File>(*this, std::move(file), path, traits);
}

Status SimDisk::create_filled(const std::string& path, uint64_t size) {
  if (dead_) return dead_error(path);
  const auto file = drive_.begin_fill(path, size);
  if (!file) return file.error();
  return drive_.end_fill(path, **file);
}

void SimDisk::create_filled_async(const std::string& path, uint64_t size, std::move_only_function<void(Status)> done) {
  if (dead_) return;
  CHECK(!fill_);
  fill_ = std::make_unique<Fill>(
      Fill{.path = path, .file = drive_.begin_fill(path, size), .event = 0, .done = std::move(done)});
  fill_->event = universe_.after(drive_.draw_fill_time(), [this] { end_fill(); });
}

void SimDisk::end_fill() {
  if (universe_.now() < drive_.end_of_hang()) {
    fill_->event = universe_.at(drive_.end_of_hang(), [this] { end_fill(); });
    return;
  }
  universe_.note("fill", fill_->file ? 1 : 0, 0);
  if (fill_->file) {
    if (Status status = drive_.end_fill(fill_->path, **fill_->file); !status.ok())
      fill_->file = fail(std::move(status));
  }
  fill_->event = 0;
  finished_.push([this] {
    if (!fill_) return;
    const std::unique_ptr<Fill> fill = std::move(fill_);  // `done` may begin the next
    fill->done(fill->file ? Status() : fill->file.error());
  });
}

uint64_t SimDisk::take_off(std::unique_ptr<Flight> flight) {
  const uint64_t id = next_flight_++;
  flight->reaches = !drive_.halted();
  flight->event = universe_.after(drive_.draw_write_time(), [this, id] { end_flight(id); });
  flights_.emplace(id, std::move(flight));
  return id;
}

void SimDisk::end_flight(uint64_t id) {
  Flight& flight = *flights_.at(id);
  if (universe_.now() < drive_.end_of_hang()) {
    if (!std::exchange(flight.hung, true)) drive_.count_hung_write();
    flight.event = universe_.at(drive_.end_of_hang(), [this, id] { end_flight(id); });
    return;
  }
  finish(flight);
  finished_.push([this, id] {
    const auto found = flights_.find(id);
    if (found == flights_.end()) return;
    const std::unique_ptr<Flight> told = std::move(found->second);
    flights_.erase(found);
    trace_.input(Input::kWriteDone, told->offset, told->result.text());
    told->owner->finish(*told);
  });
}

void SimDisk::finish(Flight& flight) {
  universe_.cancel(std::exchange(flight.event, 0));
  flight.ended = true;
  if (flight.result.ok()) flight.result = drive_.end_write(flight.write());
}

Result<std::string> SimDisk::read_file(const std::string& path) {
  if (dead_) return fail(dead_error(path));
  TRY(const FileRef file, drive_.medium().open(path));
  return file->cached().whole();
}

Result<std::string> SimDisk::read_at(const std::string& path, uint64_t offset, size_t size) {
  if (dead_) return fail(dead_error(path));
  TRY(const FileRef file, drive_.medium().open(path));
  return file->cached().read(offset, size);
}

Result<uint64_t> SimDisk::file_size(const std::string& path) {
  if (dead_) return fail(dead_error(path));
  TRY(const FileRef file, drive_.medium().open(path, "stat"));
  return file->size();
}

Status SimDisk::replace_file(const std::string& path, std::string_view contents) {
  return dead_ ? dead_error(path) : drive_.replace_file(path, contents);
}

Status SimDisk::append_file(const std::string& path, std::string_view bytes) {
  return dead_ ? dead_error(path) : drive_.append_file(path, bytes);
}

Status SimDisk::rename(const std::string& from, const std::string& to) {
  return dead_ ? dead_error(from) : drive_.rename(from, to);
}

Status SimDisk::remove(const std::string& path) { return dead_ ? dead_error(path) : drive_.remove(path); }

Status SimDisk::sync_file(const std::string& path) { return dead_ ? dead_error(path) : drive_.sync_file(path); }

Status SimDisk::sync_directory(const std::string& path) {
  return dead_ ? dead_error(path) : drive_.sync_directory(path);
}

Status SimDisk::make_directory(const std::string& path) {
  return dead_ ? dead_error(path) : drive_.make_directory(path);
}

Result<std::vector<std::string>> SimDisk::list(const std::string& path) {
  if (dead_) return fail(dead_error(path));
  TRY(const FolderRef folder, drive_.medium().open_folder(path));
  std::vector<std::string> names;
  for (const auto& [name, entry] : folder->now) names.push_back(name);
  return names;
}

bool SimDisk::exists(const std::string& path) { return !dead_ && drive_.medium().exists(path); }

Result<std::unique_ptr<DirectoryLock>> SimDisk::lock_directory(const std::string& path) {
  if (dead_) return fail(dead_error(path));
  TRY(const uint64_t token, drive_.lock(path));
  locks_.insert(token);
  return std::make_unique<Lock>(*this, token);
}

}  // namespace quorate::env::sim
