// Watches: ordered, unique, complete, atomic and resumable (v3 API, section 6).
//
// A watch is judged up to its first violation, and up to what was forgiven.
#include <algorithm>
#include <map>
#include <optional>

#include "mvcc/key_range.h"
#include "pb/codec.h"
#include "sim/check.h"
#include "sim/text.h"
#include "sim/timeline.h"

namespace quorate::sim {

namespace {

constexpr std::string_view kFirstKey("\0", 1);

mvcc::KeyRange range_of(const Watch& watch) {
  return {.key = watch.key.empty() ? kFirstKey : std::string_view(watch.key), .end = watch.range_end};
}

bool wants(const Watch& watch, const Change& change) {
  return (change.version == 0 ? watch.deletes : watch.puts) && range_of(watch).contains(change.key);
}

pb::KeyValue kv_of(const Change& change) {
  pb::KeyValue kv;
  kv.key = change.key;
  kv.mod_revision = change.mod_revision;
  if (change.version == 0) return kv;
  kv.create_revision = change.create_revision;
  kv.version = change.version;
  kv.value = change.value;
  kv.lease = change.lease;
  return kv;
}

class WatchJudge {
 public:
  WatchJudge(const Watch& watch, const Timeline& timeline, Violations& out)
      : watch_(watch), timeline_(timeline), model_(timeline.model()), out_(out) {}

  // `earlier` is the judged watch that this one resumes; null for none.
  void run(const WatchJudge* earlier) {
    if (earlier && !resumes_rightly(*earlier)) return;
    if (watch_.start_revision > 0) begin(watch_.start_revision);
    for (const Delivery& delivery : watch_.deliveries) {
      take(delivery);
      if (ended_) return;
    }
    if (!watch_.to_the_end) return;
    if (!created_) {
      blame(ViolationKind::kWatchGap, "was never created");
    } else if (position_ < expected_.size()) {
      blame(ViolationKind::kWatchGap, "missed at the end " + std::to_string(expected_.size() - position_) +
                                          " events, the first " + text_of(*expected_[position_]));
    }
  }

 private:
  void blame(ViolationKind kind, const std::string& what) {
    out_.push_back(
        {kind, "watch " + std::to_string(watch_.id) + " of client " + std::to_string(watch_.client) + " " + what});
    ended_ = broken_ = true;
  }

  void begin(Revision start) {
    next_ = start;
    for (Revision revision = std::max<Revision>(start, 2); revision <= model_.revision(); ++revision) {
      for (const Change& change : model_.changes(revision)) {
        if (wants(watch_, change)) expected_.push_back(&change);
      }
    }
  }

  // The first revision of which something may still be missing; nothing where the start is not known.
  std::optional<Revision> due() const { return next_ == 0 ? std::nullopt : std::optional(next_); }

  bool resumes_rightly(const WatchJudge& earlier) {
    if (earlier.broken_ || earlier.forgiven_) return true;
    const Watch& old = earlier.watch_;
    if (old.key != watch_.key || old.range_end != watch_.range_end || old.puts != watch_.puts ||
        old.deletes != watch_.deletes) {
      blame(ViolationKind::kHistory, "resumes watch " + std::to_string(old.id) + " of other keys or filters");
      return false;
    }
    const std::optional<Revision> due = earlier.compacted_ > 0 ? earlier.compacted_ : earlier.due();
    const Revision start = watch_.start_revision;
    if (!due) {
      if (start == 0) return true;
    } else if (start > 0 && start >= *due) {
      // What lies between must have nothing for this watch; after a cancel by compaction the start is exact.
      if (earlier.compacted_ == 0 || start == *due) {
        const auto lost = std::find_if(earlier.expected_.begin(), earlier.expected_.end(), [&](const Change* change) {
          return change->mod_revision >= *due && change->mod_revision < start;
        });
        if (lost == earlier.expected_.end()) return true;
        blame(ViolationKind::kWatchResume, "resumes watch " + std::to_string(old.id) + " from " +
                                               std::to_string(start) + " and leaves out " + text_of(**lost));
        return false;
      }
    }
    blame(ViolationKind::kWatchResume, "resumes watch " + std::to_string(old.id) + " from " + std::to_string(start) +
                                           ", expected " + std::to_string(due.value_or(0)));
    return false;
  }

  void take(const Delivery& delivery) {
    pb::WatchResponse response;
    if (!pb::decode(delivery.response, response)) {
      return blame(ViolationKind::kWatchEvent, "got bytes that are no response");
    }
    const Revision told = response.header ? response.header->revision : 0;
    const Revision sure = timeline_.sure_revision(watch_.begin);
    if (told > sure || (!response.events.empty() && response.events.back().kv.mod_revision > sure)) {
      forgiven_ = ended_ = true;
      return;
    }
    if (told > model_.revision_at(timeline_.ceiling(delivery.at))) {
      return blame(ViolationKind::kWatchEvent, "was told of revision " + std::to_string(told) + " at " +
                                                   text_of(delivery.at) + ", before that was proposed");
    }
    if (response.created) return create(response, told);
    if (!created_) return blame(ViolationKind::kWatchOrder, "got something before it was created");
    if (response.canceled) return cancel(response, delivery.at);
    if (!response.events.empty()) return take_events(response, told, delivery.at);
    progress(told);
  }

  void create(const pb::WatchResponse& response, Revision told) {
    if (created_) return blame(ViolationKind::kWatchOrder, "was created twice");
    created_ = true;
    if (response.canceled) {
      ended_ = true;
      const bool allowed = watch_.start_revision < 0 || range_of(watch_).never() ||
                           response.cancel_reason.find("duplicate") != std::string_view::npos;
      if (!allowed) blame(ViolationKind::kWatchCancel, "was refused: " + std::string(response.cancel_reason));
    } else if (watch_.start_revision == 0) {
      begin(told + 1);
    }
  }

  void cancel(const pb::WatchResponse& response, MonoTime at) {
    ended_ = true;
    const Revision compacted = response.compact_revision;
    if (compacted == 0) {
      if (!watch_.to_the_end) return;
      return blame(ViolationKind::kWatchCancel, "was cancelled: " + std::string(response.cancel_reason));
    }
    const Index ceiling = timeline_.ceiling(at);
    bool happened = false;
    for (Index index = 1; index <= ceiling && !happened; ++index) happened = model_.compacted_at(index) == compacted;
    // A compaction may be among what was cut.
    if (!happened && timeline_.forgiven_after(watch_.begin)) {
      forgiven_ = true;
      return;
    }
    if (!happened || compacted <= next_) {
      return blame(ViolationKind::kWatchCancel, "was cancelled with compact revision " + std::to_string(compacted) +
                                                    " while it needed " + std::to_string(next_) +
                                                    "; compacted by then at most " +
                                                    std::to_string(model_.compacted_at(ceiling)));
    }
    compacted_ = compacted;
  }

  void progress(Revision told) {
    if (position_ < expected_.size() && expected_[position_]->mod_revision <= told) {
      return blame(ViolationKind::kWatchProgress,
                   "was told progress to " + std::to_string(told) + " without " + text_of(*expected_[position_]));
    }
    next_ = std::max(next_, told + 1);
  }

  void take_events(const pb::WatchResponse& response, Revision told, MonoTime at) {
    if (response.fragment && !watch_.fragment) {
      return blame(ViolationKind::kWatchOrder, "got a fragment that it did not ask for");
    }
    for (const pb::Event& event : response.events) {
      take_event(event, at);
      if (ended_) return;
    }
    const Revision last = response.events.back().kv.mod_revision;
    if (told < last) {
      return blame(ViolationKind::kWatchOrder,
                   "got an event of revision " + std::to_string(last) + " under a header of " + std::to_string(told));
    }
    if (response.fragment) return;
    if (position_ < expected_.size() && expected_[position_]->mod_revision == last) {
      return blame(ViolationKind::kWatchOrder, "got revision " + std::to_string(last) + " split: the answer lacks " +
                                                   text_of(*expected_[position_]));
    }
    next_ = last + 1;
  }

  void take_event(const pb::Event& event, MonoTime at) {
    const Revision revision = event.kv.mod_revision;
    const Revision before = position_ == 0 ? 0 : expected_[position_ - 1]->mod_revision;
    if (revision < std::max(next_, before)) {
      return blame(ViolationKind::kWatchOrder, "got again or out of order " + text_of(event) + ", after revision " +
                                                   std::to_string(std::max(next_ - 1, before)));
    }
    if (position_ == expected_.size() || expected_[position_]->mod_revision > revision) {
      return blame(ViolationKind::kWatchEvent, "got " + text_of(event) + ", which did not happen or is not its");
    }
    const Change& change = *expected_[position_];
    if (change.mod_revision < revision) {
      return blame(ViolationKind::kWatchGap, "missed " + text_of(change) + "; next came " + text_of(event));
    }
    pb::Event want;
    want.type = change.version == 0 ? pb::EventType::kDelete : pb::EventType::kPut;
    want.kv = kv_of(change);
    if (event.type != want.type || pb::encode(event.kv) != pb::encode(want.kv)) {
      return blame(ViolationKind::kWatchEvent, "got " + text_of(event) + ", expected " + text_of(change));
    }
    ++position_;
    check_previous(event, change, at);
  }

  // Left out for what is created; may be left out once the revision itself is compacted.
  void check_previous(const pb::Event& event, const Change& change, MonoTime at) {
    const bool creation = change.version != 0 && change.create_revision == change.mod_revision;
    const Change* before = watch_.prev_kv && !creation ? model_.before(change.key, change.mod_revision) : nullptr;
    if (!event.prev_kv) {
      if (!before || model_.compacted_at(timeline_.ceiling(at)) >= change.mod_revision) return;
      if (timeline_.forgiven_after(watch_.begin)) return;  // a compaction may be among what was cut
      return blame(ViolationKind::kWatchEvent,
                   "got " + text_of(event) + " without what was before: " + text_of(*before));
    }
    if (before && pb::encode(*event.prev_kv) == pb::encode(kv_of(*before))) return;
    blame(ViolationKind::kWatchEvent, "got " + text_of(event) + ", but before was " +
                                          (before ? text_of(*before) : std::string("nothing that it may be told")));
  }

  const Watch& watch_;
  const Timeline& timeline_;
  const Model& model_;
  Violations& out_;
  std::vector<const Change*> expected_;  // from the start on
  size_t position_ = 0;                  // in it: what comes next
  Revision next_ = 0;                    // everything below was told whole; 0: the start is not known
  Revision compacted_ = 0;               // that it was cancelled with
  bool created_ = false, ended_ = false, broken_ = false, forgiven_ = false;
};

}  // namespace

void check_watches(const History& history, const Timeline& timeline, Violations& out) {
  std::map<uint64_t, WatchJudge> judges;
  for (const Watch& watch : history.watches) {
    const auto [at, fresh] = judges.emplace(std::piecewise_construct, std::forward_as_tuple(watch.id),
                                            std::forward_as_tuple(watch, timeline, out));
    const std::string name = "history: watch " + std::to_string(watch.id);
    if (!fresh) {
      out.push_back({ViolationKind::kHistory, name + " is there twice"});
      continue;
    }
    const auto earlier = judges.find(watch.resumes);
    if (watch.resumes != 0 && (earlier == judges.end() || earlier == at)) {
      out.push_back({ViolationKind::kHistory, name + " resumes one that does not stand before it"});
      continue;
    }
    at->second.run(watch.resumes == 0 ? nullptr : &earlier->second);
  }
}

}  // namespace quorate::sim
