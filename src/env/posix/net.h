// env/posix/net.h: TCP and unix sockets on a PosixLoop.
//
// Loop:    the one it was made on. Its listeners, and connects that have not ended, belong to it: a Net that
//          is destroyed calls nobody back. Listeners and sockets must be destroyed before it.
// Invariants:
//   (1) At most kAcceptBurst connections are accepted at a time from one listener.
//   (2) Out of descriptors, a listener rests for kAcceptRest instead of asking again at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "env/log.h"
#include "env/mailbox.h"
#include "env/net.h"
#include "env/posix/address.h"
#include "env/posix/loop.h"
#include "env/posix/pool.h"
#include "env/trace.h"

namespace quorate::env::posix {

class PosixNet final : public Net {
 public:
  static constexpr int kAcceptBurst = 16;
  static constexpr Duration kAcceptRest = 50ms;

  // `pool` looks names up; it must be stopped before this is destroyed. Sockets are numbered from `first_source`
  // on in the trace.
  PosixNet(PosixLoop& loop, PosixPool& pool, Log& log, Trace& trace, uint64_t first_source = 1);
  ~PosixNet() override;

  Result<std::unique_ptr<Listener>> listen(const Address& address, const ListenOptions& options,
                                           Acceptor accept) override;
  Result<std::unique_ptr<Listener>> share(const Listener& listener, Acceptor accept) override;
  void connect(const Address& address, std::move_only_function<void(Result<std::unique_ptr<Socket>>)> done) override;
  void resolve(const std::string& host, std::move_only_function<void(Result<std::vector<std::string>>)> done) override;

  // A socket around a connected descriptor.
  std::unique_ptr<Socket> adopt(Fd fd, const SocketAddress& peer);

 private:
  using Connected = std::move_only_function<void(Result<std::unique_ptr<Socket>>)>;
  using Resolved = std::move_only_function<void(Result<std::vector<std::string>>)>;
  using Names = Result<std::vector<std::string>>;
  class Connecting;
  struct Lookup {
    Resolved done;
    Names names;
  };

  void finish_connect(uint64_t id, Result<std::unique_ptr<Socket>> result);

  PosixLoop& loop_;
  PosixPool& pool_;
  Log& log_;
  Trace& trace_;
  uint64_t next_source_;  // numbers of sockets in the trace
  Mailbox<Lookup> lookups_;
  uint64_t next_connect_ = 1;
  std::unordered_map<uint64_t, std::unique_ptr<Connecting>> connecting_;
};

}  // namespace quorate::env::posix
