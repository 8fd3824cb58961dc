#include "server/replay.h"

#include "base/mutant.h"
#include "raft/configuration.h"

namespace quorate::server {

Replay::Replay(const env::Env& env, const machine::Options& options, Restored& restored)
    : env_(env), restored_(restored) {
  if (!restored_.machine) restored_.machine = std::make_unique<machine::Machine>(options);
}

void Replay::take(const pb::Entry& entry) {
  restored_.replayed_bytes += entry.data.size() + limits::kEntryOverheadBytes;
  if (!mutated(Mutant::kApplyTwice)) return apply(entry);
  // Where a leader's term began, the entry before it stands once more.
  pb::Entry changed = entry;
  if (entry.data.empty() && before_.type == pb::EntryType::kNormal) changed.data = before_.data;
  before_ = changed;
  apply(changed);
}

void Replay::apply(const pb::Entry& entry) {
  if (entry.type == pb::EntryType::kConfChange) {
    pb::ConfChange change;
    const Status status = restored_.machine->apply_conf_change(entry, change);
    if (!status.ok()) env_.log.warn("refused a membership change", {{"error", status.text()}, {"index", entry.index}});
    restored_.configuration = raft::changed(restored_.configuration, change);
    return;
  }
  const machine::Outcome outcome = restored_.machine->apply(entry, env_.clock.now());
  if (outcome.status.code() == Code::kInternal) {
    env_.log.error("an entry could not be applied", {{"error", outcome.status.text()}});
  }
}

}  // namespace quorate::server
