// env/net.h: byte streams to other processes, on one loop.
//
// Loop: the one that the Net belongs to. No call blocks, none resolves a name but `resolve`.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "env/loop.h"

namespace quorate::env {

// Where to listen or connect: a TCP address in numbers, or the path of a unix socket.
struct Address {
  std::string host;  // "127.0.0.1", "::1"; empty for a unix socket
  uint16_t port = 0;
  std::string path;  // of a unix socket

  std::string text() const {
    return path.empty() ? (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port)
                        : path;
  }
  friend bool operator==(const Address&, const Address&) = default;
};

class Socket;

// What a socket tells its owner. After on_closed nothing more is told.
class SocketEvents {
 public:
  virtual ~SocketEvents() = default;
  // `bytes` live during the call only.
  virtual void on_read(std::string_view bytes) = 0;
  // The other side will send no more; writing may go on.
  virtual void on_read_end() = 0;
  // What could not be written before may now be; only after a short write.
  virtual void on_writable() = 0;
  // The connection is gone: by the other side, the network, or our close().
  virtual void on_closed(const Status& why) = 0;
};

class Socket {
 public:
  // Closes. No callback is made from the destructor.
  virtual ~Socket() = default;
  // Must be called in the turn in which the socket was handed out; `events` must outlive the socket.
  virtual void start(SocketEvents& events) = 0;
  // Sends what it can, returns the number of bytes taken. Fewer than given: keep the rest and wait for
  // on_writable. The span's bytes are free again after the call.
  virtual size_t write(std::span<const std::string_view> pieces) = 0;
  // No on_read until resumed: back pressure.
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;
  // Ends our direction once what was taken is sent.
  virtual void shutdown_write() = 0;
  // Closes now; on_closed is not called.
  virtual void close() = 0;
  virtual std::string peer_text() const = 0;  // "127.0.0.1:40000"
};

using Acceptor = std::move_only_function<void(std::unique_ptr<Socket>)>;

class Listener {
 public:
  virtual ~Listener() = default;        // stops listening
  virtual Address address() const = 0;  // with the port that was bound, where 0 was asked for
};

struct ListenOptions {
  bool reuse_port = false;
  bool reuse_address = false;
};

class Net {
 public:
  virtual ~Net() = default;

  // Errors: kUnavailable with the system's text ("bind: address already in use").
  virtual Result<std::unique_ptr<Listener>> listen(const Address& address, const ListenOptions& options,
                                                   Acceptor accept) = 0;
  // Accepts on this loop too from what `listener`, possibly of another loop, listens on.
  virtual Result<std::unique_ptr<Listener>> share(const Listener& listener, Acceptor accept) = 0;
  // `done` is called once, on a later turn.
  virtual void connect(const Address& address, std::move_only_function<void(Result<std::unique_ptr<Socket>>)> done) = 0;
  // Looks a host name up off the loop. "localhost" and numbers need no look-up but answer the same way.
  virtual void resolve(const std::string& host,
                       std::move_only_function<void(Result<std::vector<std::string>>)> done) = 0;
};

}  // namespace quorate::env
