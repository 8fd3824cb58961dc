#include "sim/replay.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "env/sim/process.h"
#include "node/recorded.h"
#include "sim/member.h"
#include "wal/data_directory.h"
#include "wal/wal.h"

namespace quorate::sim {
namespace {

constexpr std::string_view kLoaderHost = "10.2.0.1";
constexpr std::string_view kClientHost = "10.1.0.1";
// A connection is there so much before its first byte is due, that bytes keep the order they were recorded in.
constexpr Duration kLead = 1ms;
constexpr Duration kAfter = 5s;  // what the last inputs set in motion
constexpr Duration kLoadMax = 60s;
constexpr size_t kLoadBatchBytes = 1024 * 1024;
constexpr uint16_t kFirstPort = 20000;

// One recorded connection: its client's side. What it is sent, it takes and forgets.
class Caller final : public env::SocketEvents {
 public:
  void connected(Result<std::unique_ptr<env::Socket>> socket) {
    if (!socket) return;
    socket_ = std::move(*socket);
    socket_->start(*this);
    send(std::exchange(waiting_, {}));
    if (ended_) socket_->shutdown_write();
    if (closed_) socket_.reset();
  }
  void send(std::string_view bytes) {
    if (!socket_ || !waiting_.empty()) {
      waiting_ += bytes;
      return;
    }
    waiting_ = bytes.substr(socket_->write(std::span(&bytes, 1)));
  }
  void end() {
    ended_ = true;
    if (socket_) socket_->shutdown_write();
  }
  void close() {
    closed_ = true;
    if (socket_) socket_->close();
  }

  void on_read(std::string_view) override {}
  void on_read_end() override {}
  void on_writable() override { send(std::exchange(waiting_, {})); }
  void on_closed(const Status&) override {}

 private:
  std::unique_ptr<env::Socket> socket_;
  std::string waiting_;
  bool ended_ = false, closed_ = false;
};

class Replay {
 public:
  Replay(const env::Recording& recording, ReplayOptions options)
      : recording_(recording),
        options_(std::move(options)),
        universe_(1),
        network_(universe_),
        drive_(universe_, 1),
        client_drive_(universe_, 2),
        log_(universe_) {
    universe_.set_story(std::move(options_.story));
    network_.knobs() = {.latency_min = 0ns, .latency_max = 0ns, .window_bytes = size_t{1} << 40};
    drive_.knobs() = {.write_min = 0ns, .write_max = 0ns, .fill_min = 0ns, .fill_max = 0ns};
  }

  Result<ReplayReport> run() {
    TRY(config_, node::recorded_config(recording_));
    TRY(const uint64_t fresh, node::recorded_number(recording_, "fresh"));
    config_.data_dir = Member::kDataDir;
    listen("client-addresses", config_.listen_client_urls);
    listen("peer-addresses", config_.listen_peer_urls);
    listen("metrics-addresses", config_.listen_metrics_urls);
    listen("client-http-addresses", config_.listen_client_http_urls);
    if (fresh == 0) {
      if (Status status = load(); !status.ok()) return fail(std::move(status));
    }
    return play();
  }

 private:
  // Every address that was listened on gets a port of the simulated member.
  void listen(std::string_view fact, std::vector<node::Url>& urls) {
    urls.clear();
    std::string_view rest = recording_.fact(fact);
    while (!rest.empty()) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      const auto port = static_cast<uint16_t>(kFirstPort + addresses_.size());
      urls.push_back({.scheme = "http", .host = std::string(Member::kHost), .port = port, .path = {}});
      addresses_.emplace(rest.substr(0, end), urls.back());
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }

  // The data directory as it was at the recorded start: nothing of this is in the recording but its last index.
  Status load() {
    const auto last = node::recorded_number(recording_, "last-index");
    const auto cluster = node::recorded_number(recording_, "cluster");
    const auto member = node::recorded_number(recording_, "member");
    for (const auto* number : {&last, &cluster, &member}) {
      if (!*number) return number->error();
    }
    if (options_.log.size() < *last) {
      return Status(Code::kFailedPrecondition, "the recording began on a data directory whose log had " +
                                                   std::to_string(*last) + " entries, and " +
                                                   std::to_string(options_.log.size()) +
                                                   " are here: give a copy of it with --data-dir");
    }
    options_.log.resize(*last);
    env::Trace trace;
    env::sim::Process loader(universe_, network_, drive_, {.host = std::string(kLoaderHost)}, log_, trace);
    const wal::Identity identity{.cluster = *cluster, .member = *member, .name = config_.name};
    auto directory = wal::open_data_directory(loader.disk(), config_.data_dir, {}, identity);
    if (!directory) return directory.error();
    wal::Options log_options;
    log_options.directory = directory->log_path;
    log_options.cluster = identity.cluster;
    log_options.member = identity.member;
    log_options.segment_bytes = config_.log_segment_bytes;
    auto log = wal::Wal::open(loader.disk(), loader.core(), log_, trace, log_options);
    if (!log) return log.error();
    return write(*log->wal);
  }

  Status write(wal::Wal& log) {
    const std::span<const pb::Entry> entries = options_.log;
    for (size_t first = 0; first < entries.size();) {
      size_t count = 0;
      for (size_t bytes = 0; first + count < entries.size() && bytes < kLoadBatchBytes; ++count) {
        bytes += entries[first + count].data.size();
      }
      const auto batch = entries.subspan(first, count);
      const pb::HardState state{.term = batch.back().term, .commit = batch.back().index};
      std::optional<Status> done;
      log.append(state, batch, [&done](const Status& status) { done = status; });
      universe_.run_until([&done] { return done.has_value(); }, kLoadMax);
      if (!done) return Status(Code::kUnavailable, "the log is not written to the simulated drive");
      if (!done->ok()) return *done;
      first += count;
    }
    return {};
  }

  Result<ReplayReport> play() {
    TRY(const uint64_t seed, node::recorded_number(recording_, "seed"));
    TRY(const uint64_t io_loops, node::recorded_number(recording_, "io-loops"));
    // Ids that no client chose begin with it: to the millisecond, or leases are granted under others.
    TRY(const uint64_t made_unix_ms, node::recorded_number(recording_, "made-unix-ms"));
    const WallTime made = WallTime(std::chrono::milliseconds(made_unix_ms % kUnixMsMax));
    const WallTime as_of = env::sim::SimClock::kWallBeginning + (universe_.now() - env::sim::Universe::kBeginning);
    env::Trace trace;
    env::sim::Process member(universe_, network_, drive_,
                             {.host = std::string(Member::kHost),
                              .io_loops = std::min<size_t>(io_loops, kIoLoopsMax),
                              .wall_offset = made - as_of},
                             log_, trace);
    env::sim::Process client(universe_, network_, client_drive_, {.host = std::string(kClientHost)}, client_log_,
                             trace);
    std::map<uint64_t, std::unique_ptr<Caller>> callers;
    env::Env env = member.env();
    env.seed = seed;
    std::vector<env::LoopEnv> serving;
    for (size_t i = 0; i < member.serving_loops(); ++i) serving.push_back(member.serving_loop(i));
    TRY(const std::unique_ptr<node::Node> node, node::Node::create(env, std::move(serving), config_));
    Status failed;
    node->start([&failed](const Status& status) { failed = status; });
    const MonoTime begin = universe_.now();
    for (const env::Recorded& input : recording_.inputs) plan(begin, input, client, callers);
    report_.lost = recording_.lost;
    if (!recording_.inputs.empty()) report_.span = recording_.inputs.back().at;
    universe_.run_for(report_.span + kLead + kAfter);
    if (!failed.ok()) return fail(std::move(failed));
    report_.revision = node->replica().machine().store().revision();
    if (options_.at_end) options_.at_end(*node);
    member.kill(env::sim::Death::kKilled);
    return report_;
  }

  void plan(MonoTime begin, const env::Recorded& input, env::sim::Process& client,
            std::map<uint64_t, std::unique_ptr<Caller>>& callers) {
    if (input.kind == env::Input::kAccept) {
      const auto address = addresses_.find(input.bytes);
      if (address == addresses_.end()) return;
      Caller* caller = callers.insert_or_assign(input.source, std::make_unique<Caller>()).first->second.get();
      ++report_.connections;
      universe_.at(begin + input.at, [&client, caller, url = address->second] {
        client.env().net.connect({.host = url.host, .port = url.port, .path = {}},
                                 [caller](auto socket) { caller->connected(std::move(socket)); });
      });
      return;
    }
    const bool of_connection =
        input.kind == env::Input::kRead || input.kind == env::Input::kReadEnd || input.kind == env::Input::kClosed;
    if (!of_connection) return;
    const auto found = callers.find(input.source);
    if (found == callers.end()) {
      report_.skipped += beheaded_.insert(input.source).second;
      report_.skipped_bytes += input.kind == env::Input::kRead ? input.bytes.size() : 0;
      return;
    }
    Caller* caller = found->second.get();
    const MonoTime when = begin + input.at + kLead;
    switch (input.kind) {
      case env::Input::kRead:
        report_.bytes += input.bytes.size();
        universe_.at(when, [caller, bytes = input.bytes] { caller->send(bytes); });
        break;
      case env::Input::kReadEnd: universe_.at(when, [caller] { caller->end(); }); break;
      default: universe_.at(when, [caller] { caller->close(); }); break;
    }
  }

  static constexpr size_t kIoLoopsMax = 64;
  static constexpr uint64_t kUnixMsMax = uint64_t{1} << 42;  // what a wall clock can show

  const env::Recording& recording_;
  ReplayOptions options_;
  env::NullLog client_log_;
  env::sim::Universe universe_;
  env::sim::SimNetwork network_;
  env::sim::SimDrive drive_;
  env::sim::SimDrive client_drive_;
  MemberLog log_;
  node::Config config_;
  std::map<std::string, node::Url, std::less<>> addresses_;  // as they were, and what stands for them
  std::set<uint64_t> beheaded_;
  ReplayReport report_;
};

}  // namespace

Result<ReplayReport> replay(const env::Recording& recording, ReplayOptions options) {
  return Replay(recording, std::move(options)).run();
}

}  // namespace quorate::sim
