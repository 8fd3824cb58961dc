#include "env/sim/socket.h"

#include <utility>

#include "base/check.h"

namespace quorate::env::sim {

SimSocket::SimSocket(SimLoop& loop, Trace& trace, std::shared_ptr<Connection> connection, int at, std::string peer,
                     uint64_t source)
    : loop_(loop), trace_(trace), connection_(std::move(connection)), at_(at), peer_(std::move(peer)), source_(source) {
  // Its process may have died before it was handed out.
  if (connection_->end(at_).closed) {
    connection_ = nullptr;
  } else {
    connection_->attach(at_, *this);
  }
}

SimSocket::~SimSocket() {
  close();
  loop_.bury(*this);
}

void SimSocket::start(SocketEvents& events) {
  CHECK(events_ == nullptr);
  events_ = &events;
  notify();
}

void SimSocket::notify() {
  if (events_ != nullptr && connection_) loop_.make_ready(*this);
}

size_t SimSocket::write(std::span<const std::string_view> pieces) {
  if (!connection_ || blocked_ || write_ended_) return 0;
  size_t taken = 0;
  for (const std::string_view piece : pieces) {
    if (piece.empty()) continue;
    const size_t sent = connection_->send(at_, piece);
    taken += sent;
    if (sent < piece.size()) {
      blocked_ = true;
      break;
    }
  }
  return taken;
}

void SimSocket::resume_reading() {
  if (!std::exchange(paused_, false)) return;
  notify();
}

void SimSocket::shutdown_write() {
  if (!connection_ || std::exchange(write_ended_, true)) return;
  connection_->end_sending(at_);
  // With both directions ended the connection is gone; that is told on a later round.
  if (read_ended_) notify();
}

void SimSocket::close() {
  if (!connection_) return;
  loop_.forget(*this);
  const std::shared_ptr<Connection> connection = std::exchange(connection_, nullptr);
  connection->close(at_);
}

void SimSocket::on_ready() {
  // Each callback may destroy this.
  const SimLoop& loop = loop_;
  if (!connection_) return;
  if (blocked_ && connection_->end(at_).broken.empty() && connection_->has_room(at_)) {
    blocked_ = false;
    events_->on_writable();
    if (loop.serving() != this || !connection_) return;
  }
  if (!paused_ && !read_ended_) {
    read_once();
    if (loop.serving() != this || !connection_) return;
  }
  // A reset is told to those who do not read, too: what they would write leads nowhere.
  const std::string& broken = connection_->end(at_).broken;
  if (!broken.empty()) {
    finish(Status(Code::kUnavailable, broken));
  } else if (read_ended_ && write_ended_) {
    finish(Status());
  }
}

void SimSocket::read_once() {
  if (!connection_->has_bytes(at_)) {
    if (!connection_->has_end(at_) || !connection_->end(at_).broken.empty()) return;
    read_ended_ = true;
    trace_.input(Input::kReadEnd, source_, {});
    events_->on_read_end();
    return;
  }
  const std::string bytes = connection_->receive(at_, kReadBytes);
  trace_.input(Input::kRead, source_, bytes);
  const SimLoop& loop = loop_;
  events_->on_read(bytes);
  if (loop.serving() != this || !connection_) return;
  if (!paused_ && (connection_->has_bytes(at_) || connection_->has_end(at_))) notify();
}

void SimSocket::finish(const Status& why) {
  trace_.input(Input::kClosed, source_, why.text());
  close();
  events_->on_closed(why);
}

}  // namespace quorate::env::sim
