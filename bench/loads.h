// bench/loads.h: the workloads. Each keeps a constant number of requests in flight.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "bench/messages.h"
#include "bench/runner.h"

namespace quorate::bench {

// A seeded generator of numbers below a bound.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15U + 1) {}
  uint32_t below(uint32_t bound) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<uint32_t>((state_ >> 32) * bound >> 32);
  }

 private:
  uint64_t state_;
};

enum class UnaryKind { kPut, kGet, kGetSerializable, kRange, kFill, kReadAll };

// Unary calls: each slot sends its next when the answer to the last is complete.
class UnaryLoad : public Sink {
 public:
  UnaryLoad(Runner& runner, UnaryKind kind);
  bool run();

  void on_data(Connection& connection, uint32_t slot, std::span<const uint8_t> bytes) override;
  void on_end(Connection& connection, uint32_t slot, int grpc_status, std::string_view message) override;
  void on_writable(Connection& connection) override;

 private:
  struct Slot {
    uint64_t sent_ns = 0;
    size_t received = 0;
    bool stalled = false;
  };

  Slot& slot_of(const Connection& connection, uint32_t slot) {
    return slots_[size_t{connection.number()} * runner_.options().streams + slot];
  }
  void issue(Connection& connection, uint32_t slot);

  Runner& runner_;
  UnaryKind kind_;
  Request request_;
  std::string_view path_;
  size_t least_answer_ = 0;  // a shorter one cannot hold what was asked for
  std::vector<Slot> slots_;
  std::vector<uint32_t> stalled_;  // per connection
  Random random_;
  uint32_t swept_ = 0;
  uint32_t finished_ = 0;
};

// One lease a stream, renewed as fast as it is answered.
class KeepAliveLoad : public Sink {
 public:
  explicit KeepAliveLoad(Runner& runner);
  bool run();

  void on_data(Connection& connection, uint32_t slot, std::span<const uint8_t> bytes) override;
  void on_end(Connection& connection, uint32_t slot, int grpc_status, std::string_view message) override;
  void on_writable(Connection& connection) override;

 private:
  struct Slot {
    Request renewal;
    MessageReader reader;
    uint64_t sent_ns = 0;
    uint32_t stream = 0;
    bool renewing = false;
    bool owed = false;
  };

  Slot& slot_of(const Connection& connection, uint32_t slot) {
    return slots_[size_t{connection.number()} * runner_.options().streams + slot];
  }
  void take(Connection& connection, uint32_t slot, std::span<const uint8_t> message);
  void renew(Connection& connection, Slot& slot, uint32_t number);

  Runner& runner_;
  std::vector<Slot> slots_;
  size_t granted_ = 0;
};

// `streams` watchers of one key on the one watch stream of each connection, and one more
// connection that puts the key. A put is sent only when every watcher has all but a few of the
// events of the puts before: what is measured is delivery, not a backlog.
class WatchLoad : public Sink {
 public:
  explicit WatchLoad(Runner& runner);
  bool run();

  void on_data(Connection& connection, uint32_t slot, std::span<const uint8_t> bytes) override;
  void on_end(Connection& connection, uint32_t slot, int grpc_status, std::string_view message) override;
  void on_writable(Connection& connection) override;

 private:
  void take(std::span<const uint8_t> message);
  void take_event(std::span<const uint8_t> event);
  void write_more();

  Runner& runner_;
  Request put_;
  std::vector<MessageReader> readers_;
  std::vector<uint32_t> watch_streams_;
  uint64_t watchers_ = 0;
  uint64_t created_ = 0;
  uint64_t events_ = 0;
  uint64_t puts_ = 0;
  uint32_t in_flight_ = 0;
  bool writing_ = false;
};

// At an even rate (`rate`), whatever the answers take: puts, or a mix with watchers on a connection of their own.
class PacedLoad : public Sink {
 public:
  PacedLoad(Runner& runner, bool mixed);
  bool run();

  void on_data(Connection&, uint32_t, std::span<const uint8_t>) override {}
  void on_end(Connection& connection, uint32_t slot, int grpc_status, std::string_view message) override;
  void on_writable(Connection&) override {}

 private:
  void send_what_is_due();
  bool send(Connection& connection, uint32_t slot);

  Runner& runner_;
  const bool mixed_;
  Request put_, get_, range_, grant_;
  std::vector<uint64_t> due_;  // of the request in each slot
  std::deque<uint32_t> idle_;
  Random random_;
  uint64_t began_ns_ = 0;
  uint64_t sent_ = 0;
};

}  // namespace quorate::bench
