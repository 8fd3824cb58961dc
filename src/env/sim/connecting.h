// env/sim/connecting.h: a connect that has not ended.
//
// Internal to this module. Belongs to the SimNet that was asked; one that is destroyed calls nobody.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "env/net.h"
#include "env/sim/connection.h"

namespace quorate::env::sim {

class SimNet;

// Where a connect goes, and how both sides are called.
struct Route {
  std::string host;
  std::vector<std::string> keys;  // of listeners, the closest first
  std::string target_text;
  std::string client_text;
};

class Connecting final : public std::enable_shared_from_this<Connecting> {
 public:
  using Done = std::move_only_function<void(Result<std::unique_ptr<Socket>>)>;

  Connecting(SimNet& net, uint64_t id, Route route, Done done);
  ~Connecting();

  void start();
  // Is told on a later turn, and ends it.
  void finish(Result<std::unique_ptr<Socket>> result);
  Done take_done() { return std::move(done_); }

 private:
  // Runs `step` later, should this still go on then.
  void later(Duration delay, void (Connecting::*step)());
  // As a system does: again after a second, two, four..., until the patience ends.
  void ask_again(void (Connecting::*step)());
  void arrive();
  void refuse();
  void establish();
  void time_out();
  bool reaches(const std::string& from, const std::string& to) const;

  SimNet& net_;
  const uint64_t id_;
  const Route route_;
  Done done_;
  Duration retry_ = 1s;
  bool ended_ = false;
  std::shared_ptr<Connection> connection_;  // once accepted and not yet handed out
};

}  // namespace quorate::env::sim
