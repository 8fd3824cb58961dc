#include "sim/campaign.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <memory>
#include <string_view>

#include "base/check.h"
#include "sim/plan.h"
#include "sim/world.h"

namespace quorate::sim {
namespace {

constexpr size_t kViolationsShown = 5;

Verdict verdict_of(const Outcome& outcome) {
  if (outcome.ok()) return Verdict::kGood;
  const bool only_stuck = std::all_of(outcome.violations.begin(), outcome.violations.end(),
                                      [](const Violation& v) { return v.kind == ViolationKind::kStuck; });
  return only_stuck ? Verdict::kStuck : Verdict::kWrong;
}

std::string text_of(const Violations& violations) {
  std::string out;
  for (size_t i = 0; i < std::min(violations.size(), kViolationsShown); ++i) {
    out += std::string(violation_name(violations[i].kind)) + ": " + violations[i].text + "\n";
  }
  if (violations.size() > kViolationsShown) {
    out += "and " + std::to_string(violations.size() - kViolationsShown) + " more\n";
  }
  return out;
}

// A report as lines: what goes through the pipe from a worker. A line "begin SEED" comes before each run.
std::string to_lines(const SeedReport& report) {
  std::string out = "end " + std::to_string(static_cast<int>(report.verdict)) + "\n";
  out += "simulated " + std::to_string(report.simulated_ns) + "\n";
  for (const auto& [name, value] : report.counters) out += "count " + std::to_string(value) + " " + name + "\n";
  std::string_view rest = report.text;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    out += "text " + std::string(rest.substr(0, end)) + "\n";
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out + "done\n";
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count <= 0) ::_exit(1);  // nobody listens any more
    text.remove_prefix(static_cast<size_t>(count));
  }
}

// A process that runs every `step`-th seed from `next` on, and what it has told so far.
class Worker {
 public:
  Worker(uint64_t next, uint64_t step) : next_(next), step_(step) {}

  bool running() const { return pid_ > 0; }
  int fd() const { return fd_; }
  void stop() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
  }

  void start(uint64_t end, int times) {
    int pipe[2];
    CHECK(::pipe(pipe) == 0);
    pid_ = ::fork();
    CHECK(pid_ >= 0);
    if (pid_ == 0) {
      ::close(pipe[0]);
      for (uint64_t seed = next_; seed < end; seed += step_) {
        write_all(pipe[1], "begin " + std::to_string(seed) + "\n");
        write_all(pipe[1], to_lines(run_seed(seed, times)));
      }
      ::_exit(0);
    }
    ::close(pipe[1]);
    fd_ = pipe[0];
  }

  // Reads what is there; `done` gets each report that is whole. False at the end of the process.
  bool read(const std::function<void(SeedReport&&)>& done) {
    char bytes[65536];
    const ssize_t count = ::read(fd_, bytes, sizeof bytes);
    if (count <= 0) return false;
    buffer_.append(bytes, static_cast<size_t>(count));
    for (size_t end = buffer_.find('\n'); end != std::string::npos; end = buffer_.find('\n')) {
      take(buffer_.substr(0, end), done);
      buffer_.erase(0, end + 1);
    }
    return true;
  }

  // After the end: how it died, where it was not done.
  void reap(const std::function<void(SeedReport&&)>& done) {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    ::close(fd_);
    pid_ = 0;
    if (!in_seed_) return;
    report_.verdict = Verdict::kCrashed;
    report_.text = WIFSIGNALED(status) ? "the process died of signal " + std::to_string(WTERMSIG(status))
                                       : "the process ended with " + std::to_string(WEXITSTATUS(status));
    end_seed(done);
  }
  uint64_t next() const { return next_; }

 private:
  void take(const std::string& line, const std::function<void(SeedReport&&)>& done) {
    const size_t space = line.find(' ');
    const std::string word = line.substr(0, space);
    const std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
    if (word == "begin") {
      report_ = {};
      report_.seed = std::stoull(rest);
      in_seed_ = true;
    } else if (word == "end") {
      report_.verdict = static_cast<Verdict>(std::stoi(rest));
    } else if (word == "simulated") {
      report_.simulated_ns = std::stoull(rest);
    } else if (word == "count") {
      const size_t gap = rest.find(' ');
      report_.counters[rest.substr(gap + 1)] = std::stoull(rest.substr(0, gap));
    } else if (word == "text") {
      report_.text += rest + "\n";
    } else if (word == "done") {
      end_seed(done);
    }
  }

  void end_seed(const std::function<void(SeedReport&&)>& done) {
    in_seed_ = false;
    next_ = report_.seed + step_;
    done(std::move(report_));
  }

  uint64_t next_;
  const uint64_t step_;
  pid_t pid_ = 0;
  int fd_ = -1;
  std::string buffer_;
  bool in_seed_ = false;
  SeedReport report_;
};

class Campaign {
 public:
  Campaign(const CampaignOptions& options, const std::function<void(const SeedReport&)>& told)
      : options_(options), end_(options.first + options.count), told_(told) {
    for (unsigned i = 0; i < options.jobs; ++i)
      workers_.push_back(std::make_unique<Worker>(options.first + i, options.jobs));
  }

  CampaignReport run() {
    for (const auto& worker : workers_) start(*worker);
    while (serve()) {
      if (options_.budget_s > 0 && seconds() > options_.budget_s) enough_ = true;
      if (!enough_) continue;
      for (const auto& worker : workers_) worker->stop();
    }
    return std::move(report_);
  }

 private:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count(); }

  void start(Worker& worker) {
    if (!enough_ && worker.next() < end_) worker.start(end_, options_.times);
  }

  // False when no worker runs any more.
  bool serve() {
    std::vector<pollfd> waits;
    std::vector<Worker*> owners;
    for (const auto& worker : workers_) {
      if (!worker->running()) continue;
      waits.push_back({worker->fd(), POLLIN, 0});
      owners.push_back(worker.get());
    }
    if (waits.empty()) return false;
    ::poll(waits.data(), waits.size(), 1000);
    const auto done = [this](SeedReport&& report) { take(std::move(report)); };
    for (size_t i = 0; i < waits.size(); ++i) {
      if (waits[i].revents == 0 || owners[i]->read(done)) continue;
      owners[i]->reap(enough_ ? [](SeedReport&&) {} : std::function<void(SeedReport&&)>(done));
      start(*owners[i]);
    }
    return true;
  }

  void take(SeedReport&& report) {
    if (enough_) return;
    ++report_.seeds;
    report_.simulated_ns += report.simulated_ns;
    for (const auto& [name, value] : report.counters) report_.counters[name] += value;
    if (report.verdict == Verdict::kGood) return;
    told_(report);
    report_.bad.push_back(std::move(report));
    if (options_.stop_at_first) enough_ = true;
  }

  const CampaignOptions options_;
  const uint64_t end_;
  const std::function<void(const SeedReport&)>& told_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::vector<std::unique_ptr<Worker>> workers_;
  CampaignReport report_;
  bool enough_ = false;
};

}  // namespace

SeedReport run_seed(uint64_t seed, int times) {
  SeedReport report;
  report.seed = seed;
  uint64_t hash = 0;
  for (int time = 0; time < times; ++time) {
    Outcome outcome = run_world(draw_plan(seed));
    if (time > 0 && outcome.trace_hash != hash && report.verdict == Verdict::kGood) {
      report.verdict = Verdict::kUnstable;
      report.text = "two runs of this seed differ\n";
    }
    hash = outcome.trace_hash;
    if (time > 0) continue;
    report.verdict = verdict_of(outcome);
    report.text = text_of(outcome.violations);
    report.simulated_ns = static_cast<uint64_t>(outcome.simulated.count());
    report.counters = std::move(outcome.counters);
  }
  return report;
}

Verdict CampaignReport::verdict() const {
  Verdict worst = Verdict::kGood;
  for (const SeedReport& report : bad) worst = std::max(worst, report.verdict);
  return worst;
}

CampaignReport run_campaign(const CampaignOptions& options, const std::function<void(const SeedReport&)>& told) {
  return Campaign(options, told).run();
}

}  // namespace quorate::sim
