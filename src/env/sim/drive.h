// env/sim/drive.h: a disk as a thing: it outlives processes, loses power and breaks in named ways.
//
// The handle through which a process uses it is disk.h. Knobs and faults may be set at any time.
// Invariants:
//   (1) Without a fault, what was reported durable survives every crash().
//   (2) The end of a process loses nothing that is cached; of its write in flight a drawn part is there.
//   (3) Every fault that struck is counted by name, when it strikes.
//   (4) A process that dies within one of its blocking calls has made the steps before that, and no other.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "env/disk.h"
#include "env/sim/medium.h"
#include "env/sim/universe.h"

namespace quorate::env::sim {

// What struck, by kind.
struct DiskFaults {
  uint64_t slow_writes = 0;         // log writes with a spike of latency
  uint64_t hung_writes = 0;         // those that a hang held
  uint64_t failed_writes = 0;       // those that were reported as failed
  uint64_t lying_writes = 0;        // reported durable, and not
  uint64_t misdirected_writes = 0;  // landed elsewhere
  uint64_t flipped_bits = 0;
  uint64_t full_refusals = 0;  // calls refused for want of space
  uint64_t read_only_refusals = 0;
  uint64_t vanished_folders = 0;
  uint64_t cut_writes = 0;  // in flight when their process died
  uint64_t halts = 0;       // blocking calls that were not finished
  uint64_t repairs = 0;     // of what a misdirected write did
  uint64_t power_losses = 0;
  CrashOutcomes crash;
};

struct DriveKnobs {
  DiskTraits traits = {Durability::kDirectDsync, 4096};  // what a probe finds
  Duration write_min = 50us;                             // a log write takes
  Duration write_max = 500us;
  uint64_t spikes_per_million = 0;  // of log writes; one more takes between write_max and spike_max
  Duration spike_max = 100ms;
  Duration fill_min = 1ms;  // create_filled_async takes
  Duration fill_max = 20ms;
};

class SimDrive {
 public:
  // All there is on a drive. Copies are cheap.
  using Snapshot = std::shared_ptr<const Medium>;
  static constexpr uint64_t kUnlimited = UINT64_MAX;

  // `id` names it in the trace.
  SimDrive(Universe& universe, uint64_t id);
  SimDrive(const SimDrive&) = delete;
  SimDrive& operator=(const SimDrive&) = delete;

  DriveKnobs& knobs() { return knobs_; }
  const DiskFaults& faults() const { return faults_; }

  // The power fails: writes in flight and everything unsynced is torn. Processes that use it must be dead, or
  // die in the same event (Process::kill does both).
  void crash(Prng& prng);

  // Faults.

  // Log writes and fills that are in flight, or come before `when`, end after it.
  void hang_until(MonoTime when) { hung_until_ = when; }
  // The next log write to end fails. Its sectors are each kept, lost or garbage; from then on, until the power
  // fails, its file lies: writes to it succeed and can be read, and a power loss takes them.
  void fail_next_write() { fail_next_ = true; }
  // The next log write to end lands at another aligned place of its file, and succeeds.
  void misdirect_next_write() { misdirect_next_ = true; }
  // One has landed elsewhere, and nobody has set that right yet.
  bool astray() const { return stray_.has_value(); }
  // As if it had landed where it should, those after it included. No process may use the drive.
  void repair_misdirection();
  // What it did stays as it is.
  void accept_misdirection() { stray_.reset(); }
  // Blocking calls are made of steps, each one change of the medium or one sync. So many of them happen; from then on
  // no step does, nor does a log write reach the medium, and the calls fail, until release() or a power loss: whoever
  // makes them is dead and does not know it yet. `halted`, in an event of its own, sees to that.
  void halt_after(uint64_t steps, Task halted);
  bool halted() const { return halted_; }
  void release() { halted_ = false; }
  // What was to strike a write or a call to come strikes none.
  void disarm();
  // New bytes are refused beyond this sum of all files' sizes; what a file has may be overwritten.
  void set_space(uint64_t bytes) { space_bytes_ = bytes; }
  void set_full() { space_bytes_ = 0; }
  uint64_t bytes_used() const { return medium_.bytes_used(); }
  void set_read_only(bool read_only) { read_only_ = read_only; }
  // Flips `count` drawn bits of the sector of `path` that `offset` lies in. The file must be that long.
  void flip_bits(const std::string& path, uint64_t offset, size_t count);
  // A folder is gone with all in it, as a file system that is no longer mounted: what is open of it still works.
  void vanish(const std::string& path);
  // It is back, as it is by now. An error when something else was put in its place.
  Status bring_back(const std::string& path);

  // For checkers.

  std::vector<std::string> files() const { return medium_.files(); }
  // As a process would read it now; none where there is no file.
  std::optional<std::string> read(const std::string& path) const;
  // What surely survives a power loss: synced bytes under synced names.
  std::optional<std::string> durable(const std::string& path) const;
  Snapshot snapshot() const;
  // No process may use it. All there is counts as durable as it was in the snapshot.
  void restore(const Snapshot& snapshot);

  // For disk.h: the calls of processes, faults applied.

  struct LogWrite {
    FileRef file;
    std::string path;
    uint64_t offset = 0;
    std::string_view bytes;
    bool durable = false;  // false: left in the cache
    size_t alignment_bytes = 4096;
  };
  // How long a log write or a fill takes that begins now.
  Duration draw_write_time();
  Duration draw_fill_time();
  // When something that should end now may: at once, or after the hang.
  MonoTime end_of_hang() const { return hung_until_; }
  void count_hung_write();
  // The write reaches the medium, or a fault.
  Status end_write(const LogWrite& write);
  // Its process died: a drawn part of it reached the cache; all of it when the power fails next.
  void cut_write(const LogWrite& write, bool power_fails);

  Result<FileRef> open_log(const std::string& path);
  // An empty file that is to be filled; refused where there is no room for `size`.
  Result<FileRef> begin_fill(const std::string& path, uint64_t size);
  // Its zeros are durable.
  Status end_fill(const std::string& path, MediumFile& file);
  Status replace_file(const std::string& path, std::string_view contents);
  Status append_file(const std::string& path, std::string_view bytes);
  Status sync_file(const std::string& path);
  Status rename(const std::string& from, const std::string& to);
  Status remove(const std::string& path);
  Status sync_directory(const std::string& path);
  Status make_directory(const std::string& path);
  const Medium& medium() const { return medium_; }
  // A token that unlock() takes; kFailedPrecondition while another holds it.
  Result<uint64_t> lock(const std::string& path);
  void unlock(uint64_t token) { locks_.erase(token); }

 private:
  // The last misdirected write, and all that its file was told after it.
  struct Stray {
    struct Write {
      uint64_t offset;
      std::string bytes;
    };
    FileRef file;
    Write overwritten;
    std::vector<Write> writes;  // its own first, to where it should have gone
  };

  // Whether a step of a blocking call may happen.
  Status step(const std::string& path, std::string_view what);
  Status room_for(const std::string& path, std::string_view what, uint64_t more);
  Status writable(const std::string& path, std::string_view what);
  Status fail_write(const LogWrite& write);
  // False where the file has no other place for it.
  bool misdirect(const LogWrite& write);

  Universe& universe_;
  const uint64_t id_;
  Prng prng_;
  DriveKnobs knobs_;
  DiskFaults faults_;
  Medium medium_;
  std::map<uint64_t, FolderRef> locks_;  // by token
  uint64_t next_lock_ = 1;
  MonoTime hung_until_{};
  bool fail_next_ = false;
  bool misdirect_next_ = false;
  bool read_only_ = false;
  uint64_t steps_left_ = 0;  // 0: as many as are wanted
  Task on_halt_;
  bool halted_ = false;
  std::optional<Stray> stray_;
  uint64_t space_bytes_ = kUnlimited;
};

}  // namespace quorate::env::sim
