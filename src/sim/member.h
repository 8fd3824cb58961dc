// sim/member.h: one member of the world: a process on a host of its own, and the node that runs in it.
//
// The node is made by the constructor that the real program uses, from flags' structure and an env::Env.
// Thread: the universe's. Calls are for events of the universe, not for turns of the member's loops.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "env/sim/process.h"
#include "node/node.h"
#include "sim/history.h"
#include "sim/plan.h"

namespace quorate::sim {

// What a member says to its operator goes into the story; warnings that matter are counted.
class MemberLog final : public env::Log {
 public:
  explicit MemberLog(env::sim::Universe& universe) : universe_(universe) {}
  // Whether anybody listens must not show: a line that is made reads clocks.
  bool enabled(env::Level level) const override { return level >= env::Level::kInfo; }
  void write(env::Level level, std::string_view message, std::initializer_list<env::Field> fields,
             const std::source_location& where) override;

  // "the last batch of the log is damaged and was cut".
  uint64_t cut_warnings() const { return cut_warnings_; }
  struct Checkpoints {
    uint64_t saved = 0, failed = 0, loaded = 0;
    uint64_t passed_over = 0;  // found damaged at a start
  };
  const Checkpoints& checkpoints() const { return checkpoints_; }
  // Called when an image is durable, before the log loses what it holds.
  void on_saved(env::Task saved) { on_saved_ = std::move(saved); }

 private:
  env::sim::Universe& universe_;
  uint64_t cut_warnings_ = 0;
  Checkpoints checkpoints_;
  env::Task on_saved_;
};

class Member {
 public:
  static constexpr std::string_view kHost = "10.0.0.1";
  static constexpr std::string_view kDataDir = "/data";

  Member(env::sim::Universe& universe, env::sim::SimNetwork& network, env::sim::SimDrive& drive, const Plan& plan,
         History& history);
  ~Member();
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  static env::Address client_address() { return {.host = std::string(kHost), .port = 2379, .path = {}}; }

  // Makes and starts the process. The error is the node's own word on why it does not start.
  Status start();
  bool running() const { return process_ != nullptr; }
  // Ends it at once.
  void kill(env::sim::Death death);
  // Ends it in order; `done` is called in a later event, unless it is killed before.
  void stop(env::Task done);
  // Called, in an event of its own, when the node says that it cannot go on. The process lives until killed.
  void on_failed(std::move_only_function<void(const Status&)> failed) { failed_ = std::move(failed); }

  // node::Node's. Requires that it runs.
  size_t budgeted_bytes() const { return node_->budgeted_bytes(); }
  env::sim::Process& process() { return *process_; }
  MemberLog& log() { return log_; }
  // The first entry of the log write that landed elsewhere, where it was the last one that carried any; else 0.
  Index misdirected_from() const { return marks_.misdirected_from; }

 private:
  // Reads the stage marks.
  struct Marks final : env::Trace {
    explicit Marks(Member& whose) : member(whose) {}
    void mark(env::Stage stage, uint64_t call, uint64_t index) override;
    Member& member;
    Index durable = 0;  // the last one of this life; 0: not known yet
    uint64_t misdirected_writes = 0;
    Index misdirected_from = 0;
  };

  node::Config config() const;
  void take_down();

  env::sim::Universe& universe_;
  env::sim::SimNetwork& network_;
  env::sim::SimDrive& drive_;
  const Plan& plan_;
  History& history_;
  MemberLog log_;
  Marks marks_;
  std::unique_ptr<env::sim::Process> process_;
  std::unique_ptr<node::Node> node_;
  uint64_t life_ = 0;  // a report of an earlier one is stale
  std::move_only_function<void(const Status&)> failed_;
};

}  // namespace quorate::sim
