// Compacts behind the others, sometimes right up to where they are.
#include <algorithm>

#include "pb/codec.h"
#include "sim/paced.h"

namespace quorate::sim {
namespace {

class CompactionWorkload final : public Paced {
 public:
  CompactionWorkload(Scene& scene, const WorkloadPlan& plan, Prng& prng) : Paced(scene, plan, prng) {}

 private:
  void act(Actor& actor) override {
    const auto back = static_cast<Revision>(actor.prng.chance(1, 4) ? 0 : actor.prng.below(60));
    const pb::CompactionRequest request{.revision = std::max<Revision>(scene_.latest_revision - back, 1),
                                        .physical = actor.prng.chance(1, 3)};
    actor.session.call(Kind::kCompact, pb::encode(request), then_rest(actor));
  }
};

}  // namespace

std::unique_ptr<Workload> make_compaction_workload(Scene& scene, const WorkloadPlan& plan, Prng prng) {
  return std::make_unique<CompactionWorkload>(scene, plan, prng);
}

}  // namespace quorate::sim
