// sim/testing/tiny_cluster.h: one member that makes no mistake, without loops, disk or net, and what is seen of it.
//
// The product's machine, lessor and hub, driven by hand: every operation takes effect at one instant between its begin
// and its end. What it leaves behind is a history and a log that check() must find nothing wrong with.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "machine/machine.h"
#include "pb/codec.h"
#include "sim/check.h"
#include "watch/hub.h"

namespace quorate::sim {

inline constexpr Duration kElectionTimeout = 1s;

class TinyCluster {
 public:
  TinyCluster();
  ~TinyCluster();

  // Time moves on, and with it the scans for leases that expired or want a checkpoint.
  void advance(Duration by);
  MonoTime now() const { return now_; }

  // Begins 1 ms ago from its instant, ends 1 ms after, and so takes 2 ms. Returns its place in operations.
  size_t call(Kind kind, std::string request, uint32_t client = 1);
  // Takes effect now; `before` and `after` are how long ago it was sent, and how much later it is answered.
  size_t call_at_once(Kind kind, std::string request, uint32_t client, Duration before, Duration after);
  // It takes effect, or does not, and nobody hears of it.
  size_t call_unanswered(Kind kind, std::string request, bool takes_effect, uint32_t client = 1);

  size_t put(std::string_view key, std::string_view value, LeaseId lease = 0, uint32_t client = 1);
  size_t get(std::string_view key, std::string_view end = {}, Revision revision = 0, bool serializable = false);
  size_t remove(std::string_view key, std::string_view end = {});
  size_t compact(Revision revision);
  size_t grant(LeaseId id, int64_t ttl_s);
  size_t revoke(LeaseId id);
  size_t keep_alive(LeaseId id);
  size_t time_to_live(LeaseId id, bool keys = true);

  // Returns its place in watches. The request's fields are those of `watch`.
  size_t watch(Watch watch);
  void end_watch(size_t watch);
  void ask_progress(size_t watch);

  // Watches end; `down` later the member is back. The last `damaged` entries are cut then, and that is forgiven.
  void crash(Duration down = 100ms, size_t damaged = 0);
  // Sorts the operations, tells the end, and the final contents. Nothing may be called after it.
  void finish();

  History history;
  std::vector<pb::Entry> log;
  Violations check() const { return sim::check(history, log, options); }
  CheckOptions options{.min_lease_ttl_s = 2, .election_timeout = kElectionTimeout};

 private:
  struct Stream;

  void start();
  void scan();
  std::string apply(pb::Payload payload, std::string_view body, Status& status);
  void append(std::string data);
  std::string serve(const Operation& operation, Status& status);
  std::string serve_keep_alive(std::string_view request, Status& status);
  pb::ResponseHeader header(Revision revision = 0) const;

  MonoTime now_{};
  MonoTime next_scan_{};
  Term term_ = 1;
  uint64_t next_id_ = 1;
  std::unique_ptr<machine::Machine> machine_;
  std::unique_ptr<watch::Hub> hub_;
  std::vector<std::unique_ptr<Stream>> streams_;  // by place in watches
};

}  // namespace quorate::sim
