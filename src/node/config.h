// node/config.h: everything that one member is told, after flags, environment and file were read and checked.
//
// Defaults are etcd's (server, section 1.1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "base/time.h"
#include "env/log.h"
#include "env/log_format.h"
#include "env/log_rotation.h"
#include "env/net.h"
#include "node/feature_gates.h"
#include "server/auto_compactor.h"
#include "server/checkpointer.h"

namespace quorate::node {

// A URL to listen on or to advertise: scheme://host:port, or unix://path.
struct Url {
  std::string scheme;  // http, unix
  std::string host;
  uint16_t port = 0;
  std::string path;  // of a unix socket

  std::string text() const;
  bool unix_socket() const { return scheme == "unix" || scheme == "unixs"; }
  friend bool operator==(const Url&, const Url&) = default;
};

// Errors carry the system's or etcd's words ("URL scheme must be http, https, unix, or unixs: ...").
Result<Url> parse_url(std::string_view text);

struct Config {
  std::string name = "default";
  std::string data_dir;  // never empty once parsed: <name>.etcd under etcd's name, else <name>.quorate
  std::string wal_dir;

  std::vector<Url> listen_client_urls{{.scheme = "http", .host = "localhost", .port = 2379, .path = {}}};
  std::vector<Url> listen_peer_urls{{.scheme = "http", .host = "localhost", .port = 2380, .path = {}}};
  std::vector<Url> listen_metrics_urls;
  std::vector<Url> listen_client_http_urls;
  std::vector<std::string> advertise_client_urls{"http://localhost:2379"};
  std::vector<std::string> initial_advertise_peer_urls{"http://localhost:2380"};
  std::string initial_cluster_token = "etcd-cluster";

  Duration heartbeat_interval = 100ms;
  Duration election_timeout = 1s;

  size_t max_txn_ops = 128;
  size_t max_request_bytes = 1'572'864;
  int64_t quota_backend_bytes = 0;  // 0: not set, less: none
  uint64_t memory_limit_bytes = 0;  // of the machine or its group, as found at start; 0: not known
  uint32_t max_concurrent_streams = 4'294'967'295;
  Duration grpc_keepalive_min_time = 5s;
  Duration grpc_keepalive_interval = 2h;
  Duration grpc_keepalive_timeout = 20s;

  server::AutoCompaction auto_compaction;
  Duration watch_progress_interval = 10min;

  FeatureGates feature_gates;
  std::vector<std::string> cors{"*"};            // origins, sorted
  std::vector<std::string> host_whitelist{"*"};  // names, sorted
  bool extensive_metrics = false;
  Duration warning_apply_duration = 100ms;
  Duration warning_unary_request_duration = 300ms;

  env::Level log_level = env::Level::kInfo;
  env::LogFormat log_format = env::LogFormat::kJson;
  std::vector<std::string> log_outputs{"default"};
  std::optional<env::LogRotation> log_rotation;

  env::ListenOptions socket_options;
  bool unsafe_no_fsync = false;
  bool lock_memory = false;
  uint64_t log_segment_bytes = limits::kSegmentBytes;  // no flag sets it: tests make it small
  // The same: what an entry deletes at once, and in a turn where that is more.
  uint64_t deleted_keys_at_once = limits::kDeletedKeysAtOnce;
  size_t deleted_keys_per_turn = limits::kDeletedKeysPerTurn;
  server::CheckpointKnobs checkpoint;                           // the same
  std::vector<std::string> command_line;                        // the program and its arguments
  size_t flight_recorder_bytes = limits::kFlightRecorderBytes;  // 0: none
  std::optional<size_t> io_loops;  // unset: 0 with two cores or fewer, else by their number
};

// How many io loops a machine with `cores` cores (by cgroup) gets when none are asked for.
size_t default_io_loops(unsigned cores);

}  // namespace quorate::node
