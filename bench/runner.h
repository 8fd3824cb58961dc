// bench/runner.h: the generator's one loop, its clock, and what a run measured.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/connection.h"
#include "bench/histogram.h"

namespace quorate::bench {

struct Options {
  std::string host = "127.0.0.1";
  uint16_t port = 0;
  std::string workload;
  uint32_t connections = 1;
  uint32_t streams = 1;
  double seconds = 2;
  double warmup_s = 0.3;
  uint32_t keys = 10000;
  uint32_t value_size = 256;
  uint32_t range_keys = 100;
  uint32_t writers = 8;  // puts in flight that feed the watchers
  uint64_t seed = 1;
  uint32_t rate = 0;         // of the mix: requests a second
  int server_pid = 0;        // 0: the server's CPU is not measured
  bool each_second = false;  // a line of JSON for each second that is measured
};

// What a workload counts, only while `measuring`.
struct Result {
  Histogram latency;
  uint64_t done = 0;
  uint64_t errors = 0;  // counted always
  std::string first_error;
  double seconds = 0;
  double server_cpu_s = 0;
  double client_cpu_s = 0;
};

class Runner {
 public:
  explicit Runner(const Options& options);
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // Opens `count` more connections that talk to `sink`; false when one cannot be opened.
  bool connect(uint32_t count, Sink& sink);
  Connection& connection(uint32_t i) { return *connections_[i]; }

  // One wait for the sockets, at most `timeout_ms`; then what is owed is written.
  void turn(int timeout_ms);
  // Turns until done() or `seconds` have passed; false when the time ran out.
  template <typename Done>
  bool turn_until(double seconds, Done&& done) {
    const uint64_t end = now_ns_ + static_cast<uint64_t>(seconds * 1e9);
    while (!done()) {
      if (now_ns_ >= end) return false;
      turn(10);
    }
    return true;
  }
  // Warm-up, then the measured time. `each_turn` runs at the beginning of each turn, and turns are short then.
  void measure(const std::function<void()>& each_turn = {});

  // The time of this turn's beginning, CLOCK_MONOTONIC.
  uint64_t now_ns() const { return now_ns_; }

  void succeeded(uint64_t latency_ns, uint64_t count = 1) {
    if (!measuring_) return;
    result_.latency.record(latency_ns);
    second_.record(latency_ns);
    result_.done += count;
  }
  void counted(uint64_t count) {
    if (measuring_) result_.done += count;
  }
  void failed(std::string_view why);

  const Options& options() const { return options_; }
  const Result& result() const { return result_; }

 private:
  void flush_all();
  void turns_for(double seconds, const std::function<void()>& each_turn);
  void tell_second(uint64_t second);

  Options options_;
  Result result_;
  Histogram second_;  // of the last second alone
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<uint8_t> scratch_;
  int epoll_ = -1;
  uint64_t now_ns_ = 0;
  bool measuring_ = false;
};

}  // namespace quorate::bench
