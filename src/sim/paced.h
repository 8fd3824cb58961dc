// sim/paced.h: the rhythm that most loads have: sessions that pause, act, and wait for the answer.
//
// Thread: the universe's.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "sim/client.h"
#include "sim/workload.h"

namespace quorate::sim {

class Paced : public Workload {
 public:
  ~Paced() override { hang_up(); }
  void start() override;
  void stop() override { stopped_ = true; }
  bool idle() const override;

 protected:
  struct Actor {
    Actor(Client& client, Prng own_prng, size_t own_place) : session(client), prng(own_prng), place(own_place) {}
    Session session;
    Prng prng;
    size_t place;  // among the actors
    bool resting = false;
  };

  Paced(Scene& scene, const WorkloadPlan& plan, Prng& prng);

  // One step of `actor`, which ends with rest(actor), now or in an answer.
  virtual void act(Actor& actor) = 0;
  // Pauses, then acts again, unless the load was stopped.
  void rest(Actor& actor) { rest_for(actor, scene_.universe.draw(plan_.pause_min, plan_.pause_max)); }
  void rest_for(Actor& actor, Duration pause);
  // For a call whose answer changes nothing.
  Session::Done then_rest(Actor& actor) {
    return [this, &actor](const Operation&) { rest(actor); };
  }

  std::string draw_key(Prng& prng) const { return "k" + std::to_string(prng.below(plan_.keys)); }
  // All keys, some of them, or keys from one on.
  struct Span {
    std::string key, end;
  };
  Span draw_span(Prng& prng) const;

  // Ends the connections, which ends every call: before what the calls report to goes away.
  void hang_up() { clients_.clear(); }
  bool stopped() const { return stopped_; }

  Scene& scene_;
  const WorkloadPlan plan_;

 private:
  std::vector<std::unique_ptr<Client>> clients_;
  std::deque<Actor> actors_;
  bool stopped_ = false;
};

}  // namespace quorate::sim
