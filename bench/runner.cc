#include "bench/runner.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <sstream>

namespace quorate::bench {

namespace {

uint64_t monotonic_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(t.tv_nsec);
}

double own_cpu_s() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// utime and stime of /proc/PID/stat, fields 14 and 15; the name in field 2 may hold spaces.
double cpu_of_process_s(int pid) {
  if (pid == 0) return 0;
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  const size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(line.substr(name_end + 1));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

Runner::Runner(const Options& options)
    : options_(options), scratch_(256 * 1024), epoll_(::epoll_create1(EPOLL_CLOEXEC)), now_ns_(monotonic_ns()) {}

Runner::~Runner() { ::close(epoll_); }

bool Runner::connect(uint32_t count, Sink& sink) {
  const std::string authority = options_.host + ":" + std::to_string(options_.port);
  for (uint32_t i = 0; i < count; ++i) {
    const int fd = connect_to(options_.host, options_.port);
    if (fd < 0) {
      failed(std::string("connect: ") + std::strerror(errno));
      return false;
    }
    const auto number = static_cast<uint32_t>(connections_.size());
    connections_.push_back(std::make_unique<Connection>(fd, number, authority, sink));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = number;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }
  return true;
}

void Runner::turn(int timeout_ms) {
  flush_all();
  std::array<epoll_event, 256> events{};
  const int n = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout_ms);
  now_ns_ = monotonic_ns();
  for (int i = 0; i < n; ++i) {
    Connection& c = *connections_[events[static_cast<size_t>(i)].data.u32];
    c.read_some(scratch_);
    c.flush();
    if (c.broken()) {
      failed(c.why_broken());
      ::epoll_ctl(epoll_, EPOLL_CTL_DEL, c.fd(), nullptr);
    }
  }
}

// What the socket did not take is tried again each turn: a turn is at most 10 ms.
void Runner::flush_all() {
  for (const auto& c : connections_) {
    if (c->wants_write()) c->flush();
  }
}

void Runner::turns_for(double seconds, const std::function<void()>& each_turn) {
  if (!each_turn) {
    turn_until(seconds, [] { return false; });
    return;
  }
  const uint64_t end = now_ns_ + static_cast<uint64_t>(seconds * 1e9);
  while (now_ns_ < end) {
    each_turn();
    turn(1);
  }
}

void Runner::measure(const std::function<void()>& each_turn) {
  turns_for(options_.warmup_s, each_turn);
  const uint64_t start = now_ns_;
  const double server = cpu_of_process_s(options_.server_pid);
  const double client = own_cpu_s();
  measuring_ = true;
  if (options_.each_second) {
    for (uint64_t second = 1; second <= static_cast<uint64_t>(options_.seconds); ++second) {
      const double passed = static_cast<double>(now_ns_ - start) / 1e9;
      turns_for(std::max(0.0, static_cast<double>(second) - passed), each_turn);
      tell_second(second);
    }
  } else {
    turns_for(options_.seconds, each_turn);
  }
  measuring_ = false;
  result_.seconds = static_cast<double>(now_ns_ - start) / 1e9;
  result_.server_cpu_s = cpu_of_process_s(options_.server_pid) - server;
  result_.client_cpu_s = own_cpu_s() - client;
}

void Runner::tell_second(uint64_t second) {
  std::printf("{\"second\":%llu,\"done\":%llu,\"p99_us\":%.1f,\"errors\":%llu}\n",
              static_cast<unsigned long long>(second), static_cast<unsigned long long>(second_.total()),
              static_cast<double>(second_.value_at(0.99)) / 1e3, static_cast<unsigned long long>(result_.errors));
  std::fflush(stdout);
  second_ = {};
}

void Runner::failed(std::string_view why) {
  if (result_.errors++ == 0) result_.first_error = why;
}

}  // namespace quorate::bench
