// env/sim/listener.h: a listening socket on one loop; several loops may hold one each for the same port.
//
// Loop:    the one it was made on.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "env/net.h"
#include "env/sim/connection.h"
#include "env/sim/loop.h"

namespace quorate::env::sim {

class SimNet;

class SimListener final : public Listener, private Ready {
 public:
  static constexpr int kAcceptBurst = 16;

  // `key` is what connects find it by.
  SimListener(SimNet& net, std::string key, Address address, bool reuse_port, Acceptor accept);
  ~SimListener() override;

  Address address() const override { return address_; }
  const std::string& key() const { return key_; }
  bool reuse_port() const { return reuse_port_; }
  const std::string& host() const;
  uint64_t process() const;
  // A connection to be accepted, and how its peer is called.
  void enqueue(std::shared_ptr<Connection> connection, std::string peer);
  // Its process is dead; the network knows it no more.
  void detach();

 private:
  struct Waiting {
    std::shared_ptr<Connection> connection;
    std::string peer;
  };
  void on_ready() override;

  SimNet& net_;
  SimLoop& loop_;
  const std::string key_;
  const Address address_;
  const bool reuse_port_;
  bool detached_ = false;
  Acceptor accept_;
  std::deque<Waiting> waiting_;
};

}  // namespace quorate::env::sim
