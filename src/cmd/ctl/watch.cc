#include "cmd/ctl/child_process.h"
#include "cmd/ctl/go_text.h"
#include "cmd/ctl/line_source.h"
#include "cmd/ctl/printer.h"
#include "cmd/ctl/watch_stream.h"

namespace quorate::cmd::ctl {
namespace {

// Prints what watches tell, and runs the program that one names for each event.
class Follower final : public WatchListener {
 public:
  Follower(Invocation& invocation, Session& session)
      : invocation_(invocation),
        session_(session),
        printer_(invocation.out(), invocation.global.hex),
        stream_(session.channel(), session.loop_env().loop, *this) {}

  int run(WatchPlan plan) {
    stream_.add(std::move(plan));
    return wait();
  }

  int run_interactive() {
    const LineWatcher lines(session_.loop(), invocation_.streams.in,
                            [this](std::optional<std::string> line) { on_line(std::move(line)); });
    return wait();
  }

 private:
  int wait() {
    session_.run_until([this] { return exit_code_.has_value(); });
    return *exit_code_;
  }

  void on_line(std::optional<std::string> line) {
    if (exit_code_) return;
    if (!line) {
      exit_code_ = invocation_.error(kExitInvalidInput, "error reading watch request line: EOF");
      return;
    }
    auto parsed = parse_watch_line(*line, invocation_.environment);
    if (!parsed) {
      exit_code_ = invocation_.error(parsed.error().exit_code, parsed.error().text);
    } else if (parsed->kind == WatchLine::Kind::kProgress) {
      stream_.request_progress();
    } else if (parsed->kind == WatchLine::Kind::kWatch) {
      stream_.add(std::move(parsed->plan));
    } else {
      invocation_.err() << parsed->complaint << "\n" << std::flush;
    }
  }

  void on_response(const WatchPlan& plan, const pb::WatchResponse& response) override {
    if (exit_code_) return;
    printer_.print(response);
    invocation_.out().flush();
    for (const pb::Event& event : response.events) {
      if (plan.exec.empty() || exit_code_) return;
      run_program(plan, event, response.header ? response.header->revision : 0);
    }
  }

  void run_program(const WatchPlan& plan, const pb::Event& event, Revision revision) {
    Environment environment = invocation_.environment;
    environment["ETCD_WATCH_REVISION"] = std::to_string(revision);
    environment["ETCD_WATCH_EVENT_TYPE"] = event.type == pb::EventType::kPut ? "\"PUT\"" : "\"DELETE\"";
    environment["ETCD_WATCH_KEY"] = quote(event.kv.key);
    environment["ETCD_WATCH_VALUE"] = quote(event.kv.value);
    const std::string failure = run_child(plan.exec, environment);
    if (failure.empty()) return;
    std::string words;
    for (const std::string& word : plan.exec) words += (words.empty() ? "" : " ") + quote(word);
    invocation_.err() << "command [" << words << "] error (" << failure << ")\n";
    exit_code_ = kExitError;
  }

  void on_watch_ended(const std::string& why) override {
    if (exit_code_) return;
    invocation_.out().flush();
    invocation_.err() << "watch was canceled (" << why << ")\n";
    exit_code_ = invocation_.error(kExitInterrupted, "watch is canceled by the server");
  }

  Invocation& invocation_;
  Session& session_;
  PrinterSimple printer_;
  std::optional<int> exit_code_;
  WatchStream stream_;
};

int run_watch(Invocation& invocation) {
  const bool interactive = invocation.flags.on("interactive");
  std::optional<WatchPlan> plan;
  if (!interactive) {
    auto words = watch_words(invocation.flags, invocation.environment);
    if (!words) return invocation.error(words.error().exit_code, words.error().text);
    auto made = watch_plan(invocation.flags, *words);
    if (!made) return invocation.error(made.error().exit_code, made.error().text);
    plan = std::move(*made);
  }
  auto session = invocation.connect(kSimpleOnly);
  if (!session) return session.error();
  Follower follower(invocation, **session);
  return plan ? follower.run(std::move(*plan)) : follower.run_interactive();
}

}  // namespace

Command watch_command() {
  return {.name = "watch",
          .usage = "watch [options] [key or prefix] [range_end] [--] [exec-command arg1 arg2 ...]",
          .summary = "Watches events stream on keys or prefixes",
          .details = "",
          .group = "Key-value",
          .declare = declare_watch_flags,
          .run = run_watch};
}

}  // namespace quorate::cmd::ctl
