// machine/members.h: who is in the cluster, and the version that all of them speak.
//
// Loop:    core. Source: peer protocol, section 3.4; v3 API, section 9.
// Invariant: ordered by id; a removed id never comes back.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "pb/raft.h"

namespace quorate::machine {

struct Member {
  MemberId id = 0;
  std::vector<std::string> peer_urls;  // sorted
  bool learner = false;
  std::string name;                      // empty: not started yet
  std::vector<std::string> client_urls;  // sorted
  friend bool operator==(const Member&, const Member&) = default;
};

class Members {
 public:
  Members() = default;
  // At most so many learners (--max-learners); part of what decides, so equal on all members.
  explicit Members(size_t max_learners) : max_learners_(max_learners) {}

  // Validates and applies a change whose context is the member's JSON (peer protocol 3.4).
  // Errors: MemberNotFound (also for a removed one), MemberExist, PeerURLExist, TooManyLearners,
  // MemberNotLearner, Internal for a context that is none.
  Status apply(const pb::ConfChange& change);
  // Unknown members are ignored.
  void set_attributes(MemberId id, std::string name, std::vector<std::string> client_urls);
  void set_cluster_version(std::string version) { cluster_version_ = std::move(version); }

  const std::map<MemberId, Member>& all() const { return members_; }
  const Member* find(MemberId id) const;
  bool removed(MemberId id) const { return removed_.contains(id); }
  const std::set<MemberId>& all_removed() const { return removed_; }
  // Replaces everything by what an image holds.
  void load(std::map<MemberId, Member> members, std::set<MemberId> removed, std::string cluster_version) {
    members_ = std::move(members);
    removed_ = std::move(removed);
    cluster_version_ = std::move(cluster_version);
  }
  // "3.7.0", or empty while undecided.
  const std::string& cluster_version() const { return cluster_version_; }

 private:
  Status add(Member member);
  bool peer_url_taken(const std::vector<std::string>& urls, MemberId by_others_than) const;

  std::map<MemberId, Member> members_;
  std::set<MemberId> removed_;
  std::string cluster_version_;
  size_t max_learners_ = 1;
};

// The context of a conf change that adds `member`: its JSON, as etcd writes it.
std::string member_json(const Member& member);

}  // namespace quorate::machine
