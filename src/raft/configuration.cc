#include "raft/configuration.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace quorate::raft {
namespace {

bool contains(const std::vector<MemberId>& ascending, MemberId id) {
  return std::binary_search(ascending.begin(), ascending.end(), id);
}

void insert(std::vector<MemberId>& ascending, MemberId id) {
  const auto at = std::lower_bound(ascending.begin(), ascending.end(), id);
  if (at == ascending.end() || *at != id) ascending.insert(at, id);
}

void make_ascending(std::vector<MemberId>& ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

}  // namespace

pb::ConfState normalised(pb::ConfState state) {
  pb::ConfState out;
  out.voters = std::move(state.voters);
  out.learners = std::move(state.learners);
  make_ascending(out.voters);
  make_ascending(out.learners);
  std::erase_if(out.learners, [&out](MemberId id) { return contains(out.voters, id); });
  return out;
}

pb::ConfState changed(const pb::ConfState& state, const pb::ConfChange& change) {
  pb::ConfState out = state;
  const MemberId id = change.node_id;
  if (id == 0) return out;
  switch (change.type) {
    case pb::ConfChangeType::kAddNode:
      std::erase(out.learners, id);
      insert(out.voters, id);
      break;
    case pb::ConfChangeType::kAddLearnerNode:
      std::erase(out.voters, id);
      insert(out.learners, id);
      break;
    case pb::ConfChangeType::kRemoveNode:
      std::erase(out.voters, id);
      std::erase(out.learners, id);
      break;
    case pb::ConfChangeType::kUpdateNode: break;
  }
  if (out.voters.empty() && !state.voters.empty()) return state;
  return out;
}

bool is_voter(const pb::ConfState& state, MemberId id) { return contains(state.voters, id); }
bool is_learner(const pb::ConfState& state, MemberId id) { return contains(state.learners, id); }

}  // namespace quorate::raft
