#include "http/connection.h"

#include <algorithm>

#include "base/limits.h"

namespace quorate::http {

Connection::Connection(ServerState& server, std::unique_ptr<env::Socket> socket)
    : server_(server),
      socket_(std::move(socket)),
      peer_(socket_->peer_text()),
      id_(server.counters().connections_accepted),
      self_(std::make_shared<Connection*>(this)),
      output_share_(server.unsent_budget()) {}

Connection::~Connection() {
  if (first_timer_ != 0) server_.env().loop.cancel(first_timer_);
  if (linger_timer_ != 0) server_.env().loop.cancel(linger_timer_);
}

void Connection::start() {
  expect_within(limits::kHeadTimeout);
  socket_->start(*this);
}

void Connection::touch() {
  if (dirty_) return;
  dirty_ = true;
  server_.touched(*this);
}

void Connection::expect_within(std::optional<Duration> timeout) {
  env::Loop& loop = server_.env().loop;
  if (first_timer_ != 0) loop.cancel(first_timer_);
  first_timer_ = 0;
  if (!timeout) return;
  first_timer_ = loop.after(*timeout, [this] {
    first_timer_ = 0;
    lose();
  });
}

void Connection::pause_reading(Pause reason) {
  if (gone_) return;
  if (pauses_ == 0) socket_->pause_reading();
  pauses_ |= static_cast<uint8_t>(reason);
}

void Connection::resume_reading(Pause reason) {
  if (gone_ || pauses_ == 0) return;
  pauses_ &= static_cast<uint8_t>(~static_cast<uint8_t>(reason));
  if (pauses_ == 0) socket_->resume_reading();
}

void Connection::sniff(std::string_view bytes) {
  first_bytes_.append(bytes);
  const size_t compared = std::min(first_bytes_.size(), kClientPreface.size());
  const bool alike = std::string_view(first_bytes_).substr(0, compared) == kClientPreface.substr(0, compared);
  if (alike && compared < kClientPreface.size()) return;
  const Protocols spoken = server_.options().protocols;
  if (spoken == (alike ? Protocols::kHttp1 : Protocols::kHttp2)) return lose();
  protocol_ = alike ? make_http2(*this) : make_http1(*this);
  if (draining_) protocol_->drain();
  const std::string first = std::move(first_bytes_);
  protocol_->on_bytes(first);
}

void Connection::on_read(std::string_view bytes) {
  if (gone_ || lingering_) return;
  if (protocol_) {
    protocol_->on_bytes(bytes);
  } else {
    sniff(bytes);
  }
  touch();
}

void Connection::on_read_end() {
  if (gone_) return;
  read_ended_ = true;
  if (lingering_ || !protocol_) {
    lose();
    return;
  }
  protocol_->on_read_end();
  touch();
}

void Connection::on_writable() {
  blocked_ = false;
  touch();
}

void Connection::on_closed(const Status&) {
  if (!gone_) lose();
}

void Connection::flush() {
  dirty_ = false;
  // A producer that is told to go on may fill as fast as the socket empties.
  constexpr int kRounds = 16;
  int rounds = 0;
  while (!gone_ && !blocked_) {
    if (protocol_ && !lingering_) protocol_->produce(output_);
    if (gone_ || output_.empty()) break;
    const size_t before = output_.size();
    blocked_ = !output_.write_to(*socket_);
    written_bytes_ += before - output_.size();
    server_.count_written(before - output_.size());
    if (++rounds >= server_.rounds_left(kRounds) && !blocked_) {
      come_back();
      return;
    }
  }
  output_share_.set(output_.size());
  if (gone_ || lingering_ || !protocol_) return;
  const bool full = protocol_->queued_bytes() > limits::kConnectionQueuedBytesHigh ||
                    protocol_->queued_frames() > limits::kQueuedFramesMax;
  if (blocked_ && full) {
    pause_reading(Pause::kOutput);
  } else if (!blocked_) {
    resume_reading(Pause::kOutput);
  }
  if (!output_.empty() || !protocol_->done()) return;
  if (read_ended_) {
    lose();
  } else {
    begin_linger();
  }
}

void Connection::come_back() {
  server_.env().loop.post([connection = std::weak_ptr<Connection*>(self_)] {
    if (const auto self = connection.lock()) (*self)->touch();
  });
}

void Connection::begin_linger() {
  // A close with unread bytes would reset the connection, and our last words with it.
  lingering_ = true;
  expect_within(std::nullopt);
  protocol_->on_lost();
  resume_reading(Pause::kPipeline);
  resume_reading(Pause::kOutput);
  socket_->shutdown_write();
  lose_soon();
}

void Connection::lose_soon() {
  if (linger_timer_ != 0 || gone_) return;
  linger_timer_ = server_.env().loop.after(limits::kLinger, [this] {
    linger_timer_ = 0;
    lose();
  });
}

void Connection::cut_stalled(Duration still_max) {
  if (gone_ || unsent_bytes() < limits::kStalledBytesMin) {
    stall_.reset();
  } else if (blocked_ && stall_.look(written_bytes_) >= still_max) {
    if (server_.may_tell())
      server_.env().log.warn(
          "closing a connection whose client does not read",
          {{"remote-addr", peer_}, {"unsent-bytes", unsent_bytes()}, {"without-progress", still_max}});
    return lose();
  }
  if (!gone_ && !lingering_ && protocol_) protocol_->cut_stalled(still_max);
}

void Connection::drain() {
  draining_ = true;
  if (gone_ || lingering_) return;
  if (!protocol_) {
    // Nothing whole was asked; what begins now is told to go elsewhere.
    if (first_bytes_.empty()) lose();
    return;
  }
  protocol_->drain();
  touch();
}

void Connection::lose() {
  if (gone_) return;
  gone_ = true;
  expect_within(std::nullopt);
  if (linger_timer_ != 0) server_.env().loop.cancel(linger_timer_);
  linger_timer_ = 0;
  socket_->close();
  output_.clear();
  output_share_.set(0);
  if (protocol_) protocol_->on_lost();
  server_.retire(*this);
}

}  // namespace quorate::http
