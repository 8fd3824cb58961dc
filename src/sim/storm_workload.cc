// Connections by the dozen or the thousand that say nothing, or rubbish, or half of something, and go away.
#include <map>

#include "sim/client.h"
#include "sim/workload.h"

namespace quorate::sim {
namespace {

class StormWorkload final : public Workload {
 public:
  StormWorkload(Scene& scene, const WorkloadPlan& plan, Prng prng)
      : scene_(scene), plan_(plan), prng_(prng), client_(scene) {}
  ~StormWorkload() override = default;

  void start() override { blow(); }
  void stop() override { stopped_ = true; }
  bool idle() const override { return stopped_; }

 private:
  // What came of one connection does not matter, only that the member stands it.
  struct Ignored final : env::SocketEvents {
    void on_read(std::string_view) override {}
    void on_read_end() override {}
    void on_writable() override {}
    void on_closed(const Status&) override {}

    std::unique_ptr<env::Socket> socket;
  };

  void blow() {
    if (stopped_) return;
    open_.clear();
    for (uint32_t i = 0; i < plan_.sessions; ++i) {
      scene_.universe.after(scene_.universe.draw(0ns, 500ms), [this] {
        if (!stopped_) connect();
      });
    }
    scene_.universe.after(scene_.universe.draw(1s, 3s), [this] { blow(); });
  }

  void connect() {
    client_.process().env().net.connect(scene_.member, [this](Result<std::unique_ptr<env::Socket>> socket) {
      if (socket) talk(std::move(*socket));
    });
  }

  void talk(std::unique_ptr<env::Socket> socket) {
    ++scene_.counters.storm_connections;
    Ignored& connection = open_[++last_];
    connection.socket = std::move(socket);
    connection.socket->start(connection);
    std::string said;
    switch (prng_.below(6)) {
      case 0: break;
      case 1: said = prng_.bytes(prng_.below(300)); break;
      case 2: said = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + prng_.bytes(prng_.below(100)); break;
      case 3: said = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"; break;
      case 4: said = "POST /v3/kv/put HTTP/1.1\r\nContent-Length: 100000\r\n\r\n{"; break;
      default: said = std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
    }
    scene_.counters.garbage_bytes += said.size();
    const std::string_view piece = said;
    (void)connection.socket->write(std::span(&piece, 1));
    if (prng_.chance(1, 3)) connection.socket->shutdown_write();
    if (prng_.chance(1, 4)) connection.socket->close();
  }

  Scene& scene_;
  const WorkloadPlan plan_;
  Prng prng_;
  Client client_;
  std::map<uint64_t, Ignored> open_;
  uint64_t last_ = 0;
  bool stopped_ = false;
};

}  // namespace

std::unique_ptr<Workload> make_storm_workload(Scene& scene, const WorkloadPlan& plan, Prng prng) {
  return std::make_unique<StormWorkload>(scene, plan, prng);
}

std::unique_ptr<Workload> make_workload(Scene& scene, const WorkloadPlan& plan, Prng prng) {
  switch (plan.kind) {
    case WorkloadKind::kKv: return make_kv_workload(scene, plan, prng);
    case WorkloadKind::kTxn: return make_txn_workload(scene, plan, prng);
    case WorkloadKind::kWatch: return make_watch_workload(scene, plan, prng);
    case WorkloadKind::kLease: return make_lease_workload(scene, plan, prng);
    case WorkloadKind::kCompaction: return make_compaction_workload(scene, plan, prng);
    case WorkloadKind::kStorm: return make_storm_workload(scene, plan, prng);
    case WorkloadKind::kBulk: return make_bulk_workload(scene, plan, prng);
  }
  return nullptr;
}

}  // namespace quorate::sim
