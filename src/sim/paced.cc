#include "sim/paced.h"

#include <algorithm>

namespace quorate::sim {

Paced::Paced(Scene& scene, const WorkloadPlan& plan, Prng& prng) : scene_(scene), plan_(plan) {
  for (uint32_t i = 0; i < plan.clients; ++i) {
    clients_.push_back(std::make_unique<Client>(scene));
    for (uint32_t j = 0; j < plan.sessions; ++j) actors_.emplace_back(*clients_.back(), prng.fork(), actors_.size());
  }
}

void Paced::start() {
  for (Actor& actor : actors_) rest(actor);
}

bool Paced::idle() const {
  return std::all_of(actors_.begin(), actors_.end(),
                     [](const Actor& actor) { return actor.resting && !actor.session.busy(); });
}

void Paced::rest_for(Actor& actor, Duration pause) {
  actor.resting = true;
  if (stopped_) return;
  scene_.universe.after(pause, [this, &actor] {
    if (stopped_) return;
    actor.resting = false;
    act(actor);
  });
}

Paced::Span Paced::draw_span(Prng& prng) const {
  switch (prng.below(4)) {
    case 0: return {"k", "l"};
    case 1: return {draw_key(prng), std::string(1, '\0')};
    case 2: {
      std::string a = draw_key(prng), b = draw_key(prng);
      if (b < a) std::swap(a, b);
      return {a, b + "0"};
    }
    default: return {draw_key(prng), ""};
  }
}

}  // namespace quorate::sim
