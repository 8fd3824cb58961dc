// sim/scene.h: what all clients of a run share: the world they live in, and the history that they write.
//
// Thread: the universe's. Everything here outlives the clients.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "env/log.h"
#include "env/net.h"
#include "env/sim/drive.h"
#include "env/sim/network.h"
#include "env/sim/universe.h"
#include "sim/history.h"

namespace quorate::sim {

// What loads did, besides what stands in the history.
struct LoadCounters {
  uint64_t storm_connections = 0;
  uint64_t garbage_bytes = 0;
  uint64_t watch_streams = 0;
  uint64_t alarms_disarmed = 0;
};

struct Scene {
  env::sim::Universe& universe;
  env::sim::SimNetwork& network;
  env::sim::SimDrive& client_drive;  // processes need one; clients write nothing
  env::Log& log;
  env::Address member;  // where clients connect to
  History& history;
  LoadCounters counters = {};
  std::vector<std::string> client_hosts = {};
  uint32_t clients = 0;  // these count what was handed out
  uint64_t watches = 0;
  uint64_t leases = 0;
  Revision latest_revision = 1;  // the highest that an answer showed

  // A new operation under way; returns its id. `request` lacks the id, which is added.
  uint64_t begin(Kind kind, uint32_t client, std::string request);
  // Its end: a status from the server, or (`status` leaves that open) nothing.
  void end(uint64_t id, const Status& status, std::string response);
  Operation& operation(uint64_t id) { return history.operations[id - 1]; }

  uint32_t next_client() { return ++clients; }
  uint64_t next_watch() { return ++watches; }
  LeaseId next_lease() { return static_cast<LeaseId>(++leases + 1000); }
  void saw(Revision revision) { latest_revision = std::max(latest_revision, revision); }
};

}  // namespace quorate::sim
