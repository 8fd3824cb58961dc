// Changes of the configuration, as they take effect.
//
// Source: Ongaro, section 4; peer protocol, sections 1.4 and 3.4.

#include <string>
#include <utility>
#include <vector>

#include "raft/configuration.h"
#include "raft/core.h"

namespace quorate::raft {

Result<Proposed> Core::propose_conf_change(const ConfChange& change) {
  std::string encoded;
  pb::append(change, encoded);
  return propose_entry({.type = EntryType::kConfChange, .data = Bytes::adopt(std::move(encoded))});
}

ConfState Core::apply_conf_change(const ConfChange& change) {
  ConfState next = changed(conf_, change);
  if (next == conf_) return conf_;
  // Who leaves should still be told that the change is committed.
  if (role_ == Role::kLeader) flush_appends();
  configure(std::move(next));
  if (role_ != Role::kLeader) return conf_;
  // A leader that no longer votes goes on for one election timeout, without counting itself and without
  // new proposals: the others must learn that the change is committed before they can elect by it.
  if (!is_voter(conf_, options_.id)) election_elapsed_ticks_ = 0;
  if (transferee_ != 0 && !is_voter(conf_, transferee_)) transferee_ = 0;
  appends_due_ = !peers_.empty();
  advance_commit();  // the majority may be smaller now
  resolve_reads();
  return conf_;
}

// Keeps what is known of members that stay. A new one counts as active at first, or its silence before it
// was told of the cluster would cost the leader its quorum.
void Core::configure(ConfState state) {
  conf_ = normalised(std::move(state));
  std::vector<Progress> before = std::exchange(peers_, {});
  const auto add = [&](MemberId id, bool learner) {
    if (id == options_.id) return;
    Progress peer;
    peer.id = id;
    peer.reset(log_.last());
    peer.recently_active = true;
    for (Progress& known : before) {
      if (known.id == id) peer = std::move(known);
    }
    peer.learner = learner;
    peers_.push_back(std::move(peer));
  };
  auto voter = conf_.voters.begin();
  auto learner = conf_.learners.begin();
  while (voter != conf_.voters.end() || learner != conf_.learners.end()) {
    const bool takes_voter = learner == conf_.learners.end() || (voter != conf_.voters.end() && *voter < *learner);
    add(takes_voter ? *voter++ : *learner++, !takes_voter);
  }
}

}  // namespace quorate::raft
