// Terms, roles, votes and timeouts.
//
// Source: Ongaro, sections 3.4 (election), 6.2 (check quorum), 9.6 (pre-vote); peer protocol, section 1.4.

#include <utility>

#include "base/check.h"
#include "raft/configuration.h"
#include "raft/core.h"

namespace quorate::raft {

void Core::reset(Term term) {
  if (term != term_) {
    CHECK(term > term_);
    term_ = term;
    vote_ = 0;
  }
  leader_ = 0;
  election_elapsed_ticks_ = 0;
  heartbeat_elapsed_ticks_ = 0;
  election_timeout_ticks_ = static_cast<uint32_t>(options_.election_ticks + prng_.below(options_.election_ticks));
  own_ballot_ = Ballot::kNone;
  transferee_ = 0;
  pending_conf_index_ = 0;
  appends_due_ = false;
  for (Progress& peer : peers_) peer.reset(log_.last());
  fail_reads();
}

void Core::become_follower(Term term, MemberId leader) {
  reset(term);
  role_ = Role::kFollower;
  leader_ = leader;
}

void Core::become_leader() {
  CHECK(role_ == Role::kCandidate);
  reset(term_);
  role_ = Role::kLeader;
  leader_ = options_.id;
  // Some entry not applied yet may be a change of members: propose none before all of them are.
  pending_conf_index_ = log_.last();
  // Section 3.6.2: older entries commit only under one of the own term, so there is one at once.
  append_as_leader({});
}

bool Core::is_promotable() const { return is_voter(conf_, options_.id) && log_.applied() >= log_.offset(); }

void Core::campaign() { try_to_campaign(options_.pre_vote ? Campaign::kPreElection : Campaign::kElection); }

void Core::try_to_campaign(Campaign campaign) {
  if (role_ == Role::kLeader || !is_promotable()) return;
  // The configuration in force is not known before committed changes are applied.
  if (log_.has_conf_change(log_.applied(), log_.commit())) return;
  start(campaign);
}

void Core::start(Campaign campaign) {
  const bool pre = campaign == Campaign::kPreElection;
  if (pre) {
    role_ = Role::kPreCandidate;
    leader_ = 0;
    fail_reads();  // there is nobody left to ask
    for (Progress& peer : peers_) peer.ballot = Ballot::kNone;
    own_ballot_ = Ballot::kGranted;
  } else {
    reset(term_ + 1);
    role_ = Role::kCandidate;
    vote_ = options_.id;
    own_ballot_ = Ballot::kNone;  // counts once it is durable: persisted()
  }
  for (const Progress& peer : peers_) {
    if (peer.learner) continue;
    Message request = message_to(peer.id, pre ? MessageType::kPreVote : MessageType::kVote);
    request.term = pre ? term_ + 1 : term_;
    request.log_term = log_.last_term();
    request.index = log_.last();
    if (campaign == Campaign::kTransfer) request.context = Bytes::copy("CampaignTransfer");
    // Not before the log that it boasts of and the own vote are durable: after a crash the same term could
    // be campaigned for again with a shorter log, and the answers to this request would count.
    send_after_persist(std::move(request));
  }
  count_ballots();
}

void Core::count_ballots() {
  const auto ballot_of = [this](MemberId voter) {
    if (voter == options_.id) return own_ballot_;
    const Progress* peer = progress_of(voter);
    return peer ? peer->ballot : Ballot::kNone;
  };
  switch (tally(conf_.voters, ballot_of)) {
    case Verdict::kWon:
      if (role_ == Role::kPreCandidate) {
        start(Campaign::kElection);
      } else {
        become_leader();
      }
      break;
    case Verdict::kLost: become_follower(term_, 0); break;
    case Verdict::kPending: break;
  }
}

void Core::on_vote_request(const Message& message) {
  const bool pre = message.type == MessageType::kPreVote;
  const bool is_free = vote_ == message.from || (vote_ == 0 && leader_ == 0) || (pre && message.term > term_);
  const bool granted = is_free && log_.is_up_to_date(message.index, message.log_term);
  Message response = message_to(message.from, pre ? MessageType::kPreVoteResp : MessageType::kVoteResp);
  response.reject = !granted;
  if (granted) response.term = message.term;
  if (granted && !pre) {
    election_elapsed_ticks_ = 0;
    vote_ = message.from;
  }
  send_after_persist(std::move(response));
}

void Core::on_vote_response(const Message& message) {
  Progress* peer = progress_of(message.from);
  if (!peer || peer->ballot != Ballot::kNone) return;
  peer->ballot = message.reject ? Ballot::kRejected : Ballot::kGranted;
  count_ballots();
}

void Core::tick_as_follower() {
  ++election_elapsed_ticks_;
  age_reads();
  if (!is_promotable() || election_elapsed_ticks_ < election_timeout_ticks_) return;
  election_elapsed_ticks_ = 0;
  campaign();
}

void Core::tick_as_leader() {
  ++heartbeat_elapsed_ticks_;
  ++election_elapsed_ticks_;
  if (election_elapsed_ticks_ >= options_.election_ticks) {
    election_elapsed_ticks_ = 0;
    transferee_ = 0;  // section 3.10: a hand-over that takes longer has failed
    if (!is_voter(conf_, options_.id)) return become_follower(term_, 0);  // section 4.2.2
    if (options_.check_quorum) check_quorum();
  }
  if (role_ != Role::kLeader || heartbeat_elapsed_ticks_ < options_.heartbeat_ticks) return;
  heartbeat_elapsed_ticks_ = 0;
  broadcast_heartbeat();
}

void Core::check_quorum() {
  const auto heard_of = [this](MemberId voter) {
    if (voter == options_.id) return Ballot::kGranted;
    const Progress* peer = progress_of(voter);
    return peer && peer->recently_active ? Ballot::kGranted : Ballot::kRejected;
  };
  const bool has_quorum = tally(conf_.voters, heard_of) == Verdict::kWon;
  for (Progress& peer : peers_) peer.recently_active = false;
  if (!has_quorum) become_follower(term_, 0);
}

}  // namespace quorate::raft
