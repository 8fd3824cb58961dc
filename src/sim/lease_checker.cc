// Leases: none ends early, none lives for ever, and what is told of them is so (v3 API, section 7).
#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "pb/codec.h"
#include "sim/check.h"
#include "sim/text.h"
#include "sim/timeline.h"

namespace quorate::sim {

namespace {

Duration seconds(int64_t s) { return std::chrono::seconds(s); }

// A sum that stops at the end of time: TTLs may be centuries.
MonoTime later(MonoTime from, Duration wait) {
  return wait > MonoTime::max() - std::max(from, MonoTime()) ? MonoTime::max() : from + wait;
}

// One request to renew. Whoever got no answer may have renewed all the same.
struct Renewal {
  MonoTime begin{}, end{};
  const Operation* operation = nullptr;
  bool sure = false;   // it was answered, and holds
  bool maybe = false;  // it may hold
};

class Leases {
 public:
  Leases(const History& history, const Timeline& timeline, const CheckOptions& options, Violations& out)
      : history_(history), timeline_(timeline), model_(timeline.model()), options_(options), out_(out) {
    gather();
  }

  void run() {
    for (const LeaseLife& life : model_.leases()) {
      check_not_early(life);
      check_not_late(life);
    }
    for (size_t i = 0; i < history_.operations.size(); ++i) {
      const Placed& placed = timeline_.placed(i);
      if (!placed.ok() || !placed.judged) continue;
      const Operation& operation = history_.operations[i];
      if (operation.kind == Kind::kLeaseKeepAlive) check_keep_alive(operation, placed);
      if (operation.kind == Kind::kLeaseTimeToLive) check_time_to_live(operation, placed);
      if (operation.kind == Kind::kLeaseLeases) check_list(operation, placed);
    }
  }

 private:
  void gather();
  MonoTime granted_at(const LeaseLife& life) const;
  Duration drift(int64_t ttl_s) const { return Duration(ttl_s * 1000 * history_.drift_ppm); }

  // A time before which the life cannot end by itself, as far as what ended or was asked before `asked` tells.
  MonoTime not_before(const LeaseLife& life, MonoTime asked, const Operation** because) const;
  // A time after which it must have ended, if nobody renewed it later; `asked` bounds the renewals looked at.
  MonoTime not_after(const LeaseLife& life, MonoTime asked) const;
  Duration down_between(MonoTime from, MonoTime to) const;

  void check_not_early(const LeaseLife& life);
  void check_not_late(const LeaseLife& life);
  void check_keep_alive(const Operation& operation, const Placed& placed);
  void check_time_to_live(const Operation& operation, const Placed& placed);
  void check_remaining(const Operation& operation, const LeaseLife& life, const pb::LeaseTimeToLiveResponse& told);
  void check_list(const Operation& operation, const Placed& placed);

  void blame(ViolationKind kind, const Operation& operation, const std::string& what) {
    out_.push_back({kind, name_of(operation) + " was answered " +
                              text_of(operation.kind, operation.status, operation.response) + " at " +
                              text_of(operation.end) + "; " + what});
  }
  // Whether the life is there in the state after `at` entries, or in one of first to last.
  static bool alive(const LeaseLife& life, Index first, Index last) {
    return life.granted <= last && (life.revoked == 0 || life.revoked > first);
  }
  const std::vector<const LeaseLife*>& lives(LeaseId id) const {
    static const std::vector<const LeaseLife*> kNone;
    const auto found = lives_.find(id);
    return found == lives_.end() ? kNone : found->second;
  }

  const History& history_;
  const Timeline& timeline_;
  const Model& model_;
  const CheckOptions& options_;
  Violations& out_;
  std::map<LeaseId, std::vector<Renewal>> renewals_;
  std::map<LeaseId, std::vector<const LeaseLife*>> lives_;
  std::vector<MonoTime> terms_;  // when each term's first entry was proposed, where known
};

void Leases::gather() {
  for (const Operation& operation : history_.operations) {
    pb::LeaseKeepAliveRequest request;
    if (operation.kind != Kind::kLeaseKeepAlive || !pb::decode(operation.request, request)) continue;
    Renewal renewal{.begin = operation.begin, .end = operation.end, .operation = &operation};
    pb::LeaseKeepAliveResponse response;
    const bool answered = operation.answered && operation.status.ok() && pb::decode(operation.response, response);
    renewal.sure = answered && response.ttl_s > 0 && !timeline_.forgiven_after(operation.begin);
    renewal.maybe = !answered || response.ttl_s > 0;
    if (renewal.maybe) renewals_[request.id].push_back(renewal);
  }
  for (const LeaseLife& life : model_.leases()) lives_[life.id].push_back(&life);
  Term term = 0;
  for (Index index = 1; index <= model_.last_index(); ++index) {
    if (model_.applied(index).term == term) continue;
    term = model_.applied(index).term;
    if (const auto when = timeline_.proposed(index)) terms_.push_back(*when);
  }
}

MonoTime Leases::granted_at(const LeaseLife& life) const {
  return timeline_.proposed(life.granted).value_or(MonoTime());
}

MonoTime Leases::not_before(const LeaseLife& life, MonoTime asked, const Operation** because) const {
  const MonoTime granted = granted_at(life);
  MonoTime latest = granted;
  if (const auto found = renewals_.find(life.id); found != renewals_.end()) {
    for (const Renewal& renewal : found->second) {
      // One that was sent before the grant may have met the life before.
      if (!renewal.sure || renewal.begin < granted || renewal.begin >= asked || renewal.begin < latest) continue;
      latest = renewal.begin;
      if (because) *because = renewal.operation;
    }
  }
  return later(latest, seconds(life.ttl_s) - drift(life.ttl_s));
}

Duration Leases::down_between(MonoTime from, MonoTime to) const {
  Duration down{};
  std::map<uint32_t, MonoTime> since;
  const auto add = [&](MonoTime begin, MonoTime end) {
    begin = std::max(begin, from);
    end = std::min(end, to);
    if (begin < end) down += end - begin;
  };
  for (const LifeEvent& event : history_.life) {
    const auto found = since.find(event.member);
    if (event.kind != LifeKind::kStart) {
      since.emplace(event.member, event.at);
    } else if (found != since.end()) {
      add(found->second, event.at);
      since.erase(found);
    }
  }
  for (const auto& [member, at] : since) add(at, to);
  return down;
}

MonoTime Leases::not_after(const LeaseLife& life, MonoTime asked) const {
  const MonoTime granted = granted_at(life);
  const Operation* granter = timeline_.find(model_.applied(life.granted).operation);
  MonoTime begin = granted;
  // A grant that was not answered may be applied as late as after the next start.
  MonoTime end = granter && granter->answered ? granter->end : granted;
  if (!granter || !granter->answered) {
    for (const LifeEvent& event : history_.life) {
      if (event.kind != LifeKind::kStart || event.at < granted) continue;
      end = event.at;
      break;
    }
  }
  if (const auto found = renewals_.find(life.id); found != renewals_.end()) {
    for (const Renewal& renewal : found->second) {
      if (renewal.end < granted || renewal.begin >= asked || renewal.end < end) continue;
      begin = renewal.begin;
      end = renewal.end;
    }
  }
  const auto after = [&](MonoTime at) { return at >= begin && at <= asked; };
  const auto terms = std::count_if(terms_.begin(), terms_.end(), after);
  const auto starts = std::count_if(history_.life.begin(), history_.life.end(), [&](const LifeEvent& event) {
    return event.kind == LifeKind::kStart && after(event.at);
  });
  const Duration per_start =
      seconds(std::max<int64_t>(5, life.ttl_s / 10)) + options_.election_timeout + options_.lease_slack_per_start;
  const Duration allowed = options_.lease_slack + per_start * std::max<int64_t>(terms, starts);
  return later(later(end, seconds(life.ttl_s) + drift(life.ttl_s)), allowed + down_between(begin, asked));
}

void Leases::check_not_early(const LeaseLife& life) {
  if (life.revoked == 0 || life.revoked_by_client) return;
  const auto when = history_.proposed_at.find({model_.applied(life.revoked).term, life.revoked});
  if (when == history_.proposed_at.end()) return;
  const Operation* because = timeline_.find(model_.applied(life.granted).operation);
  const MonoTime least = not_before(life, when->second, &because);
  if (when->second >= least) return;
  out_.push_back({ViolationKind::kLeaseEarly,
                  "lease " + std::to_string(life.id) + " of " + std::to_string(life.ttl_s) + " s, granted at index " +
                      std::to_string(life.granted) + ", was ended by entry " + std::to_string(life.revoked) +
                      ", proposed at " + text_of(when->second) + "; " +
                      (because ? name_of(*because) + ", sent at " + text_of(because->begin) + "," : "its grant") +
                      " keeps it until " + text_of(least)});
}

void Leases::check_not_late(const LeaseLife& life) {
  const auto when = life.revoked == 0 ? std::optional<MonoTime>() : timeline_.proposed(life.revoked);
  if (life.revoked != 0 && !when) return;
  if (!timeline_.proposed(life.granted)) return;
  const MonoTime ended = when.value_or(history_.ended_at);
  if (!when && ended < later(history_.healed_at, options_.lease_slack)) return;
  const MonoTime latest = not_after(life, ended);
  if (ended <= latest) return;
  out_.push_back({ViolationKind::kLeaseLate, "lease " + std::to_string(life.id) + " of " + std::to_string(life.ttl_s) +
                                                 " s, granted at index " + std::to_string(life.granted) + ", " +
                                                 (when ? "ended at " : "still lives at ") + text_of(ended) +
                                                 "; it had to end by " + text_of(latest)});
}

void Leases::check_keep_alive(const Operation& operation, const Placed& placed) {
  pb::LeaseKeepAliveRequest request;
  pb::LeaseKeepAliveResponse response;
  if (!pb::decode(operation.request, request) || !pb::decode(operation.response, response)) return;
  if (response.id != request.id) return blame(ViolationKind::kLeaseAnswer, operation, "it asked for another lease");
  const Index first = placed.floor.index;
  const Index last = std::max(placed.ceiling, first);
  const auto& all = lives(request.id);
  if (response.ttl_s > 0) {
    // What a cut tail granted is not in the log.
    if (timeline_.forgiven_after(operation.begin)) return;
    const bool right = std::any_of(all.begin(), all.end(), [&](const LeaseLife* life) {
      return alive(*life, first, last) && life->ttl_s == response.ttl_s;
    });
    if (!right) blame(ViolationKind::kLeaseAnswer, operation, "no such lease lived then");
    return;
  }
  for (const LeaseLife* life : all) {
    const bool throughout = life->granted <= first && (life->revoked == 0 || life->revoked > last);
    if (!throughout || timeline_.forgiven_after(operation.begin)) continue;
    const MonoTime least = not_before(*life, operation.begin, nullptr);
    if (operation.end < least) {
      blame(ViolationKind::kLeaseAnswer, operation, "the lease lives until " + text_of(least));
    }
  }
}

void Leases::check_time_to_live(const Operation& operation, const Placed& placed) {
  pb::LeaseTimeToLiveRequest request;
  pb::LeaseTimeToLiveResponse told;
  if (!pb::decode(operation.request, request) || !pb::decode(operation.response, told)) return;
  if (told.id != request.id) return blame(ViolationKind::kLeaseAnswer, operation, "it asked for another lease");
  if (timeline_.forgiven_after(operation.begin)) return;
  const auto [first, last] = timeline_.window(placed);
  if (first > last) {
    const bool stale =
        placed.header->revision <= model_.revision() && model_.last_at(placed.header->revision) < placed.floor.index;
    return blame(stale ? ViolationKind::kStaleRead : ViolationKind::kFutureRead, operation,
                 "index " + std::to_string(placed.floor.index) + " was known when it was sent, and " +
                     std::to_string(placed.ceiling) + " proposed when it was answered");
  }
  const auto& all = lives(request.id);
  if (told.granted_ttl_s == 0) {
    for (const LeaseLife* life : all) {
      if (life->granted > first || (life->revoked != 0 && life->revoked <= last)) continue;
      blame(ViolationKind::kLeaseAnswer, operation,
            "the lease was granted at index " + std::to_string(life->granted) + " and not revoked by then");
    }
    return;
  }
  for (const LeaseLife* life : all) {
    if (!alive(*life, first, last) || life->ttl_s != told.granted_ttl_s) continue;
    const std::vector<std::string> keys =
        request.keys ? model_.keys_of(*life, placed.header->revision) : std::vector<std::string>();
    std::vector<std::string> have(told.keys.begin(), told.keys.end());
    std::sort(have.begin(), have.end());
    if (have != keys) {
      std::string want;
      for (const std::string& key : keys) want += " " + key;
      return blame(ViolationKind::kLeaseAnswer, operation, "its keys are" + (want.empty() ? " none" : want));
    }
    return check_remaining(operation, *life, told);
  }
  blame(ViolationKind::kLeaseAnswer, operation, "no such lease lived then");
}

void Leases::check_remaining(const Operation& operation, const LeaseLife& life,
                             const pb::LeaseTimeToLiveResponse& told) {
  const auto whole = [](Duration d) { return std::chrono::duration_cast<std::chrono::seconds>(d).count(); };
  // A renewal under way at the same time is no help: only what was answered before counts.
  MonoTime least = later(granted_at(life), seconds(life.ttl_s) - drift(life.ttl_s));
  if (const auto found = renewals_.find(life.id); found != renewals_.end()) {
    for (const Renewal& renewal : found->second) {
      if (!renewal.sure || renewal.end > operation.begin || renewal.begin < granted_at(life)) continue;
      least = std::max(least, later(renewal.begin, seconds(life.ttl_s) - drift(life.ttl_s)));
    }
  }
  const MonoTime most = std::min(
      not_after(life, operation.end),
      later(operation.end, seconds(life.ttl_s) + drift(life.ttl_s) + options_.election_timeout + options_.lease_slack));
  if (least != MonoTime::max() && told.ttl_s < whole(least - operation.end)) {
    return blame(ViolationKind::kLeaseAnswer, operation, "the lease lives until " + text_of(least));
  }
  if (most != MonoTime::max() && told.ttl_s > whole(most - operation.begin)) {
    blame(ViolationKind::kLeaseAnswer, operation, "the lease ends by " + text_of(most));
  }
}

void Leases::check_list(const Operation& operation, const Placed& placed) {
  pb::LeaseLeasesResponse told;
  if (!pb::decode(operation.response, told) || timeline_.forgiven_after(operation.begin)) return;
  const auto [first, last] = timeline_.window(placed);
  if (first > last) {
    return blame(ViolationKind::kFutureRead, operation,
                 "only index " + std::to_string(placed.ceiling) + " had been proposed");
  }
  const std::set<LeaseId> have(told.leases.begin(), told.leases.end());
  // How the list differs from each state of the window, moved on from one to the next.
  std::set<LeaseId> want;
  std::map<Index, std::vector<std::pair<LeaseId, bool>>> moves;
  for (const LeaseLife& life : model_.leases()) {
    if (alive(life, first, first)) want.insert(life.id);
    if (life.granted > first && life.granted <= last) moves[life.granted].emplace_back(life.id, true);
    if (life.revoked > first && life.revoked <= last) moves[life.revoked].emplace_back(life.id, false);
  }
  std::set<LeaseId> differ;
  std::set_symmetric_difference(have.begin(), have.end(), want.begin(), want.end(),
                                std::inserter(differ, differ.end()));
  bool right = differ.empty();
  for (const auto& [index, changes] : moves) {
    for (const auto& [id, granted] : changes) {
      if (have.contains(id) == granted) {
        differ.erase(id);
      } else {
        differ.insert(id);
      }
    }
    right = right || differ.empty();
  }
  if (right && have.size() == told.leases.size()) return;
  const std::string id =
      differ.empty() ? "one is there twice" : "lease " + std::to_string(*differ.begin()) + " differs";
  blame(ViolationKind::kLeaseAnswer, operation,
        "no state from index " + std::to_string(first) + " to " + std::to_string(last) + " has these leases: " + id);
}

}  // namespace

void check_leases(const History& history, const Timeline& timeline, const CheckOptions& options, Violations& out) {
  Leases(history, timeline, options, out).run();
}

}  // namespace quorate::sim
