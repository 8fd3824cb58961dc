// server/testing/bench.h: a Replica on a disk, a clock and a loop in memory, turned by the test.
//
// Thread: the test's. Tests only. Log writes wait until the test finishes them, unless the disk is prompt.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "env/env.h"
#include "pb/codec.h"
#include "server/replay.h"
#include "server/replica.h"
#include "server/restore.h"
#include "wal/testing/fake_disk.h"

namespace quorate::server::testing {

class ManualClock final : public env::Clock {
 public:
  MonoTime now() override { return now_; }
  WallTime wall() override { return WallTime(Duration(now_.time_since_epoch()) + 1'700'000'000s); }
  void advance(Duration by) { now_ += by; }

 private:
  MonoTime now_{1h};
};

// Turns as env/loop.h has them, without sockets; each client mailbox is drained whole.
class HookedLoop final : public env::Loop {
 public:
  explicit HookedLoop(env::Clock& clock) : clock_(clock) {}

  MonoTime now() override { return clock_.now(); }
  void post(env::Task task) override { posted_.push_back(std::move(task)); }
  env::TimerId at(MonoTime deadline, env::Task task) override {
    timers_.emplace(std::pair(deadline, ++last_timer_), std::move(task));
    return last_timer_;
  }
  void cancel(env::TimerId timer) override {
    std::erase_if(timers_, [timer](const auto& each) { return each.first.second == timer; });
  }
  void add_inbox(env::Inbox& inbox, env::Priority priority) override { inboxes_.emplace_back(priority, &inbox); }
  void remove_inbox(env::Inbox& inbox) override {
    std::erase_if(inboxes_, [&](const auto& each) { return each.second == &inbox; });
  }
  void add_turn_hook(env::Task hook) override { hooks_.push_back(std::move(hook)); }
  void note_activity(const char*) override {}
  void wake() override {}

  void turn() {
    while (!timers_.empty() && timers_.begin()->first.first <= now()) timers_.extract(timers_.begin()).mapped()();
    for (env::Task& task : std::exchange(posted_, {})) task();
    for (const env::Priority priority : {env::Priority::kCompletion, env::Priority::kClient}) {
      for (const auto& [its, inbox] : inboxes_) {
        if (its == priority) inbox->drain(static_cast<size_t>(-1));
      }
    }
    for (env::Task& hook : hooks_) hook();
  }
  bool has_work() const {
    return !posted_.empty() ||
           std::any_of(inboxes_.begin(), inboxes_.end(), [](const auto& each) { return each.second->has_items(); });
  }

 private:
  env::Clock& clock_;
  std::vector<env::Task> posted_, hooks_;
  std::vector<std::pair<env::Priority, env::Inbox*>> inboxes_;
  std::map<std::pair<MonoTime, env::TimerId>, env::Task> timers_;
  env::TimerId last_timer_ = 0;
};

class NoNet final : public env::Net {
 public:
  Result<std::unique_ptr<env::Listener>> listen(const env::Address&, const env::ListenOptions&,
                                                env::Acceptor) override {
    return fail(Code::kUnimplemented, "no net");
  }
  Result<std::unique_ptr<env::Listener>> share(const env::Listener&, env::Acceptor) override {
    return fail(Code::kUnimplemented, "no net");
  }
  void connect(const env::Address&, std::move_only_function<void(Result<std::unique_ptr<env::Socket>>)>) override {}
  void resolve(const std::string&, std::move_only_function<void(Result<std::vector<std::string>>)>) override {}
};

// Runs one piece of work when told to; its end is told in the loop's next turn.
class ManualPool final : public env::Pool {
 public:
  explicit ManualPool(std::unique_ptr<HookedLoop>& loop) : loop_(loop) {}
  void submit(env::Task work, env::Task done) override { jobs_.emplace_back(std::move(work), std::move(done)); }
  bool has_work() const { return !jobs_.empty(); }
  void run_one() {
    auto [work, done] = std::move(jobs_.front());
    jobs_.pop_front();
    work();
    loop_->post(std::move(done));
  }
  void forget() { jobs_.clear(); }

 private:
  std::unique_ptr<HookedLoop>& loop_;
  std::deque<std::pair<env::Task, env::Task>> jobs_;
};

// What a proposal was told: nothing yet, an error's text, or "ok" with the response's revision.
struct Told {
  int times = 0;
  Status status;
  Revision revision = 0;
  Index applied = 0;  // by the machine when it was told
};

// What the log held, for a look at it.
class ReplayAndKeep final : public wal::CommittedSink {
 public:
  explicit ReplayAndKeep(Replay& replay) : replay_(replay) {}
  void take(const pb::Entry& entry) override {
    entries.push_back(entry);
    replay_.take(entry);
  }
  std::vector<pb::Entry> entries;

 private:
  Replay& replay_;
};

class Bench {
 public:
  Bench() {
    CHECK(disk_.make_directory("/d/log").ok());
    options.member = 0x11;
    options.cluster = 0x22;
    options.peer_urls = {"http://127.0.0.1:2381", "http://127.0.0.1:2380"};
    options.client_urls = {"http://127.0.0.1:2379"};
  }
  ~Bench() { replica_.reset(); }

  // A new process over what the disk holds; starts, and turns once.
  void open() {
    try_open();
    ASSERT_TRUE(refusal.ok()) << refusal.text();
  }
  // The same, unless it is refused.
  void try_open() {
    wal::Options log_options;
    log_options.directory = "/d/log";
    log_options.cluster = options.cluster;
    log_options.member = options.member;
    log_options.segment_bytes = segment_bytes;
    log_options.salt = 0x5a17;
    metrics_ = std::make_unique<env::Metrics>();
    env_.emplace(env::Env{clock_, *loop_, net_, disk_, pool_, log_, *metrics_, trace_, 7});
    refusal = {};
    Result<Restored> restored = restore(disk_, log_,
                                        {.directory = options.image_directory,
                                         .cluster = options.cluster,
                                         .member = options.member,
                                         .machine = machine_options(*env_, options)});
    if (!restored) return void(refusal = restored.error());
    log_options.skip_to = restored->image_index;
    Replay replay(*env_, machine_options(*env_, options), *restored);
    ReplayAndKeep kept(replay);
    if (keep_recovered) {
      log_options.committed = &kept;
    } else {
      log_options.committed = &replay;
    }
    Result<wal::Opened> log = wal::Wal::open(disk_, *loop_, log_, trace_, log_options);
    if (!log) return void(refusal = log.error());
    refusal = check_log(*restored, log->recovered, options.image_directory);
    if (!refusal.ok()) return;
    recovered = log->recovered;
    recovered.entries.insert(recovered.entries.begin(), kept.entries.begin(), kept.entries.end());
    restored_index = restored->image_index;
    replica_ = std::make_unique<Replica>(*env_, options, std::move(*log), std::move(*restored));
    replica_->on_failed([this](const Status&) { ++failures; });
    replica_->on_published([this] { ++published; });
    replica_->start();
    loop_->turn();
  }
  // The same, up to a member that serves.
  void serve() {
    open();
    settle();
    ASSERT_EQ(published, 1);
  }
  // The process ends where it stands; the machine goes on.
  void kill() {
    end();
    disk_.restart(*loop_);
  }
  // The machine loses power.
  void crash(Prng& prng) {
    end();
    disk_.crash(prng, *loop_);
  }

  void turn() {
    do loop_->turn();
    while (loop_->has_work());
  }
  void finish_write() {
    disk_.finish_write();
    turn();
  }
  // One piece of work off the loop.
  void run_pool() {
    pool_.run_one();
    turn();
  }
  // Until neither the loop nor the pool nor the disk has anything to do.
  void settle() {
    turn();
    while (disk_.pending_writes() != 0 || disk_.pending_fill() || pool_.has_work()) {
      if (pool_.has_work()) {
        run_pool();
      } else if (disk_.pending_writes() != 0) {
        finish_write();
      } else {
        disk_.finish_fill();
        turn();
      }
    }
  }
  // Tick by tick; a prompt disk finishes what each of them writes.
  void advance(Duration by, bool prompt_disk = true) {
    for (Duration passed{}; passed < by; passed += options.heartbeat) {
      clock_.advance(std::min(options.heartbeat, by - passed));
      prompt_disk ? settle() : turn();
    }
  }

  template <class Request>
  std::shared_ptr<Told> propose(pb::Payload payload, const Request& request) {
    auto told = std::make_shared<Told>();
    replica_->propose(payload, pb::encode(request), 0, [told, this](machine::Outcome& outcome) {
      ++told->times;
      told->status = outcome.status;
      told->applied = replica_->machine().applied_index();
      told->revision = replica_->machine().store().revision();
    });
    return told;
  }
  std::shared_ptr<Told> put(std::string_view key, std::string_view value, LeaseId lease = 0) {
    return propose(pb::Payload::kPut, pb::PutRequest{.key = key, .value = value, .lease = lease});
  }
  std::shared_ptr<Told> grant(LeaseId lease, int64_t ttl_s) {
    return propose(pb::Payload::kLeaseGrant, pb::LeaseGrantRequest{.ttl_s = ttl_s, .id = lease});
  }
  std::shared_ptr<Told> read() {
    auto told = std::make_shared<Told>();
    replica_->read([told, this](const Status& status) {
      ++told->times;
      told->status = status;
      told->applied = replica_->machine().applied_index();
    });
    return told;
  }
  std::shared_ptr<Told> renew(LeaseId lease) {
    auto told = std::make_shared<Told>();
    replica_->leases().renew(lease, [told](Result<int64_t> ttl_s) {
      ++told->times;
      if (!ttl_s) told->status = ttl_s.error();
      told->revision = ttl_s.value_or(0);  // the TTL
    });
    return told;
  }
  std::optional<std::string> get(std::string_view key) const {
    pb::RangeRequest request;
    request.key = key;
    const auto found = replica_->machine().store().range(request);
    if (!found || found->kvs.empty()) return std::nullopt;
    return std::string(found->kvs[0].value);
  }
  std::optional<lease::Lessor::Info> lease(LeaseId id) { return replica_->machine().lessor().info(id, clock_.now()); }

  Replica& replica() { return *replica_; }
  wal::testing::FakeDisk& disk() { return disk_; }
  HookedLoop& loop() { return *loop_; }
  ManualPool& pool() { return pool_; }
  const env::Env& env() { return *env_; }
  env::Metrics& metrics() { return *metrics_; }

  ReplicaOptions options;      // of the next open()
  wal::Recovered recovered;    // what the last open() found
  bool keep_recovered = true;  // false: what was applied while the log was read is not in it
  Index restored_index = 0;    // of the image that it loaded, 0: none
  Status refusal;              // why it did not
  uint64_t segment_bytes = 4 * 1024 * 1024;
  int failures = 0, published = 0;

 private:
  // What is posted may hold what the log owns.
  void end() {
    replica_.reset();
    pool_.forget();
    loop_ = std::make_unique<HookedLoop>(clock_);
    published = 0;
  }

  ManualClock clock_;
  std::unique_ptr<HookedLoop> loop_ = std::make_unique<HookedLoop>(clock_);
  wal::testing::FakeDisk disk_{*loop_};
  NoNet net_;
  ManualPool pool_{loop_};
  env::NullLog log_;
  env::Trace trace_;
  std::unique_ptr<env::Metrics> metrics_;
  std::optional<env::Env> env_;
  std::unique_ptr<Replica> replica_;
};

}  // namespace quorate::server::testing
