// quorate_bench: one workload against one server, one line of JSON on stdout.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "bench/loads.h"
#include "bench/runner.h"

namespace quorate::bench {
namespace {

constexpr char kUsage[] =
    "usage: quorate_bench WORKLOAD --port=N [--host=127.0.0.1] [--connections=N] [--streams=N] [--seconds=S]\n"
    "                     [--warmup=S] [--keys=N] [--value-size=N] [--writers=N] [--seed=N] [--server-pid=N]\n"
    "                     [--rate=N] [--each-second=1]\n"
    "workloads: fill read-all put get get-serializable range watch keepalive mixed paced-put\n";

bool parse(int argc, char** argv, Options& o) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (!word.starts_with("--")) {
      if (!o.workload.empty()) return false;
      o.workload = word;
      continue;
    }
    const size_t equals = word.find('=');
    if (equals == std::string_view::npos) return false;
    const std::string_view name = word.substr(2, equals - 2);
    const std::string value(word.substr(equals + 1));
    const auto number = [&value] { return static_cast<uint32_t>(std::strtoul(value.c_str(), nullptr, 10)); };
    if (name == "host")
      o.host = value;
    else if (name == "port")
      o.port = static_cast<uint16_t>(number());
    else if (name == "connections")
      o.connections = number();
    else if (name == "streams")
      o.streams = number();
    else if (name == "seconds")
      o.seconds = std::strtod(value.c_str(), nullptr);
    else if (name == "warmup")
      o.warmup_s = std::strtod(value.c_str(), nullptr);
    else if (name == "keys")
      o.keys = number();
    else if (name == "value-size")
      o.value_size = number();
    else if (name == "writers")
      o.writers = number();
    else if (name == "seed")
      o.seed = number();
    else if (name == "rate")
      o.rate = number();
    else if (name == "each-second")
      o.each_second = number() != 0;
    else if (name == "server-pid")
      o.server_pid = static_cast<int>(number());
    else
      return false;
  }
  return o.port != 0 && o.connections > 0 && o.streams > 0 && o.streams <= 512 && o.value_size >= 8 &&
         o.keys >= o.range_keys;
}

bool run(Runner& runner, std::string_view workload) {
  if (workload == "watch") return WatchLoad(runner).run();
  if (workload == "keepalive") return KeepAliveLoad(runner).run();
  if (workload == "mixed") return PacedLoad(runner, true).run();
  if (workload == "paced-put") return PacedLoad(runner, false).run();
  if (workload == "fill") return UnaryLoad(runner, UnaryKind::kFill).run();
  if (workload == "read-all") return UnaryLoad(runner, UnaryKind::kReadAll).run();
  if (workload == "put") return UnaryLoad(runner, UnaryKind::kPut).run();
  if (workload == "get") return UnaryLoad(runner, UnaryKind::kGet).run();
  if (workload == "get-serializable") return UnaryLoad(runner, UnaryKind::kGetSerializable).run();
  if (workload == "range") return UnaryLoad(runner, UnaryKind::kRange).run();
  std::fputs(kUsage, stderr);
  std::exit(2);
}

void print(const Options& o, const Result& r) {
  const double done = r.done > 0 ? static_cast<double>(r.done) : 1;
  const double seconds = r.seconds > 0 ? r.seconds : 1;
  const auto us = [&r](double q) { return static_cast<double>(r.latency.value_at(q)) / 1e3; };
  std::printf(
      "{\"workload\":\"%s\",\"connections\":%u,\"streams\":%u,\"seconds\":%.3f,\"done\":%llu,\"errors\":%llu,"
      "\"rate\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"server_cpu_us\":%.3f,\"client_cpu_us\":%.3f}\n",
      o.workload.c_str(), o.connections, o.streams, r.seconds, static_cast<unsigned long long>(r.done),
      static_cast<unsigned long long>(r.errors), static_cast<double>(r.done) / seconds, us(0.5), us(0.99), us(0.999),
      r.server_cpu_s * 1e6 / done, r.client_cpu_s * 1e6 / done);
}

int main_of(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  Runner runner(options);
  const bool finished = run(runner, options.workload);
  const Result& result = runner.result();
  print(options, result);
  if (result.errors > 0) std::fprintf(stderr, "quorate_bench: first error: %s\n", result.first_error.c_str());
  return finished && result.errors == 0 ? 0 : 1;
}

}  // namespace
}  // namespace quorate::bench

int main(int argc, char** argv) { return quorate::bench::main_of(argc, argv); }
