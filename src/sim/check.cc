#include "sim/check.h"

#include <array>
#include <map>
#include <set>

#include "pb/codec.h"
#include "sim/text.h"
#include "sim/timeline.h"

namespace quorate::sim {

namespace {

void check_history(const History& history, Violations& out) {
  const auto blame = [&](const Operation& operation, const std::string& what) {
    out.push_back({ViolationKind::kHistory, "history: " + name_of(operation) + " " + what});
  };
  std::set<uint64_t> ids;
  std::map<uint32_t, const Operation*> before;
  MonoTime last = MonoTime::min();
  for (const Operation& operation : history.operations) {
    if (operation.id == 0 || !ids.insert(operation.id).second) blame(operation, "has an id that is 0 or another's");
    if (operation.begin < last) blame(operation, "was sent before the one that it stands behind");
    if (operation.end < operation.begin) blame(operation, "ended before it was sent");
    const Operation*& previous = before[operation.client];
    if (previous && previous->end > operation.begin) {
      blame(operation, "was sent while operation " + std::to_string(previous->id) + " was under way");
    }
    previous = &operation;
    last = operation.begin;
  }
}

}  // namespace

std::string_view violation_name(ViolationKind kind) {
  static constexpr std::array<std::string_view, 24> kNames = {
      "history",     "log",        "lost",         "phantom",      "repeated",     "answer",
      "term",        "revision",   "order",        "stale read",   "future read",  "wrong read",
      "watch order", "watch gap",  "watch event",  "watch resume", "watch cancel", "watch progress",
      "lease early", "lease late", "lease answer", "contents",     "budget",       "stuck"};
  return kNames.at(static_cast<size_t>(kind));
}

void check_contents(const History& history, const Model& model, Violations& out) {
  if (history.final_contents.empty()) return;
  pb::RangeRequest everything;
  everything.key = everything.range_end = std::string_view("\0", 1);
  const std::string request = pb::encode(everything);
  const std::string expected =
      model.ask({{.at = model.last_index(), .txn = false, .request = request}}).front().response;
  for (const FinalContents& contents : history.final_contents) {
    if (bare(Kind::kRange, contents.response) == expected) continue;
    pb::RangeResponse want, have;
    std::string text = "member " + std::to_string(contents.member) + " holds at the end: ";
    if (!pb::decode(expected, want) || !pb::decode(contents.response, have)) {
      out.push_back({ViolationKind::kContents, text + "bytes that are no answer"});
      continue;
    }
    size_t same = 0;
    while (same < want.kvs.size() && same < have.kvs.size() &&
           pb::encode(want.kvs[same]) == pb::encode(have.kvs[same])) {
      ++same;
    }
    const auto kv_at = [same](const pb::RangeResponse& response) {
      return same < response.kvs.size() ? text_of(response.kvs[same]) : std::string("no further key");
    };
    text += std::to_string(have.kvs.size()) + " keys at revision " +
            std::to_string(have.header ? have.header->revision : 0) + ", expected " + std::to_string(want.kvs.size()) +
            " at revision " + std::to_string(model.revision()) + "; first difference: " + kv_at(have) + ", expected " +
            kv_at(want);
    out.push_back({ViolationKind::kContents, std::move(text)});
  }
}

void check_progress(const History& history, const CheckOptions& options, Violations& out) {
  if (options.progress_bound == Duration()) return;
  for (const Operation& operation : history.operations) {
    const MonoTime due = operation.begin + options.progress_bound;
    if (operation.begin < history.healed_at || due > history.ended_at) continue;
    if (operation.answered && !leaves_open(operation.status) && operation.end <= due) continue;
    out.push_back({ViolationKind::kStuck, name_of(operation) + ", sent at " + text_of(operation.begin) +
                                              " after all was healed at " + text_of(history.healed_at) +
                                              ", had no answer by " + text_of(due)});
  }
}

Violations check(const History& history, const std::vector<pb::Entry>& log, const CheckOptions& options) {
  Violations out;
  check_history(history, out);
  const Model model(log, {.min_lease_ttl_s = options.min_lease_ttl_s});
  const Timeline timeline(history, model);
  check_durability(history, timeline, log, out);
  check_answers(history, timeline, out);
  check_order(history, timeline, out);
  check_reads(history, timeline, out);
  check_revisions(history, timeline, out);
  check_watches(history, timeline, out);
  check_leases(history, timeline, options, out);
  check_contents(history, model, out);
  check_progress(history, options, out);
  return out;
}

}  // namespace quorate::sim
