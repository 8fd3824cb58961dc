#include "cmd/replay_main.h"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "env/posix/world.h"
#include "env/recorder.h"
#include "node/recorded.h"
#include "sim/replay.h"
#include "wal/format.h"
#include "wal/recovery.h"

namespace quorate::cmd {
namespace {

constexpr int kExitFailure = 1;
constexpr int kExitArguments = 2;
// A ring, and what stands around it.
constexpr uint64_t kFileBytesMax = limits::kFlightRecorderBytesMax + 64 * 1024 * 1024;

struct Arguments {
  std::string file;
  std::string data_dir;
  bool trace = false;
};

bool parse(int argc, char** argv, Arguments& out) {
  for (int i = 2; i < argc; ++i) {
    const std::string_view word = argv[i];
    constexpr std::string_view kDataDir = "--data-dir=";
    if (word == "--trace") {
      out.trace = true;
    } else if (word == "--data-dir" && i + 1 < argc) {
      out.data_dir = argv[++i];
    } else if (word.starts_with(kDataDir)) {
      out.data_dir = word.substr(kDataDir.size());
    } else if (!word.starts_with("-") && out.file.empty()) {
      out.file = word;
    } else {
      return false;
    }
  }
  return !out.file.empty();
}

// The log of a stopped member, or of a copy of its folder; nothing in it is changed.
Result<std::vector<pb::Entry>> read_log(env::Disk& disk, const std::string& data_dir, const env::Recording& recording) {
  const std::string log = data_dir + "/log";
  TRY(const std::string text, disk.read_file(log + "/" + std::string(wal::kManifestName)));
  TRY(const wal::Manifest manifest, wal::decode_manifest(text));
  TRY(const uint64_t member, node::recorded_number(recording, "member"));
  TRY(const uint64_t cluster, node::recorded_number(recording, "cluster"));
  if (manifest.member != member || manifest.cluster != cluster) {
    return fail(Code::kFailedPrecondition, data_dir + ": is not the recorded member's");
  }
  if (manifest.first_segment == 0) return std::vector<pb::Entry>();
  TRY(wal::Recovery recovery, wal::recover(disk, log, manifest));
  if (recovery.recovered.first_index > 1) {
    return fail(Code::kFailedPrecondition, log + ": begins with entry " +
                                               std::to_string(recovery.recovered.first_index) +
                                               ", behind a checkpoint: a replay needs every entry from the first");
  }
  return std::move(recovery.recovered.entries);
}

void tell(MonoTime now, std::string_view line) {
  const auto since = std::chrono::duration<double>(now - env::sim::Universe::kBeginning).count();
  std::printf("%12.6f  %.*s\n", since, static_cast<int>(line.size()), line.data());
}

Result<sim::ReplayReport> run(env::Disk& disk, const Arguments& arguments) {
  TRY(const uint64_t size, disk.file_size(arguments.file));
  if (size > kFileBytesMax) return fail(Code::kInvalidArgument, arguments.file + ": is larger than any recording");
  TRY(const std::string bytes, disk.read_file(arguments.file));
  TRY(const env::Recording recording, env::decode_recording(bytes));
  sim::ReplayOptions options;
  if (arguments.trace) options.story = tell;
  if (!arguments.data_dir.empty()) {
    TRY(options.log, read_log(disk, arguments.data_dir, recording));
  }
  return sim::replay(recording, std::move(options));
}

}  // namespace

int replay_main(int argc, char** argv) {
  Arguments arguments;
  if (!parse(argc, argv, arguments)) {
    std::fputs("usage: quorate replay FILE [--data-dir COPY] [--trace]\n", stderr);
    return kExitArguments;
  }
  env::Trace trace;
  env::posix::WorldOptions options;
  options.log.level = env::Level::kError;
  auto world = env::posix::World::create(options, trace);
  const Result<sim::ReplayReport> report =
      world ? run((*world)->env().disk, arguments) : Result<sim::ReplayReport>(fail(world.error()));
  if (!report) {
    std::fprintf(stderr, "quorate: replay: %s\n", report.error().text().c_str());
    return kExitFailure;
  }
  const auto number = [](uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf("replayed %.3f s: %llu connections, %llu bytes\n", std::chrono::duration<double>(report->span).count(),
              number(report->connections), number(report->bytes));
  std::printf("left out: %llu connections without their beginning, %llu bytes; %llu inputs were lost before\n",
              number(report->skipped), number(report->skipped_bytes), number(report->lost));
  std::printf("revision %lld\n", static_cast<long long>(report->revision));
  return 0;
}

}  // namespace quorate::cmd
