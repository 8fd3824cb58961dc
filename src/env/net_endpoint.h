// env/net_endpoint.h: one end of a connection that keeps what it was told; for tests only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "env/net.h"

namespace quorate::env {

class Endpoint final : public SocketEvents {
 public:
  explicit Endpoint(std::unique_ptr<Socket> taken) : socket(std::move(taken)) { socket->start(*this); }

  void on_read(std::string_view bytes) override {
    received += bytes;
    if (after_read) after_read();
  }
  void on_read_end() override { read_ended = true; }
  void on_writable() override {
    ++writable_calls;
    send_more();
  }
  void on_closed(const Status& why) override { closed = why; }

  void send(std::string_view bytes) {
    unsent += bytes;
    send_more();
  }
  void send_more() {
    const std::string_view piece = unsent;
    unsent.erase(0, socket->write(std::span(&piece, 1)));
  }

  std::unique_ptr<Socket> socket;
  std::string received;
  std::string unsent;
  bool read_ended = false;
  int writable_calls = 0;
  std::optional<Status> closed;
  std::move_only_function<void()> after_read;
};

}  // namespace quorate::env
