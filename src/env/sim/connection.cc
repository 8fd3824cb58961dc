#include "env/sim/connection.h"

#include <algorithm>
#include <utility>

#include "env/sim/socket.h"

namespace quorate::env::sim {
namespace {

constexpr std::string_view kReset = "read: connection reset by peer";
constexpr size_t kSmallChunkBytes = 64;

}  // namespace

void ByteQueue::pop(size_t count) {
  head_ += count;
  if (head_ * 2 < bytes_.size()) return;
  bytes_.erase(0, head_);
  head_ = 0;
}

std::string ByteQueue::take(size_t count_max) {
  std::string taken(front(count_max));
  pop(taken.size());
  return taken;
}

Connection::Connection(SimNetwork& network, uint64_t id, ConnectionEnd client, ConnectionEnd server)
    : network_(network), id_(id), ends_{std::move(client), std::move(server)} {}

EventId Connection::at(MonoTime when, void (Connection::*task)(int), int argument) {
  return network_.universe_.at(when, [weak = weak_from_this(), task, argument] {
    if (const auto self = weak.lock()) ((*self).*task)(argument);
  });
}

bool Connection::has_room(int at) const { return flow(at).unacknowledged < network_.knobs_.window_bytes; }

size_t Connection::send(int at, std::string_view bytes) {
  Flow& out = flow(at);
  if (!has_room(at) || !end_of(at).broken.empty()) return 0;
  if (out.reset_sent) return bytes.size();  // into the void: the one who writes does not know yet
  bytes = bytes.substr(0, network_.knobs_.window_bytes - out.unacknowledged);
  out.sent.append(bytes);
  out.unacknowledged += bytes.size();
  push(at, Kind::kBytes, bytes.size());
  return bytes.size();
}

void Connection::end_sending(int at) {
  if (std::exchange(flow(at).end_sent, true) || !end_of(at).broken.empty()) return;
  push(at, Kind::kEnd, 0);
}

std::string Connection::receive(int at, size_t count_max) {
  Flow& in = flow(1 - at);
  std::string bytes = in.arrived.take(count_max);
  in.read += bytes.size();
  schedule_credit(1 - at);
  return bytes;
}

void Connection::close(int at) {
  ConnectionEnd& end = end_of(at);
  if (std::exchange(end.closed, true)) return;
  end.socket = nullptr;
  Flow& in = flow(1 - at);
  // As a system does: what was not read is lost, and that must be known.
  if (!in.arrived.empty()) {
    in.arrived.clear();
    send_reset(at);
  } else {
    end_sending(at);
  }
  forget_if_over();
}

void Connection::push(int from, Kind kind, size_t bytes) {
  Flow& out = flow(from);
  out.last_arrival = std::max(out.last_arrival, network_.universe_.now() + network_.draw_latency());
  out.segments.push_back({kind, out.last_arrival, bytes});
  schedule(from);
}

void Connection::send_reset(int from) {
  Flow& out = flow(from);
  if (std::exchange(out.reset_sent, true)) return;
  out.sent.clear();
  out.segments.clear();
  network_.universe_.cancel(std::exchange(out.delivery, 0));
  push(from, Kind::kReset, 0);
}

void Connection::schedule(int from) {
  Flow& out = flow(from);
  if (out.delivery != 0 || out.segments.empty()) return;
  out.delivery = at(std::max(out.segments.front().arrives, network_.universe_.now()), &Connection::deliver, from);
}

bool Connection::is_held(int from) {
  Flow& out = flow(from);
  const std::string& to = end_of(1 - from).host;
  if (network_.is_cut(end_of(from).host, to)) {
    if (!std::exchange(out.held, true)) ++network_.faults_.held_deliveries;
    return true;
  }
  const MonoTime until = network_.stalled_until(to);
  if (network_.universe_.now() < until) {
    if (!std::exchange(out.held, true)) ++network_.faults_.stalled_deliveries;
    out.delivery = at(until, &Connection::deliver, from);
    return true;
  }
  out.held = false;
  return false;
}

void Connection::deliver(int from) {
  Flow& out = flow(from);
  out.delivery = 0;
  if (out.segments.empty() || is_held(from)) return;
  const int to = 1 - from;
  switch (out.segments.front().kind) {
    case Kind::kBytes: deliver_bytes(from); break;
    case Kind::kEnd:
      out.segments.pop_front();
      out.end_arrived = true;
      network_.universe_.note("stream end", id_, static_cast<uint64_t>(from));
      notify(to);
      break;
    case Kind::kReset:
      out.segments.pop_front();
      network_.universe_.note("stream reset", id_, static_cast<uint64_t>(from));
      break_end(to, std::string(kReset));
      break;
  }
  schedule(from);
  forget_if_over();
}

void Connection::deliver_bytes(int from) {
  Flow& out = flow(from);
  Prng& prng = network_.prng_;
  if (prng.chance(network_.knobs_.resets_per_million, 1'000'000)) return reset();
  size_t most = std::max<size_t>(network_.knobs_.chunk_bytes_max, 1);
  const uint64_t way = prng.below(4);
  if (way == 0) most = prng.between(1, std::min(most, kSmallChunkBytes));
  if (way == 1) most = prng.between(1, std::min(most, out.sent.size()));
  // What is due by now may come in one piece, however it was written.
  size_t count = 0;
  const MonoTime now = network_.universe_.now();
  while (!out.segments.empty() && out.segments.front().kind == Kind::kBytes && count < most) {
    Segment& front = out.segments.front();
    if (front.arrives > now && count > 0) break;
    const size_t piece = std::min(front.bytes, most - count);
    count += piece;
    front.bytes -= piece;
    front.arrives = now + Duration(static_cast<int64_t>(prng.between(1, 20'000)));
    if (front.bytes > 0) break;
    out.segments.pop_front();
  }
  const std::string_view bytes = out.sent.front(count);
  ++network_.faults_.deliveries;
  network_.universe_.note("delivery", id_ * 2 + static_cast<uint64_t>(from), count, bytes);
  const int to = 1 - from;
  if (end_of(to).closed) {
    out.sent.pop(count);
    if (end_of(to).broken.empty()) send_reset(to);
    return;
  }
  out.arrived.append(bytes);
  out.sent.pop(count);
  notify(to);
}

void Connection::break_end(int at, std::string why) {
  ConnectionEnd& end = end_of(at);
  if (!end.broken.empty()) return;
  end.broken = std::move(why);
  Flow& out = flow(at);
  out.sent.clear();
  // A reset that is under way to the other end still arrives.
  std::erase_if(out.segments, [](const Segment& each) { return each.kind != Kind::kReset; });
  notify(at);
}

void Connection::schedule_credit(int from) {
  Flow& out = flow(from);
  if (out.credit != 0 || out.read == 0) return;
  out.credit = at(network_.universe_.now() + network_.draw_latency(), &Connection::credit, from);
}

void Connection::credit(int from) {
  Flow& out = flow(from);
  out.credit = 0;
  if (network_.is_cut(end_of(1 - from).host, end_of(from).host)) return;
  const bool was_full = !has_room(from);
  out.unacknowledged -= std::exchange(out.read, 0);
  if (was_full && has_room(from)) notify(from);
}

void Connection::notify(int at) {
  if (SimSocket* socket = end_of(at).socket) socket->notify();
}

void Connection::reset() {
  ++network_.faults_.resets;
  network_.universe_.note("connection reset", id_, 0);
  for (const int from : {0, 1}) send_reset(from);
}

void Connection::drop(int at, bool power_fails) {
  ConnectionEnd& end = end_of(at);
  if (end.socket != nullptr) std::exchange(end.socket, nullptr)->detach();
  if (end.closed) return;
  ++network_.faults_.dropped_at_death;
  network_.universe_.note("connection dropped", id_, static_cast<uint64_t>(at));
  Prng& prng = network_.prng_;
  if (!power_fails) {
    if (prng.chance(1, 2)) return close(at);
    end.closed = true;
    return send_reset(at);
  }
  end.closed = true;
  end.broken = "power loss";  // answers nothing any more
  // A part of what was sent is on its way already.
  Flow& out = flow(at);
  const auto kept = static_cast<size_t>(prng.below(out.segments.size() + 1));
  out.segments.erase(out.segments.begin() + static_cast<ptrdiff_t>(kept), out.segments.end());
  const Duration span = network_.knobs_.silence_max - network_.knobs_.silence_min;
  const Duration silence =
      network_.knobs_.silence_min + Duration(static_cast<int64_t>(prng.below(static_cast<uint64_t>(span.count()) + 1)));
  network_.universe_.after(silence, [weak = weak_from_this(), at] {
    const auto self = weak.lock();
    if (!self) return;
    // A machine that is back knows nothing of the connection; without it the peer's patience ends.
    const bool back = self->network_.is_up(self->end(at).host);
    self->network_.universe_.note("silence ends", self->id_, static_cast<uint64_t>(back));
    self->break_end(1 - at, back ? std::string(kReset) : "read: connection timed out");
    self->forget_if_over();
  });
}

void Connection::resume() {
  for (const int from : {0, 1}) {
    schedule(from);
    schedule_credit(from);
  }
}

void Connection::forget_if_over() {
  if (!ends_[0].closed || !ends_[1].closed) return;
  if (!flows_[0].segments.empty() || !flows_[1].segments.empty()) return;
  // Whoever calls holds a share.
  network_.connections_.erase(id_);
}

}  // namespace quorate::env::sim
