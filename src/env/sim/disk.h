// env/sim/disk.h: one process' handle of a drive.
//
// Loop:    core.
// Invariants:
//   (1) Log writes and fills end after a drawn time, their completions run on the core loop; everything else
//       answers at once.
//   (2) After die() nothing changes the drive, every call is an error, no completion runs, and its locks are free.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "env/disk.h"
#include "env/mailbox.h"
#include "env/sim/drive.h"
#include "env/sim/universe.h"
#include "env/trace.h"

namespace quorate::env::sim {

class SimDisk final : public Disk {
 public:
  // `drive` must outlive it.
  SimDisk(Universe& universe, SimDrive& drive, Loop& core, Trace& trace);
  ~SimDisk() override;

  Result<DiskTraits> probe(const std::string& directory, bool unsafe_no_fsync) override;
  Result<std::unique_ptr<LogFile>> open_log(const std::string& path, const DiskTraits& traits) override;
  Status create_filled(const std::string& path, uint64_t size) override;
  void create_filled_async(const std::string& path, uint64_t size, std::move_only_function<void(Status)> done) override;
  Result<std::string> read_file(const std::string& path) override;
  Result<std::string> read_at(const std::string& path, uint64_t offset, size_t size) override;
  Result<uint64_t> file_size(const std::string& path) override;
  Status replace_file(const std::string& path, std::string_view contents) override;
  Status append_file(const std::string& path, std::string_view bytes) override;
  Status sync_file(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Status make_directory(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  bool exists(const std::string& path) override;
  Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& path) override;

  // `power_fails`: the drive's crash() follows, and decides what is left of the write in flight.
  void die(bool power_fails);
  bool dead() const { return dead_; }
  SimDrive& drive() { return drive_; }

 private:
  class File;
  class Lock;
  struct Flight;
  struct Fill;

  uint64_t take_off(std::unique_ptr<Flight> flight);
  void end_flight(uint64_t id);
  // It reaches the drive, or a fault.
  void finish(Flight& flight);
  void end_fill();

  Universe& universe_;
  SimDrive& drive_;
  Trace& trace_;
  bool dead_ = false;
  uint64_t next_flight_ = 1;
  std::map<uint64_t, std::unique_ptr<Flight>> flights_;
  std::unique_ptr<Fill> fill_;
  std::set<uint64_t> locks_;  // tokens of the drive
  Mailbox<Task> finished_;
};

}  // namespace quorate::env::sim
