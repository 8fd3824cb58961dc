// Tenants: each takes a lease, attaches keys, renews it for a while, then gives it back or just forgets it.
#include <deque>

#include "pb/codec.h"
#include "sim/paced.h"

namespace quorate::sim {
namespace {

// The keep-alive stream of one session; at most one renewal is under way.
class Renewals final : public client::CallEvents {
 public:
  explicit Renewals(Session& session) : session_(session) {}

  bool busy() const { return operation_ != 0; }

  void renew(LeaseId lease, Session::Done done) {
    Scene& scene = session_.scene();
    client::Channel& channel = session_.client().channel();
    if (call_ == 0) call_ = channel.open("/etcdserverpb.Lease/LeaseKeepAlive", {}, *this);
    operation_ =
        scene.begin(Kind::kLeaseKeepAlive, session_.number(), pb::encode(pb::LeaseKeepAliveRequest{.id = lease}));
    done_ = std::move(done);
    channel.send(call_, Bytes::copy(scene.operation(operation_).request));
    scene.universe.after(Session::kTimeout, [this, id = operation_] {
      if (operation_ != id) return;
      session_.client().channel().cancel(std::exchange(call_, 0));
      end(Status(Code::kDeadlineExceeded, "no answer to the renewal"), {});
    });
  }

  void on_message(Bytes message) override {
    if (operation_ != 0) end(Status(), std::string(message.view()));
  }
  void on_end(const Status& status, const http::Headers&) override {
    call_ = 0;
    if (operation_ == 0) return;
    end(status.ok() ? Status(Code::kUnavailable, "the stream ended") : status, {});
  }

 private:
  void end(const Status& status, std::string response) {
    Scene& scene = session_.scene();
    const uint64_t id = std::exchange(operation_, 0);
    scene.end(id, status, std::move(response));
    Session::Done done = std::move(done_);
    done(scene.operation(id));
  }

  Session& session_;
  client::CallId call_ = 0;
  uint64_t operation_ = 0;
  Session::Done done_;
};

class LeaseWorkload final : public Paced {
 public:
  LeaseWorkload(Scene& scene, const WorkloadPlan& plan, Prng& prng) : Paced(scene, plan, prng) {}
  ~LeaseWorkload() override { hang_up(); }

  bool idle() const override {
    for (const auto& [place, tenant] : tenants_) {
      if (tenant.renewals.busy()) return false;
    }
    return Paced::idle();
  }

 private:
  struct Tenant {
    explicit Tenant(Session& session) : renewals(session) {}
    LeaseId lease = 0;
    Renewals renewals;
  };

  Tenant& tenant_of(Actor& actor) { return tenants_.try_emplace(actor.place, actor.session).first->second; }

  void act(Actor& actor) override {
    Tenant& tenant = tenant_of(actor);
    if (tenant.lease == 0) return grant(actor, tenant);
    const uint64_t drawn = actor.prng.below(100);
    if (drawn < 35) return attach(actor, tenant);
    if (drawn < 70) return tenant.renewals.renew(tenant.lease, renewed(actor, tenant));
    if (drawn < 82) return time_to_live(actor, tenant);
    if (drawn < 86) return actor.session.call(Kind::kLeaseLeases, {}, then_rest(actor));
    const LeaseId lease = std::exchange(tenant.lease, 0);
    if (drawn < 93) {
      const pb::LeaseRevokeRequest request{.id = lease};
      return actor.session.call(Kind::kLeaseRevoke, pb::encode(request), then_rest(actor));
    }
    rest(actor);  // forgotten: it is to end by itself
  }

  void grant(Actor& actor, Tenant& tenant) {
    // Long ones outlive the run: what restarts leave of them is asked for at its end.
    const uint64_t ttl_s = actor.prng.chance(1, 4) ? actor.prng.between(100, 120) : actor.prng.between(1, 6);
    const pb::LeaseGrantRequest request{.ttl_s = static_cast<int64_t>(ttl_s), .id = scene_.next_lease()};
    actor.session.call(Kind::kLeaseGrant, pb::encode(request),
                       [this, &actor, &tenant, id = request.id](const Operation& operation) {
                         if (operation.answered && operation.status.ok()) tenant.lease = id;
                         rest(actor);
                       });
  }

  void attach(Actor& actor, Tenant& tenant) {
    const bool shared = actor.prng.chance(1, 3);
    const std::string key = shared ? draw_key(actor.prng) : "k-lease-" + std::to_string(tenant.lease);
    const std::string value = std::to_string(scene_.history.operations.size() + 1);
    const pb::PutRequest request{.key = key, .value = value, .lease = tenant.lease};
    actor.session.call(Kind::kPut, pb::encode(request), [this, &actor, &tenant](const Operation& operation) {
      if (operation.answered && !operation.status.ok()) tenant.lease = 0;  // it has expired
      rest(actor);
    });
  }

  Session::Done renewed(Actor& actor, Tenant& tenant) {
    return [this, &actor, &tenant](const Operation& operation) {
      pb::LeaseKeepAliveResponse response;
      if (operation.answered && pb::decode(operation.response, response) && response.ttl_s <= 0) tenant.lease = 0;
      rest(actor);
    };
  }

  void time_to_live(Actor& actor, Tenant& tenant) {
    const pb::LeaseTimeToLiveRequest request{.id = tenant.lease, .keys = actor.prng.chance(1, 2)};
    actor.session.call(Kind::kLeaseTimeToLive, pb::encode(request), then_rest(actor));
  }

  std::map<size_t, Tenant> tenants_;  // by the actor's place; they do not move
};

}  // namespace

std::unique_ptr<Workload> make_lease_workload(Scene& scene, const WorkloadPlan& plan, Prng prng) {
  return std::make_unique<LeaseWorkload>(scene, plan, prng);
}

}  // namespace quorate::sim
