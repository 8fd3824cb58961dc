// env/posix/socket.h: one connection on a PosixLoop.
//
// Loop:    the one it was made on.
// Invariants:
//   (1) One on_ready reads at most PosixLoop::kReadBytes; a socket that has more waits behind the others.
//   (2) No callback is made from a call of the owner's: a failed write is told on a later round.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "env/net.h"
#include "env/posix/address.h"
#include "env/posix/loop.h"
#include "env/trace.h"

namespace quorate::env::posix {

class PosixSocket final : public Socket, private Ready {
 public:
  // `fd` is connected and non-blocking; `source` is its number in the trace.
  PosixSocket(PosixLoop& loop, Trace& trace, Fd fd, const SocketAddress& peer, uint64_t source);
  ~PosixSocket() override;

  void start(SocketEvents& events) override;
  size_t write(std::span<const std::string_view> pieces) override;
  void pause_reading() override { paused_ = true; }
  void resume_reading() override;
  void shutdown_write() override;
  void close() override;
  std::string peer_text() const override { return address_text(peer_); }

 private:
  void on_ready(uint32_t events) override;
  void read_once();
  void fail_later(Status why);
  // Closes and tells; this may be gone afterwards.
  void finish(const Status& why);
  Status pending_error() const;

  PosixLoop& loop_;
  Trace& trace_;
  Fd fd_;  // none once closed
  const SocketAddress peer_;
  const uint64_t source_;
  SocketEvents* events_ = nullptr;
  std::optional<Status> failure_;  // found by a write, not yet told
  bool may_read_ = false;          // bytes, the end or an error may wait
  bool ending_ = false;            // the other side's end was announced
  bool paused_ = false;
  bool read_ended_ = false;
  bool write_ended_ = false;
  bool blocked_ = false;  // a short write waits for room
};

// Settings of every TCP connection: no delay, keep-alive after 30 s.
void tune_tcp(int fd);

}  // namespace quorate::env::posix
