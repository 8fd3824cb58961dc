// sim/supervisor.h: keeps the member alive: starts it again after each death, and judges it when it will not start.
//
// It also breaks the medium while the member is down, because only whoever knows what was broken can tell a
// refusal that is right from one that is not.
// Thread: the universe's.
// Invariants:
//   (1) A start that fails without a cause is a violation; one that names a damaged file is what was asked for, and
//       the medium is then set back to what it was before the damage.
//   (2) Where the log's last batch was damaged and unsealed, its entries may be lost, and the history says so.
//   (3) A member that ends by itself names a file of its log, and only where something was done to the disk.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "sim/member.h"
#include "sim/violation.h"

namespace quorate::sim {

struct LifeCounters {
  uint64_t starts = 0, kills = 0, power_losses = 0, orderly_stops = 0, failures = 0;
  uint64_t refused_for_damage = 0, refused_for_space = 0, refused_read_only = 0, refused_for_folder = 0;
  uint64_t halts = 0, halts_at_start = 0;
  uint64_t damaged = 0, cuts_of_last_batch = 0;
};

class Supervisor {
 public:
  Supervisor(env::sim::Universe& universe, env::sim::SimNetwork& network, env::sim::SimDrive& drive, Member& member,
             const Plan& plan, History& history);

  // The first start.
  void begin() { start(); }
  bool up() const { return member_.running(); }
  // It does not start, and nobody knows why: nothing more can be asked of it.
  bool beyond_repair() const { return beyond_repair_; }

  // Deaths, each followed by a start after a while. Events of the universe; without effect on a member that is down,
  // but for the power.
  void crash(env::sim::Death death);
  void restart_in_order();
  // The power fails, and bits of a file flip, where `draw` says.
  void crash_and_flip(uint64_t draw);
  // The next log write lands elsewhere, and the power fails soon after.
  void misdirect(uint64_t draw);
  // Whether that has happened is found out now at the latest.
  void notice_misdirection();
  // Starts may be refused for want of space meanwhile.
  void set_full(bool full) { full_ = full; }
  // Nothing on the drive can be changed meanwhile.
  void set_read_only(bool read_only);
  // A folder goes, as if unmounted, and comes back.
  void vanish(uint64_t draw);
  void bring_back();
  // The process dies in one of the next blocking calls, after so many steps, or its machine with it.
  void halt_after(uint64_t steps, env::sim::Death death);

  // Called whenever the member is down, before the medium is touched.
  void on_down(env::Task task) { on_down_ = std::move(task); }
  // The durable log as it is now, dense from 1: what a start would read, behind what was freed since.
  Result<std::vector<pb::Entry>> read_log();

  const LifeCounters& counters() const { return counters_; }
  const Violations& violations() const { return violations_; }

 private:
  void start();
  void start_later();
  void went_down(env::sim::Death death);
  void refused(const Status& status);
  // Whether what was done to the disk, and is known, is why it does not start; and what is done about it.
  bool explained(const Status& status);
  void failed(const Status& status);
  void halted(env::sim::Death death);
  void started();
  void flip(uint64_t draw);
  bool disk_misbehaved();
  void judge_images();
  bool write_failed();
  uint64_t disturbances() const;
  bool strayed();
  void misdirected();
  void blame(ViolationKind kind, std::string text) { violations_.push_back({kind, std::move(text)}); }

  env::sim::Universe& universe_;
  env::sim::SimNetwork& network_;
  env::sim::SimDrive& drive_;
  Member& member_;
  const Plan& plan_;
  History& history_;
  env::Task on_down_;
  LifeCounters counters_;
  Violations violations_;
  uint64_t starting_ = 0;  // a start that was planned before the last death is stale
  bool full_ = false;
  bool read_only_ = false;
  std::string vanished_;  // the folder that is gone; empty: none
  bool beyond_repair_ = false;
  uint64_t failed_writes_known_ = 0;
  uint64_t disturbances_at_start_ = 0;
  uint64_t misdirections_noticed_ = 0;
  std::vector<pb::Entry> log_;            // as it was last read, with what was freed before
  std::set<std::string> damaged_images_;  // by us, as far as they may still be there
  uint64_t passed_over_known_ = 0;        // images that the member found damaged

  // Of the damage that the next start will see.
  env::sim::SimDrive::Snapshot undamaged_;
  std::string damaged_path_;
  Index log_before_ = 0;      // entries in the log before the damage
  uint64_t cuts_before_ = 0;  // warnings of the member before it
  bool may_lose_last_ = false;
  bool misdirected_ = false;
  Index misdirected_from_ = 0;  // entries that the misdirected write carried, 0: not known or not the last
};

}  // namespace quorate::sim
