// http/testing/fake_world.h: a loop, a clock and sockets in memory, driven by hand and by a seed.
//
// Bytes travel as a real network may move them: cut and joined anywhere, with short writes.
// Loop: the test's only thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/prng.h"
#include "env/env.h"

namespace quorate::http::testing {

class FakeClock final : public env::Clock {
 public:
  MonoTime now() override { return now_; }
  WallTime wall() override { return WallTime(Duration(now_.time_since_epoch()) + 1'700'000'000s); }
  void advance(Duration by) { now_ += by; }

 private:
  MonoTime now_ = MonoTime(1h);
};

class FakeLoop final : public env::Loop {
 public:
  explicit FakeLoop(FakeClock& clock) : clock_(clock) {}

  MonoTime now() override { return clock_.now(); }
  void post(env::Task task) override { posted_.push_back(std::move(task)); }
  env::TimerId at(MonoTime deadline, env::Task task) override;
  void cancel(env::TimerId timer) override;
  void add_inbox(env::Inbox&, env::Priority) override {}
  void remove_inbox(env::Inbox&) override {}
  void add_turn_hook(env::Task hook) override { hooks_.push_back(std::move(hook)); }
  void note_activity(const char*) override {}
  void wake() override {}

  // Due timers and what was posted. The sockets' part comes next, then end_turn().
  bool begin_turn();
  void end_turn();
  bool has_posted() const { return !posted_.empty(); }
  size_t timers() const { return timers_.size(); }

 private:
  FakeClock& clock_;
  std::vector<env::Task> posted_;
  std::vector<env::Task> hooks_;
  std::map<std::pair<MonoTime, env::TimerId>, env::Task> timers_;
  std::map<env::TimerId, MonoTime> deadlines_;
  env::TimerId last_timer_ = 0;
};

// One direction of a connection.
struct Pipe {
  std::string bytes;
  bool ended = false;   // the writer will write no more
  bool broken = false;  // the writer is gone
  size_t capacity = 64 * 1024;
};

// One end of a connection: reads from one pipe and writes to another.
class FakeSocket final : public env::Socket {
 public:
  FakeSocket(std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out) : in_(std::move(in)), out_(std::move(out)) {}
  ~FakeSocket() override {
    close();
    *handle_ = nullptr;
  }

  void start(env::SocketEvents& events) override { events_ = &events; }
  size_t write(std::span<const std::string_view> pieces) override;
  void pause_reading() override { paused_ = true; }
  void resume_reading() override { paused_ = false; }
  void shutdown_write() override { out_->ended = true; }
  void close() override;
  std::string peer_text() const override { return "127.0.0.1:40000"; }

  // Delivers one event, if there is one; a read of at most `bytes_max`.
  bool deliver(size_t bytes_max);
  bool has_event() const;
  // Points here as long as the socket lives.
  std::shared_ptr<FakeSocket*> handle() const { return handle_; }
  bool closed() const { return closed_; }
  bool paused() const { return paused_; }

 private:
  std::shared_ptr<Pipe> in_;
  std::shared_ptr<Pipe> out_;
  std::shared_ptr<FakeSocket*> handle_ = std::make_shared<FakeSocket*>(this);
  env::SocketEvents* events_ = nullptr;
  bool paused_ = false;
  bool wants_write_ = false;
  bool end_told_ = false;
  bool closed_ = false;
};

class FakeNet final : public env::Net {
 public:
  Result<std::unique_ptr<env::Listener>> listen(const env::Address&, const env::ListenOptions&,
                                                env::Acceptor) override {
    return fail(Code::kUnimplemented, "fake");
  }
  Result<std::unique_ptr<env::Listener>> share(const env::Listener&, env::Acceptor) override {
    return fail(Code::kUnimplemented, "fake");
  }
  void connect(const env::Address&, std::move_only_function<void(Result<std::unique_ptr<env::Socket>>)>) override {}
  void resolve(const std::string&, std::move_only_function<void(Result<std::vector<std::string>>)>) override {}
};

class FakeWorld {
 public:
  explicit FakeWorld(uint64_t seed) : prng_(seed) {}

  env::LoopEnv env() { return {clock_, loop_, net_, log_, trace_}; }
  FakeClock& clock() { return clock_; }
  FakeLoop& loop() { return loop_; }

  struct Pair {
    std::unique_ptr<env::Socket> near;
    std::unique_ptr<env::Socket> far;
    std::shared_ptr<Pipe> to_near;
    std::shared_ptr<Pipe> to_far;
  };
  Pair connect(size_t capacity = 64 * 1024);

  // One turn: posted tasks and timers, up to one event of each socket, the hooks. False: nothing happened.
  bool turn();
  // Turns until nothing happens.
  void settle();
  // The clock moves on, then everything settles.
  void advance(Duration by);
  // Reads are whole unless cutting is on.
  void cut_reads(bool on) { cut_ = on; }

 private:
  Prng prng_;
  FakeClock clock_;
  FakeLoop loop_{clock_};
  FakeNet net_;
  env::NullLog log_;
  env::Trace trace_;
  std::vector<std::shared_ptr<FakeSocket*>> sockets_;
  bool cut_ = false;
};

}  // namespace quorate::http::testing
