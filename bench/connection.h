// bench/connection.h: one HTTP/2 client connection that carries gRPC calls at the least cost.
//
// Owned by the generator's one thread. Frames are built by hand (RFC 9113); there is no session
// object per stream: a stream is a number that the caller chose, its slot.
// Invariants:
//   (1) A call is written whole or not at all; flow-control windows of the server are respected.
//   (2) Every opened slot ends by exactly one on_end, unless the connection is dropped.
//   (3) Nothing is written to the socket before flush().
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/hpack.h"

namespace quorate::bench {

class Connection;

// What a workload hears. `slot` is the number it gave to the call.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void on_data(Connection& connection, uint32_t slot, std::span<const uint8_t> bytes) = 0;
  // grpc_status is -1 when the stream was reset or ended without a status.
  virtual void on_end(Connection& connection, uint32_t slot, int grpc_status, std::string_view message) = 0;
  // A window has opened: calls that were refused may be tried again.
  virtual void on_writable(Connection& connection) = 0;
};

class Connection {
 public:
  // `number` is the caller's name for it. The socket is connected, non-blocking and now owned.
  Connection(int fd, uint32_t number, const std::string& authority, Sink& sink);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int fd() const { return fd_; }
  uint32_t number() const { return number_; }
  bool broken() const { return broken_; }
  const std::string& why_broken() const { return why_broken_; }
  bool wants_write() const { return sent_ < out_.size(); }

  // Opens a call and sends its first message. 0 when a window is closed: try again at on_writable.
  uint32_t open(std::string_view path, std::string_view grpc_message, uint32_t slot, bool half_close);
  // A further message on an open stream; false when a window is closed.
  bool send(uint32_t stream, std::string_view grpc_message);

  void read_some(std::span<uint8_t> scratch);
  void flush();

 private:
  struct Stream {
    uint32_t id = 0;
    uint32_t slot = 0;
    int64_t send_window = 0;
    uint32_t unacknowledged = 0;  // received bytes not yet given back by WINDOW_UPDATE
  };
  struct Frame {
    uint8_t type;
    uint8_t flags;
    uint32_t stream;
    std::span<const uint8_t> payload;
  };

  Stream* find(uint32_t id);
  void frame_header(size_t length, uint8_t type, uint8_t flags, uint32_t stream);
  void window_update(uint32_t stream, uint32_t bytes);
  size_t take_frames(std::span<const uint8_t> bytes);
  void take(const Frame& frame);
  void take_data(const Frame& frame);
  void take_headers(const Frame& frame);
  void take_settings(const Frame& frame);
  void take_window_update(const Frame& frame);
  void end(Stream& stream, int grpc_status, std::string_view message);
  void fail(std::string why);

  int fd_;
  uint32_t number_;
  Sink& sink_;
  HeaderEncoder encoder_;
  HeaderDecoder decoder_;
  std::vector<Stream> streams_;  // by (id / 2) modulo its size; an occupied place is skipped
  uint32_t next_id_ = 1;
  int64_t send_window_ = 65535;
  int64_t initial_stream_window_ = 65535;
  uint32_t unacknowledged_ = 0;
  std::string out_;
  size_t sent_ = 0;
  std::string partial_;  // the beginning of a frame that is not all here yet
  bool broken_ = false;
  std::string why_broken_;
};

// A connected non-blocking socket, or -1 with errno set.
int connect_to(const std::string& host, uint16_t port);

}  // namespace quorate::bench
