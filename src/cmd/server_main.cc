#include "cmd/server_main.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <thread>

#include "base/check.h"
#include "env/posix/memory.h"
#include "env/posix/sd_notify.h"
#include "env/posix/signals.h"
#include "env/posix/world.h"
#include "node/config.h"
#include "node/flags.h"
#include "node/node.h"
#include "node/recorded.h"
#include "wal/data_directory.h"

namespace quorate::cmd {
namespace {

constexpr int kExitFailure = 1;

env::posix::WorldOptions world_options(const node::Config& config) {
  env::posix::WorldOptions options;
  options.io_loops = config.io_loops.value_or(node::default_io_loops(std::thread::hardware_concurrency()));
  options.log.level = config.log_level;
  options.log.format = config.log_format;
  options.log.outputs = config.log_outputs;
  options.log.rotation = config.log_rotation;
  if (!config.command_line.empty()) {
    const std::string& program = config.command_line[0];
    options.log.program = program.substr(program.rfind('/') + 1);
  }
  return options;
}

constexpr size_t kFileMax = 4 << 20;  // bytes; nothing that is configured by a file is larger

// The environment of the process, which nothing else reads.
node::Environment environment() {
  node::Environment out;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    out.insert_or_assign(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
  }
  return out;
}

Result<std::string> read_file(const std::string& path) {
  const auto bad = [&](const char* what) {
    std::string why = std::strerror(errno);
    if (!why.empty() && why[0] >= 'A' && why[0] <= 'Z') why[0] = static_cast<char>(why[0] | 0x20);  // Go's spelling
    return fail(Code::kUnavailable, std::string(what) + " " + path + ": " + why);
  };
  std::FILE* file = std::fopen(path.c_str(), "rbe");
  if (file == nullptr) return bad("open");
  std::string out;
  char buffer[4096];
  while (out.size() <= kFileMax) {
    const size_t got = std::fread(buffer, 1, sizeof buffer, file);
    out.append(buffer, got);
    if (got < sizeof buffer) break;
  }
  const bool broken = std::ferror(file) != 0;
  const int error = errno;
  std::fclose(file);
  errno = error;
  if (broken) return bad("read");
  return out;
}

// A log takes its fields in braces only.
void log_note(env::Log& log, const node::Note& note) {
  if (!log.enabled(note.level)) return;
  const auto& f = note.fields;
  switch (f.size()) {
    case 0: return log.write(note.level, note.message, {}, note.where);
    case 1: return log.write(note.level, note.message, {f[0]}, note.where);
    default: return log.write(note.level, note.message, {f[0], f[1]}, note.where);
  }
}

int end_with(const node::Failure& failure) {
  std::fputs(failure.text.c_str(), stderr);
  const WallTime now = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  for (const node::Note& note : failure.notes) {
    const std::string line =
        env::log_line(env::LogFormat::kJson, {note.level, note.message, note.fields, note.where, now});
    std::fputs(line.c_str(), stderr);
  }
  return failure.exit_code;
}

void notify_init_daemon(env::Log& log) {
  const char* socket = std::getenv("NOTIFY_SOCKET");
  log.info("notifying init daemon");
  const Status status = env::posix::sd_notify(socket == nullptr ? "" : socket, "READY=1");
  if (!status.ok()) return log.error("failed to notify systemd for readiness", {{"error", status.text()}});
  log.info("successfully notified init daemon");
}

// All of this process, now and later: the store is in its memory.
Status lock_memory() {
  if (::mlockall(MCL_CURRENT | MCL_FUTURE) == 0) return {};
  return Status(Code::kResourceExhausted, std::string("cannot lock memory (--memory-mlock): ") + std::strerror(errno));
}

// As many open files as the system allows, as Go's programs do. The lower limit is for programs that use select().
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);  // what there was is enough for few clients
}

// What a failing CHECK finds; there is one server in a process.
struct Flight {
  env::Recorder* recorder = nullptr;
  std::string directory;
};
Flight& flight() {
  static Flight one;
  return one;
}

// Into the data directory, which is there and can be written to where any place is. The text of the CHECK has
// been printed before.
void keep_flight(std::string_view) {
  if (flight().recorder == nullptr) return;
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  const std::string path =
      flight().directory + "/" + std::string(wal::kFlightPrefix) + std::to_string(now.count()) + ".qrec";
  const Status status = flight().recorder->dump(path);
  if (status.ok()) {
    std::fprintf(stderr, "the flight recorder's ring is in %s: quorate replay runs it again\n", path.c_str());
  } else {
    std::fprintf(stderr, "the flight recorder's ring is lost: %s\n", status.text().c_str());
  }
}

// Records as long as it lives.
class FlightRecorder {
 public:
  explicit FlightRecorder(const node::Config& config) {
    if (config.flight_recorder_bytes == 0) return;
    recorder_.emplace(clock_, config.flight_recorder_bytes);
    describe(*recorder_, config);
    flight() = {&*recorder_, config.data_dir};
    set_check_failure_hook(keep_flight);
  }
  ~FlightRecorder() {
    set_check_failure_hook(nullptr);
    flight().recorder = nullptr;
  }
  FlightRecorder(const FlightRecorder&) = delete;
  FlightRecorder& operator=(const FlightRecorder&) = delete;

  env::Trace& trace() { return recorder_ ? *recorder_ : nobody_; }
  void note_start(const node::Node& node, const node::StartFacts& start) {
    if (recorder_) describe(*recorder_, node, start);
  }

 private:
  env::posix::PosixClock clock_;
  env::Trace nobody_;
  std::optional<env::Recorder> recorder_;
};

int run(const node::Config& config, const std::vector<node::Note>& notes) {
  raise_descriptor_limit();
  FlightRecorder recorder(config);
  const env::posix::WorldOptions options = world_options(config);
  auto world = env::posix::World::create(options, recorder.trace());
  if (!world) {
    std::fprintf(stderr, "quorate: %s\n", world.error().text().c_str());
    return kExitFailure;
  }
  const env::Env env = (*world)->env();
  for (const node::Note& note : notes) log_note(env.log, note);
  std::vector<env::LoopEnv> serving;
  for (size_t i = 0; i < (*world)->serving_loops(); ++i) serving.push_back((*world)->serving_loop(i));
  auto node = [&]() -> Result<std::unique_ptr<node::Node>> {
    if (config.lock_memory) {
      if (Status status = lock_memory(); !status.ok()) return fail(std::move(status));
    }
    return node::Node::create(env, std::move(serving), config);
  }();
  if (!node) {
    env.log.error("failed to start", {{"error", node.error().text()}});
    std::fprintf(stderr, "quorate: %s\n", node.error().text().c_str());
    return kExitFailure;
  }
  recorder.note_start(**node, {.seed = env.seed, .io_loops = options.io_loops});
  int code = 0, signal_seen = 0;
  bool stopping = false;
  const auto stop = [&](int exit_code) {
    if (std::exchange(stopping, true)) return;
    code = exit_code;
    (*node)->stop([&](const Status& sealed) {
      if (!sealed.ok()) code = kExitFailure;
      (*world)->stop();
    });
  };
  {
    env::posix::Signals signals((*world)->core(), [&](int number) {
      env.log.info("received signal; shutting down", {{"signal", number == SIGTERM ? "terminated" : "interrupt"}});
      signal_seen = number;
      stop(0);
    });
    (*node)->on_serving([&] { notify_init_daemon(env.log); });
    (*world)->start_io_loops();
    (*node)->start([&](const Status&) { stop(kExitFailure); });
    (*world)->run();
    (*world)->stop_io_loops();
    node->reset();
  }
  world->reset();
  // As etcd: the exit status tells the signal, except to an init process, or where the stop failed.
  if (code == 0 && signal_seen != 0 && ::getpid() != 1) {
    std::signal(signal_seen, SIG_DFL);
    std::raise(signal_seen);
  }
  return code;
}

}  // namespace

int server_main(int argc, char** argv) {
  node::Invocation invocation;
  if (argc > 0) invocation.program = argv[0];
  for (int i = 1; i < argc; ++i) invocation.arguments.emplace_back(argv[i]);
  invocation.environment = environment();
  const node::Launch launch = node::interpret(invocation, read_file);
  if (const auto* failure = std::get_if<node::Failure>(&launch)) return end_with(*failure);
  if (const auto* print = std::get_if<node::Print>(&launch)) {
    std::fputs(print->errors.c_str(), stderr);
    std::fputs(print->text.c_str(), stdout);
    return 0;
  }
  auto start = std::get<node::Serve>(launch);
  start.config.command_line.assign(argv, argv + argc);
  start.config.memory_limit_bytes = env::posix::memory_limit();
  return run(start.config, start.notes);
}

}  // namespace quorate::cmd
