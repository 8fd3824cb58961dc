#include "cmd/server_main.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <thread>

#include "env/posix/signals.h"
#include "env/posix/world.h"
#include "node/config.h"
#include "node/node.h"

namespace quorate::cmd {
namespace {

constexpr int kExitFailure = 1;

env::posix::WorldOptions world_options(const node::Config& config) {
  env::posix::WorldOptions options;
  options.io_loops = config.io_loops.value_or(node::default_io_loops(std::thread::hardware_concurrency()));
  options.log.level = config.log_level;
  options.log.format = config.log_format;
  options.log.outputs = config.log_outputs;
  return options;
}

int run(const node::Config& config) {
  env::Trace trace;
  auto world = env::posix::World::create(world_options(config), trace);
  if (!world) {
    std::fprintf(stderr, "quorate: %s\n", world.error().text().c_str());
    return kExitFailure;
  }
  const env::Env env = (*world)->env();
  std::vector<env::LoopEnv> serving;
  for (size_t i = 0; i < (*world)->serving_loops(); ++i) serving.push_back((*world)->serving_loop(i));
  auto node = node::Node::create(env, std::move(serving), config);
  if (!node) {
    env.log.error("failed to start", {{"error", node.error().text()}});
    std::fprintf(stderr, "quorate: %s\n", node.error().text().c_str());
    return kExitFailure;
  }
  int code = 0, signal_seen = 0;
  bool stopping = false;
  const auto stop = [&](int exit_code) {
    if (std::exchange(stopping, true)) return;
    code = exit_code;
    (*node)->stop([&] { (*world)->stop(); });
  };
  {
    env::posix::Signals signals((*world)->core(), [&](int number) {
      env.log.info("received signal; shutting down", {{"signal", number == SIGTERM ? "terminated" : "interrupt"}});
      signal_seen = number;
      stop(0);
    });
    (*world)->start_io_loops();
    (*node)->start([&](const Status&) { stop(kExitFailure); });
    (*world)->run();
    (*world)->stop_io_loops();
    node->reset();
  }
  world->reset();
  // As etcd: the exit status tells the signal, except to an init process.
  if (signal_seen != 0 && ::getpid() != 1) {
    std::signal(signal_seen, SIG_DFL);
    std::raise(signal_seen);
  }
  return code;
}

}  // namespace

int server_main(int /*argc*/, char** /*argv*/) { return run(node::Config{}); }

}  // namespace quorate::cmd
