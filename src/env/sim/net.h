// env/sim/net.h: the network as one loop of one process sees it.
//
// Loop:    the one it was made on.
// Invariants:
//   (1) Every callback runs in a turn of that loop.
//   (2) After die() nobody is called, and nothing that is asked reaches the network.
// Errors are those of env/posix, to the letter.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "env/mailbox.h"
#include "env/net.h"
#include "env/sim/loop.h"
#include "env/sim/network.h"
#include "env/trace.h"

namespace quorate::env::sim {

class Connecting;
struct Route;

class SimNet final : public Net {
 public:
  struct Place {
    std::string host;      // its address, "10.0.0.1"
    uint64_t process = 0;  // number of the process, for SimNetwork::drop_process
  };

  SimNet(Universe& universe, SimNetwork& network, SimLoop& loop, Trace& trace, Place place);
  ~SimNet() override;

  Result<std::unique_ptr<Listener>> listen(const Address& address, const ListenOptions& options,
                                           Acceptor accept) override;
  Result<std::unique_ptr<Listener>> share(const Listener& listener, Acceptor accept) override;
  void connect(const Address& address, std::move_only_function<void(Result<std::unique_ptr<Socket>>)> done) override;
  void resolve(const std::string& host, std::move_only_function<void(Result<std::vector<std::string>>)> done) override;

  void die() { dead_ = true; }

 private:
  friend class Connecting;
  friend class SimListener;

  Route route_to(const Address& address);
  void end_connect(uint64_t id, Result<std::unique_ptr<Socket>> result);

  Universe& universe_;
  SimNetwork& network_;
  SimLoop& loop_;
  Trace& trace_;
  const Place place_;
  bool dead_ = false;
  uint64_t next_source_ = 1;  // numbers of sockets in the trace
  uint64_t next_connect_ = 1;
  std::map<uint64_t, std::shared_ptr<Connecting>> connecting_;
  Mailbox<Task> answers_;  // ends of connects and look-ups
};

}  // namespace quorate::env::sim
