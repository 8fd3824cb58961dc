// Puts, deletes and ranges of a few keys, with all their options.
#include "pb/codec.h"
#include "sim/paced.h"

namespace quorate::sim {
namespace {

class KvWorkload final : public Paced {
 public:
  KvWorkload(Scene& scene, const WorkloadPlan& plan, Prng& prng) : Paced(scene, plan, prng) {}

 private:
  void act(Actor& actor) override {
    const uint64_t drawn = actor.prng.below(100);
    if (drawn < 55) return put(actor);
    if (drawn < 67) return remove(actor);
    range(actor);
  }

  void put(Actor& actor) {
    Prng& prng = actor.prng;
    const std::string key = draw_key(prng);
    std::string value = std::to_string(scene_.history.operations.size() + 1) + "-";
    value += prng.bytes(prng.chance(1, 20) ? prng.below(20'000) : prng.below(100));
    pb::PutRequest request{.key = key, .value = value, .prev_kv = prng.chance(1, 4)};
    if (prng.chance(1, 20)) {
      request.value = "";
      request.ignore_value = true;
    }
    if (prng.chance(1, 20)) request.ignore_lease = true;
    actor.session.call(Kind::kPut, pb::encode(request), then_rest(actor));
  }

  void remove(Actor& actor) {
    const Span span = draw_span(actor.prng);
    const bool one = actor.prng.chance(3, 4);
    const pb::DeleteRangeRequest request{
        .key = span.key, .range_end = one ? std::string_view() : span.end, .prev_kv = actor.prng.chance(1, 2)};
    actor.session.call(Kind::kDeleteRange, pb::encode(request), then_rest(actor));
  }

  void range(Actor& actor) {
    Prng& prng = actor.prng;
    const Span span = draw_span(prng);
    pb::RangeRequest request{.key = span.key, .range_end = span.end};
    request.serializable = prng.chance(1, 5);
    request.keys_only = prng.chance(1, 10);
    request.count_only = prng.chance(1, 10);
    if (prng.chance(1, 4)) request.limit = static_cast<int64_t>(prng.between(1, 5));
    if (prng.chance(1, 4)) {
      request.sort_order = prng.chance(1, 2) ? pb::SortOrder::kDescend : pb::SortOrder::kAscend;
      request.sort_target = static_cast<pb::SortTarget>(prng.below(5));
    }
    const Revision latest = scene_.latest_revision;
    if (prng.chance(1, 5)) {
      const auto back = static_cast<Revision>(prng.below(30));
      request.revision = std::max<Revision>(latest - back, 1);
    }
    if (prng.chance(1, 12)) request.min_mod_revision = std::max<Revision>(latest - 20, 1);
    if (prng.chance(1, 12)) request.max_create_revision = latest;
    actor.session.call(Kind::kRange, pb::encode(request), then_rest(actor));
  }
};

}  // namespace

std::unique_ptr<Workload> make_kv_workload(Scene& scene, const WorkloadPlan& plan, Prng prng) {
  return std::make_unique<KvWorkload>(scene, plan, prng);
}

}  // namespace quorate::sim
