// env/posix/listener.h: a listening socket on one loop; several loops may hold one each for the same port.
//
// Loop:    the one it was made on; fd() and address() may be read from another one that shares it.
#pragma once

#include <functional>

#include "env/log.h"
#include "env/net.h"
#include "env/posix/address.h"
#include "env/posix/loop.h"

namespace quorate::env::posix {

// Takes an accepted descriptor.
using FdAcceptor = std::move_only_function<void(Fd, const SocketAddress&)>;

class PosixListener final : public Listener, private Ready {
 public:
  struct Options {
    int burst;      // connections accepted at a time
    Duration rest;  // without descriptors
  };

  // `owns_path`: the file of a unix socket goes with this one.
  PosixListener(PosixLoop& loop, Log& log, Fd fd, Address address, bool owns_path, const Options& options,
                FdAcceptor accept);
  ~PosixListener() override;

  Address address() const override { return address_; }
  int fd() const { return fd_.get(); }
  Status start();

 private:
  void on_ready(uint32_t events) override;
  void rest(std::string_view why);
  // Takes over one whose descriptor leaves enough for what is not a client; else keeps it until there are.
  void hand_over(Fd accepted, const SocketAddress& peer);
  void end_rest();

  PosixLoop& loop_;
  Log& log_;
  const Fd fd_;
  const Address address_;
  const bool owns_path_;
  const Options options_;
  FdAcceptor accept_;
  TimerId resting_ = 0;
  MonoTime told_at_{};  // of the last rest
  bool told_ = false;
  Fd kept_;  // accepted, and waits for a descriptor
  SocketAddress kept_peer_;
};

// A bound, listening descriptor; `address` gets the port that was bound.
Result<Fd> open_listener(Address& address, const ListenOptions& options);

}  // namespace quorate::env::posix
