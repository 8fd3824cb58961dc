// node/node.h: the object graph of one member, and its order of life.
//
// Loop:    made, started, stopped and destroyed on the core loop's thread; made and destroyed while no loop runs.
// Invariants:
//   (1) A port is bound before the data directory is touched, so that a second server on it changes nothing.
//   (2) No client is answered before this member's name and URLs, and the cluster's version, are in the replicated
//       state.
//   (3) stop() answers or ends every call, then seals the log; the directory's lock is held until destruction.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "api/back.h"
#include "api/front.h"
#include "env/env.h"
#include "node/config.h"
#include "server/replica.h"
#include "wal/data_directory.h"

namespace quorate::node {

class Node {
 public:
  // `serving` are the loops that serve clients: io loops, or the core loop alone. `env` and the loops outlive
  // the node. Blocks while it reads the log. Errors: whatever keeps the member from starting, in clear words.
  static Result<std::unique_ptr<Node>> create(const env::Env& env, std::vector<env::LoopEnv> serving,
                                              const Config& config);
  ~Node();

  // On the core loop. `failed` is called once if the member can no longer go on.
  void start(std::move_only_function<void(const Status&)> failed);
  // Called once, on the core loop, when clients are answered. Before start().
  void on_serving(std::move_only_function<void()> serving) { on_serving_ = std::move(serving); }
  // On the core loop. `done` is called there when the log is sealed and connections are closed, or when
  // their time to end by themselves is over.
  void stop(std::move_only_function<void(const Status&)> done);

  // The addresses that were bound, in the order of the configuration.
  std::vector<env::Address> client_addresses() const;
  std::vector<env::Address> peer_addresses() const;
  std::vector<env::Address> metrics_addresses() const;
  std::vector<env::Address> client_http_addresses() const;
  const wal::DataDirectory& directory() const { return directory_; }
  // Of the log's last entry when it was opened; 0 where it had none.
  Index last_index_at_start() const { return last_index_at_start_; }
  const server::Replica& replica() const { return *replica_; }
  // What is counted against the budgets of clients: nothing, when none of them waits for anything. With io loops of
  // their own threads only while those rest.
  size_t budgeted_bytes() const;

 private:
  struct Bound {
    Url url;
    std::unique_ptr<env::Listener> listener;  // until a front keeps it
    env::Address address;
  };

  Node(const env::Env& env, std::vector<env::LoopEnv> serving, const Config& config);

  Status bind();
  Result<Bound> listen(const env::LoopEnv& loop, const Url& url, size_t front);
  Status open_store();
  void make_fronts();
  void serve();
  void seal();

  api::StageStamps stamps_;  // a part of env_
  const env::Env env_;
  const std::vector<env::LoopEnv> serving_;
  const Config config_;
  wal::DataDirectory directory_;
  Index last_index_at_start_ = 0;
  std::unique_ptr<server::Replica> replica_;
  std::unique_ptr<api::Back> back_;
  // One for each serving loop, then the peer port's and the metrics', both on the core loop, then that of
  // --listen-client-http-urls on the first serving loop.
  std::vector<std::unique_ptr<api::Front>> fronts_;
  std::vector<Bound> client_, peer_, metrics_, client_http_;
  size_t draining_ = 0;
  env::TimerId stop_timer_ = 0;
  std::move_only_function<void(const Status&)> stopped_;
  std::move_only_function<void()> on_serving_;
};

}  // namespace quorate::node
