// env/sim/socket.h: one end of a connection, on a SimLoop.
//
// Loop:    the one it was made on.
// Invariants:
//   (1) One on_ready reads at most kReadBytes; a socket that has more waits behind the others.
//   (2) No callback is made from a call of the owner's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "env/net.h"
#include "env/sim/connection.h"
#include "env/sim/loop.h"
#include "env/trace.h"

namespace quorate::env::sim {

class SimSocket final : public Socket, private Ready {
 public:
  static constexpr size_t kReadBytes = 64 * 1024;

  // `at` is its end of the connection, `source` its number in the trace.
  SimSocket(SimLoop& loop, Trace& trace, std::shared_ptr<Connection> connection, int at, std::string peer,
            uint64_t source);
  ~SimSocket() override;

  void start(SocketEvents& events) override;
  size_t write(std::span<const std::string_view> pieces) override;
  void pause_reading() override { paused_ = true; }
  void resume_reading() override;
  void shutdown_write() override;
  void close() override;
  std::string peer_text() const override { return peer_; }

  // For Connection: something changed at this end.
  void notify();
  // The process is dead: this is of nothing any more.
  void detach() { connection_ = nullptr; }

 private:
  void on_ready() override;
  void read_once();
  // Closes and tells; this may be gone afterwards.
  void finish(const Status& why);

  SimLoop& loop_;
  Trace& trace_;
  std::shared_ptr<Connection> connection_;  // none once closed
  const int at_;
  const std::string peer_;
  const uint64_t source_;
  SocketEvents* events_ = nullptr;
  bool paused_ = false;
  bool read_ended_ = false;
  bool write_ended_ = false;
  bool blocked_ = false;  // a short write waits for room
};

}  // namespace quorate::env::sim
