// env/sim/pool.h: work off the loop as a later event of the universe.
//
// Invariants:
//   (1) submit() runs nothing; work starts after a drawn delay, so that the end of one may overtake another's.
//   (2) After die() nothing runs any more, and what waits is destroyed.
#pragma once

#include <cstdint>
#include <map>

#include "env/mailbox.h"
#include "env/pool.h"
#include "env/sim/universe.h"

namespace quorate::env::sim {

class SimPool final : public Pool {
 public:
  SimPool(Universe& universe, Loop& core, uint64_t process);
  ~SimPool() override;

  void submit(Task work, Task done) override;
  // How long work takes.
  void set_delay(Duration low, Duration high);
  void die();

 private:
  struct Job {
    EventId event = 0;
    Task work;
    Task done;
  };
  void run(uint64_t job);

  Universe& universe_;
  const uint64_t process_;
  Prng prng_;
  Duration delay_min_ = 10us;
  Duration delay_max_ = 2ms;
  bool dead_ = false;
  uint64_t next_job_ = 1;
  std::map<uint64_t, Job> jobs_;
  Mailbox<Task> finished_;
};

}  // namespace quorate::env::sim
