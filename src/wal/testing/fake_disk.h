// wal/testing/fake_disk.h: files in memory that forget at a crash what was not made durable.
//
// Thread: the test's. Tests only. Writes of log files wait until the test finishes them; everything else
// is done at once. At a crash each 512-byte sector of an unfinished write is kept, lost or garbage, and
// each name of a folder that was not synced since is as it was or as it is, by the seed.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/prng.h"
#include "env/disk.h"
#include "env/loop.h"

namespace quorate::wal::testing {

inline constexpr size_t kSectorBytes = 512;

class FakeDisk final : public env::Disk {
 public:
  explicit FakeDisk(env::Loop& loop) : loop_(&loop) {}

  // What the tests do to it.

  // Writes of log files that wait to be finished.
  size_t pending_writes() const { return writes_.size(); }
  // Makes the oldest one durable; its completion runs on the loop's next turn.
  void finish_write() { end_write(Status()); }
  // The oldest one fails, having changed nothing.
  void fail_write() { end_write(Status(Code::kUnknown, "disk: input/output error")); }
  bool pending_fill() const { return fill_.has_value(); }
  // Finishes create_filled_async, well or with no space left.
  void finish_fill() {
    CHECK(fill_.has_value());
    Fill fill = std::move(*fill_);
    fill_.reset();
    Status status = broken_        ? Status(Code::kUnknown, fill.path + ": input/output error")
                    : !space_left_ ? Status(Code::kResourceExhausted, fill.path + ": no space left")
                                   : create_filled(fill.path, fill.size);
    loop_->post([tell = std::move(fill.done), status]() mutable { tell(status); });
  }
  void set_space_left(bool left) { space_left_ = left; }
  void set_broken(bool broken) { broken_ = broken; }  // no file can be made
  void set_alignment(size_t bytes) { alignment_bytes_ = bytes; }

  // The machine loses power, and comes back with `loop`. Every object of this disk must be gone.
  void crash(Prng& prng, env::Loop& loop) {
    for (const Write& write : writes_) tear(write, prng);
    writes_.clear();
    fill_.reset();
    std::set<std::string> names;
    for (const auto& [name, file] : durable_names_) names.insert(name);
    for (const auto& [name, file] : names_) names.insert(name);
    for (const std::string& name : names) {
      if (prng.chance(1, 2)) set_name(names_, name, find(durable_names_, name));
    }
    durable_names_ = names_;
    loop_ = &loop;
  }
  // The process starts again with `loop`, the machine goes on.
  void restart(env::Loop& loop) {
    writes_.clear();
    fill_.reset();
    loop_ = &loop;
  }

  // A file's bytes, to look at and to damage.
  std::string& bytes(const std::string& path) {
    CHECK(names_.contains(path));
    return *names_.at(path);
  }
  std::vector<std::string> paths() const {
    std::vector<std::string> all;
    for (const auto& [name, file] : names_) all.push_back(name);
    return all;
  }
  // Everything there is; for comparing and for setting back.
  std::map<std::string, std::string> contents() const {
    std::map<std::string, std::string> all;
    for (const auto& [name, file] : names_) all[name] = *file;
    return all;
  }
  void set_contents(const std::map<std::string, std::string>& all) {
    names_.clear();
    for (const auto& [name, text] : all) names_[name] = std::make_shared<std::string>(text);
    durable_names_ = names_;
  }

  // env::Disk

  Result<env::DiskTraits> probe(const std::string&, bool) override {
    return env::DiskTraits{env::Durability::kDirectDsync, alignment_bytes_};
  }
  Result<std::unique_ptr<env::LogFile>> open_log(const std::string& path, const env::DiskTraits&) override {
    const auto found = names_.find(path);
    if (found == names_.end()) return fail(Code::kNotFound, path + ": not there");
    return std::make_unique<File>(*this, found->second);
  }
  Status create_filled(const std::string& path, uint64_t size) override {
    names_[path] = std::make_shared<std::string>(static_cast<size_t>(size), '\0');
    return {};
  }
  void create_filled_async(const std::string& path, uint64_t size,
                           std::move_only_function<void(Status)> done) override {
    CHECK(!fill_);
    fill_ = Fill{path, size, std::move(done)};
  }
  Result<std::string> read_file(const std::string& path) override {
    const auto found = names_.find(path);
    if (found == names_.end()) return fail(Code::kNotFound, path + ": not there");
    return *found->second;
  }
  Result<std::string> read_at(const std::string& path, uint64_t offset, size_t size) override {
    const auto found = names_.find(path);
    if (found == names_.end()) return fail(Code::kNotFound, path + ": not there");
    if (offset >= found->second->size()) return std::string();
    return found->second->substr(static_cast<size_t>(offset), size);
  }
  Result<uint64_t> file_size(const std::string& path) override {
    const auto found = names_.find(path);
    if (found == names_.end()) return fail(Code::kNotFound, path + ": not there");
    return found->second->size();
  }
  Status replace_file(const std::string& path, std::string_view contents) override {
    if (!writable_) return Status(Code::kPermissionDenied, path + ": permission denied");
    names_[path] = std::make_shared<std::string>(contents);
    durable_names_[path] = names_[path];
    return {};
  }
  Status append_file(const std::string& path, std::string_view bytes) override {
    if (!space_left_) return Status(Code::kResourceExhausted, path + ": no space left");
    auto& file = names_[path];
    if (!file) file = std::make_shared<std::string>();
    file->append(bytes);
    return {};
  }
  Status sync_file(const std::string& path) override {
    return names_.contains(path) ? Status() : Status(Code::kNotFound, path + ": not there");
  }
  Status rename(const std::string& from, const std::string& to) override {
    if (!names_.contains(from)) return Status(Code::kNotFound, from + ": not there");
    names_[to] = std::exchange(names_[from], nullptr);
    names_.erase(from);
    return {};
  }
  Status remove(const std::string& path) override {
    if (names_.erase(path) == 0) return Status(Code::kNotFound, path + ": not there");
    return {};
  }
  Status sync_directory(const std::string& path) override {
    std::erase_if(durable_names_, [&](const auto& each) { return parent_of(each.first) == path; });
    for (const auto& [name, file] : names_) {
      if (parent_of(name) == path) durable_names_[name] = file;
    }
    return {};
  }
  Status make_directory(const std::string& path) override {
    if (!writable_) return Status(Code::kPermissionDenied, path + ": permission denied");
    for (std::string at = path; !at.empty(); at = parent_of(at)) folders_.insert(at);
    return {};
  }
  Result<std::vector<std::string>> list(const std::string& path) override {
    if (!folders_.contains(path)) return fail(Code::kNotFound, path + ": not there");
    std::vector<std::string> found;
    for (const auto& [name, file] : names_) {
      if (parent_of(name) == path) found.push_back(name.substr(path.size() + 1));
    }
    for (const std::string& name : folders_) {
      if (parent_of(name) == path) found.push_back(name.substr(path.size() + 1));
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  bool exists(const std::string& path) override { return names_.contains(path) || folders_.contains(path); }
  Result<std::unique_ptr<env::DirectoryLock>> lock_directory(const std::string& path) override {
    if (!exists(path)) return fail(Code::kNotFound, path + ": not there");
    if (!locks_.insert(path).second)
      return fail(Code::kFailedPrecondition, path + ": the data directory is locked by another process");
    return std::make_unique<Lock>(*this, path);
  }
  void set_writable(bool writable) { writable_ = writable; }

 private:
  using Bytes = std::shared_ptr<std::string>;
  using Names = std::map<std::string, Bytes>;
  struct Write {
    const void* owner = nullptr;
    Bytes file;
    uint64_t offset = 0;
    env::AlignedBuffer buffer;
    std::move_only_function<void(Status, env::AlignedBuffer)> done;
  };
  struct Fill {
    std::string path;
    uint64_t size = 0;
    std::move_only_function<void(Status)> done;
  };

  class File final : public env::LogFile {
   public:
    File(FakeDisk& disk, Bytes bytes) : disk_(disk), bytes_(std::move(bytes)) {}
    ~File() override {
      *alive_ = false;
      for (Write& write : disk_.writes_) {
        if (write.owner == this) write.done = nullptr;
      }
    }
    void write(uint64_t offset, env::AlignedBuffer buffer,
               std::move_only_function<void(Status, env::AlignedBuffer)> done) override {
      CHECK(offset % disk_.alignment_bytes_ == 0 && buffer.size() % disk_.alignment_bytes_ == 0 && buffer.size() > 0);
      CHECK(offset + buffer.size() <= bytes_->size());
      for (const Write& write : disk_.writes_) CHECK(write.owner != this);
      disk_.writes_.push_back(
          {this, bytes_, offset, std::move(buffer),
           [alive = alive_, tell = std::move(done)](Status status, env::AlignedBuffer back) mutable {
             if (*alive) tell(std::move(status), std::move(back));
           }});
    }

   private:
    FakeDisk& disk_;
    Bytes bytes_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  };
  class Lock final : public env::DirectoryLock {
   public:
    Lock(FakeDisk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
    ~Lock() override { disk_.locks_.erase(path_); }

   private:
    FakeDisk& disk_;
    std::string path_;
  };

  static std::string parent_of(const std::string& path) {
    const size_t slash = path.find_last_of('/');
    return slash == std::string::npos ? std::string() : path.substr(0, slash);
  }
  static Bytes find(const Names& names, const std::string& name) {
    const auto found = names.find(name);
    return found == names.end() ? nullptr : found->second;
  }
  static void set_name(Names& names, const std::string& name, Bytes file) {
    if (file) {
      names[name] = std::move(file);
    } else {
      names.erase(name);
    }
  }
  void end_write(Status status) {
    CHECK(!writes_.empty());
    Write write = std::move(writes_.front());
    writes_.pop_front();
    if (status.ok()) write.buffer.view().copy(write.file->data() + write.offset, write.buffer.size());
    if (!write.done) return;
    loop_->post([tell = std::move(write.done), buffer = std::move(write.buffer), status]() mutable {
      tell(status, std::move(buffer));
    });
  }
  static void tear(const Write& write, Prng& prng) {
    // Whole worlds of tears: all kept, all lost, a prefix, or each sector by itself.
    const uint64_t way = prng.below(4);
    const size_t sectors = write.buffer.size() / kSectorBytes;
    const uint64_t prefix = prng.below(sectors + 1);
    for (size_t i = 0; i < sectors; ++i) {
      const std::string_view sector = write.buffer.view().substr(i * kSectorBytes, kSectorBytes);
      const size_t at = static_cast<size_t>(write.offset) + i * kSectorBytes;
      uint64_t fate = prng.below(5);  // 0, 1: kept; 2, 3: lost; 4: garbage
      if (way == 0) fate = 0;
      if (way == 1) fate = 2;
      if (way == 2) fate = i < prefix ? 0 : 2;
      if (fate < 2) write.file->replace(at, kSectorBytes, sector);
      if (fate == 4) write.file->replace(at, kSectorBytes, prng.bytes(kSectorBytes));
    }
  }

  env::Loop* loop_;
  Names names_, durable_names_;
  std::set<std::string> folders_;
  std::set<std::string> locks_;
  std::deque<Write> writes_;
  std::optional<Fill> fill_;
  size_t alignment_bytes_ = 4096;
  bool space_left_ = true;
  bool broken_ = false;
  bool writable_ = true;
};

}  // namespace quorate::wal::testing
