// env/sim/connection.h: one connection: two flows of bytes, each in order, and what happens to them.
//
// Internal to this module. Ends are 0, who connected, and 1, who accepted; flow i goes from end i.
// Invariants:
//   (1) What a flow carries arrives in order: bytes, then at most one end; a reset drops what had not arrived.
//   (2) A sender learns that its bytes were read a latency later, unless the way back is cut.
//   (3) Once both ends are closed and nothing is under way the network forgets the connection.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "env/sim/network.h"

namespace quorate::env::sim {

// Bytes in a line.
class ByteQueue {
 public:
  size_t size() const { return bytes_.size() - head_; }
  bool empty() const { return size() == 0; }
  void append(std::string_view bytes) { bytes_ += bytes; }
  // The first ones; live until the next call.
  std::string_view front(size_t count) const { return std::string_view(bytes_).substr(head_, count); }
  void pop(size_t count);
  void clear() { bytes_.clear(), head_ = 0; }
  std::string take(size_t count_max);

 private:
  std::string bytes_;
  size_t head_ = 0;
};

class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  Connection(SimNetwork& network, uint64_t id, ConnectionEnd client, ConnectionEnd server);

  uint64_t id() const { return id_; }
  const ConnectionEnd& end(int at) const { return ends_[static_cast<size_t>(at)]; }
  void attach(int at, SimSocket& socket) { ends_[static_cast<size_t>(at)].socket = &socket; }

  // The calls of the socket at `at`.

  // How many bytes were taken.
  size_t send(int at, std::string_view bytes);
  bool has_room(int at) const;
  void end_sending(int at);
  // What arrived, at most so much.
  std::string receive(int at, size_t count_max);
  bool has_bytes(int at) const { return !flow(1 - at).arrived.empty(); }
  bool has_end(int at) const { return flow(1 - at).end_arrived; }
  void close(int at);

  // What the world does.

  // Both ends hear of it soon.
  void reset();
  // The process at `at` is gone: its system closes or resets, or is silent for a while.
  void drop(int at, bool power_fails);
  // Goes on with what a cut or a stall held.
  void resume();

 private:
  enum class Kind : uint8_t { kBytes, kEnd, kReset };
  struct Segment {
    Kind kind;
    MonoTime arrives;
    size_t bytes;
  };
  struct Flow {
    ByteQueue sent;  // the bytes of `segments`
    std::deque<Segment> segments;
    ByteQueue arrived;
    size_t unacknowledged = 0;  // as the sender knows it
    size_t read = 0;            // and not yet told to the sender
    MonoTime last_arrival{};
    EventId delivery = 0;
    EventId credit = 0;
    bool held = false;  // counted as held
    bool end_sent = false;
    bool reset_sent = false;  // nothing is sent after it
    bool end_arrived = false;
  };

  const Flow& flow(int from) const { return flows_[static_cast<size_t>(from)]; }
  Flow& flow(int from) { return flows_[static_cast<size_t>(from)]; }
  ConnectionEnd& end_of(int at) { return ends_[static_cast<size_t>(at)]; }
  void push(int from, Kind kind, size_t bytes);
  void send_reset(int from);
  void schedule(int from);
  void deliver(int from);
  // Whether the way of `from` is barred now; it is resumed by whoever opens it, or at the end of a stall.
  bool is_held(int from);
  void deliver_bytes(int from);
  void break_end(int at, std::string why);
  void schedule_credit(int from);
  void credit(int from);
  void notify(int at);
  void forget_if_over();
  // Runs `task` with this, should it still be there.
  EventId at(MonoTime when, void (Connection::*task)(int), int argument);

  SimNetwork& network_;
  const uint64_t id_;
  std::array<ConnectionEnd, 2> ends_;
  std::array<Flow, 2> flows_;
};

}  // namespace quorate::env::sim
