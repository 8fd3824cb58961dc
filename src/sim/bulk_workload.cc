// Many keys at once: filled by transactions, counted, read in pieces, and deleted by the range.
//
// They lie among the keys of the other loads, so that those loads' ranges and watches meet them.
#include <algorithm>
#include <deque>

#include "pb/codec.h"
#include "sim/paced.h"

namespace quorate::sim {
namespace {

constexpr uint64_t kPutsMax = 120;  // of one transaction; a server takes 128

class BulkWorkload final : public Paced {
 public:
  BulkWorkload(Scene& scene, const WorkloadPlan& plan, Prng& prng) : Paced(scene, plan, prng) {}

 private:
  static std::string key(uint64_t number) { return "k-b" + std::to_string(10'000 + number); }
  static Span all() { return {"k-b", "k-c"}; }

  Span part(Prng& prng) const {
    const uint64_t a = prng.below(plan_.keys), b = prng.below(plan_.keys);
    return {key(std::min(a, b)), key(std::max(a, b) + 1)};
  }

  void act(Actor& actor) override {
    const uint64_t drawn = actor.prng.below(100);
    if (drawn < 45) return fill(actor);
    if (drawn < 55) return put(actor);
    if (drawn < 65) return remove(actor);
    range(actor);
  }

  // Every put of it has the same value: half a transaction shows.
  void fill(Actor& actor) {
    Prng& prng = actor.prng;
    std::deque<std::string> keys;
    const std::string value = std::to_string(scene_.history.operations.size() + 1);
    const uint64_t puts = prng.between(std::min<uint64_t>(plan_.keys, 30), std::min<uint64_t>(plan_.keys, kPutsMax));
    // In a row, or everywhere: the tree's nodes are split at their ends and in their middles.
    const uint64_t step = prng.chance(1, 2) ? 1 : std::max<uint64_t>(plan_.keys / puts, 1);
    const uint64_t first = prng.below(plan_.keys);
    pb::TxnRequest request;
    for (uint64_t i = 0; i < puts; ++i) {
      const std::string& name = keys.emplace_back(key((first + i * step) % plan_.keys));
      request.success.push_back({pb::PutRequest{.key = name, .value = value}});
    }
    actor.session.call(Kind::kTxn, pb::encode(request), then_rest(actor));
  }

  void put(Actor& actor) {
    const std::string name = key(actor.prng.below(plan_.keys));
    const std::string value = std::to_string(scene_.history.operations.size() + 1);
    actor.session.call(Kind::kPut, pb::encode(pb::PutRequest{.key = name, .value = value}), then_rest(actor));
  }

  void remove(Actor& actor) {
    const Span span = actor.prng.chance(1, 2) ? all() : part(actor.prng);
    const pb::DeleteRangeRequest request{.key = span.key, .range_end = span.end, .prev_kv = actor.prng.chance(1, 4)};
    actor.session.call(Kind::kDeleteRange, pb::encode(request), then_rest(actor));
  }

  void range(Actor& actor) {
    Prng& prng = actor.prng;
    const Span span = prng.chance(1, 2) ? all() : part(prng);
    pb::RangeRequest request{.key = span.key, .range_end = span.end};
    request.count_only = prng.chance(1, 2);
    request.keys_only = prng.chance(1, 3);
    if (prng.chance(1, 3)) request.limit = static_cast<int64_t>(prng.between(1, plan_.keys));
    if (prng.chance(1, 4)) {
      request.revision = std::max<Revision>(scene_.latest_revision - static_cast<Revision>(prng.below(20)), 1);
    }
    actor.session.call(Kind::kRange, pb::encode(request), then_rest(actor));
  }
};

}  // namespace

std::unique_ptr<Workload> make_bulk_workload(Scene& scene, const WorkloadPlan& plan, Prng prng) {
  return std::make_unique<BulkWorkload>(scene, plan, prng);
}

}  // namespace quorate::sim
