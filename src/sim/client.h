// sim/client.h: a client's process: one connection, and the sessions that share it.
//
// Loop: its own. Thread: the universe's; may be called between turns.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "client/net_channel.h"
#include "env/sim/process.h"
#include "sim/scene.h"

namespace quorate::sim {

class Client {
 public:
  explicit Client(Scene& scene);

  Scene& scene() { return scene_; }
  client::Channel& channel() { return *channel_; }
  env::sim::Process& process() { return process_; }

 private:
  Scene& scene_;
  env::Trace trace_;
  env::sim::Process process_;
  std::unique_ptr<client::NetChannel> channel_;
};

// One operation after the other, as a thread of a real client has them.
class Session {
 public:
  using Done = std::move_only_function<void(const Operation&)>;

  explicit Session(Client& client) : client_(&client), number_(client.scene().next_client()) {}

  // As the history knows it.
  uint32_t number() const { return number_; }
  bool busy() const { return busy_; }
  Client& client() { return *client_; }
  Scene& scene() { return client_->scene(); }

  // One unary call. `done` is called when it was answered or given up. Not while busy.
  void call(Kind kind, std::string request, Done done);

  static constexpr Duration kTimeout = 9s;

 private:
  Client* client_;
  uint32_t number_;
  bool busy_ = false;
};

}  // namespace quorate::sim
