// env/sim/network.h: the fabric between the hosts of a universe: what delays, cuts and breaks byte streams.
//
// Hosts are named by address ("10.0.0.1"). The handle through which a loop uses it is net.h.
// Invariants:
//   (1) Bytes of one direction arrive in the order in which they were sent, none twice, none made up. They are
//       lost only with their connection, and that is told to whoever is left.
//   (2) A direction holds at most NetKnobs::window_bytes that were sent and not read.
//   (3) What a cut holds arrives after the healing: nothing in a stream is skipped.
//   (4) Every fault that struck is counted by name, when it strikes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "env/net.h"
#include "env/sim/universe.h"

namespace quorate::env::sim {

class Connection;
class SimListener;
class SimNet;
class SimSocket;

// One end of a connection, as Connection keeps it.
struct ConnectionEnd {
  std::string host;
  uint64_t process = 0;
  SimSocket* socket = nullptr;  // none before it is handed out, and once closed
  bool closed = false;
  std::string broken = {};  // why this end is of no use any more: "read: connection reset by peer"
};

// What struck, or happened, by kind.
struct NetFaults {
  uint64_t connections = 0;      // that were established; no fault
  uint64_t deliveries = 0;       // of bytes; no fault
  uint64_t refused = 0;          // connects to nobody
  uint64_t failed_connects = 0;  // by chance
  uint64_t timed_out_connects = 0;
  uint64_t resets = 0;           // by chance or by call, of whole connections
  uint64_t held_deliveries = 0;  // at a cut
  uint64_t stalled_deliveries = 0;
  uint64_t dropped_at_death = 0;  // connections that ended with a process or its machine
};

struct NetKnobs {
  Duration latency_min = 20us;  // each way, between two hosts and within one
  Duration latency_max = 500us;
  size_t chunk_bytes_max = 64 * 1024;  // of one delivery; each is drawn, often small, sometimes all
  size_t window_bytes = 256 * 1024;
  uint64_t connect_failures_per_million = 0;
  uint64_t resets_per_million = 0;  // of deliveries
  Duration connect_timeout = 20s;   // of a connect that nothing answers
  Duration silence_min = 500ms;     // until a peer hears of a machine that lost its power
  Duration silence_max = 10s;
};

class SimNetwork {
 public:
  explicit SimNetwork(Universe& universe);
  ~SimNetwork();
  SimNetwork(const SimNetwork&) = delete;
  SimNetwork& operator=(const SimNetwork&) = delete;

  NetKnobs& knobs() { return knobs_; }
  const NetFaults& faults() const { return faults_; }

  // Nothing that `from` sends reaches `to` until healed. New connects hang, and time out.
  void cut(const std::string& from, const std::string& to);
  void cut_both(const std::string& a, const std::string& b) { cut(a, b), cut(b, a); }
  void heal(const std::string& from, const std::string& to);
  void heal_all();
  // Every connection of `host` is reset.
  void reset_all(const std::string& host);
  // Nothing arrives at `host` before `until`: its window fills, and its peers must wait.
  void stall_reader(const std::string& host, MonoTime until);
  // Connections that are neither closed nor dead.
  size_t connections() const { return connections_.size(); }
  // Names that resolve() finds, besides numbers and localhost.
  void add_name(const std::string& name, std::vector<std::string> addresses);

  // For process.h: a machine with power answers what comes to it, one without is silent.
  void power_on(const std::string& host);
  void power_off(const std::string& host);
  // What the nets of process `process` had open ends: reset by its system, or silence where the power failed.
  void drop_process(uint64_t process, bool power_fails);

 private:
  friend class Connecting;
  friend class Connection;
  friend class SimListener;
  friend class SimNet;

  using Link = std::pair<std::string, std::string>;  // from, to

  bool is_cut(const std::string& from, const std::string& to) const { return cuts_.contains({from, to}); }
  bool is_up(const std::string& host) const { return powered_.contains(host); }
  MonoTime stalled_until(const std::string& host) const;
  Duration draw_latency();
  void resume_connections();
  std::vector<std::shared_ptr<Connection>> connections_where(
      std::move_only_function<bool(const Connection&) const> wanted) const;
  std::shared_ptr<Connection> add_connection(ConnectionEnd client, ConnectionEnd server);
  void add_listener(SimListener& listener);
  void remove_listener(SimListener& listener);
  bool may_listen(const std::string& key, bool reuse_port) const;
  // One of those that share it; null where nobody listens.
  SimListener* pick_listener(const std::string& key);
  // For a listener that asked for none, or the near end of a connection.
  uint16_t free_port(const std::string& host);
  Result<std::vector<std::string>> look_up(const std::string& name) const;

  Universe& universe_;
  Prng prng_;
  NetKnobs knobs_;
  NetFaults faults_;
  std::set<Link> cuts_;
  std::set<std::string> powered_;
  std::map<std::string, MonoTime> stalls_;
  std::map<std::string, std::vector<std::string>> names_;
  std::map<std::string, uint64_t> ports_handed_out_;
  std::map<std::string, std::vector<SimListener*>> listeners_;  // by what connects find them by
  std::map<uint64_t, std::shared_ptr<Connection>> connections_;
  uint64_t next_id_ = 1;
};

}  // namespace quorate::env::sim
