#include "raft/core.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "raft/configuration.h"

namespace quorate::raft {
namespace {

constexpr std::string_view kTransferContext = "CampaignTransfer";

bool is_response(MessageType type) {
  return type == MessageType::kAppResp || type == MessageType::kVoteResp || type == MessageType::kHeartbeatResp ||
         type == MessageType::kReadIndexResp || type == MessageType::kPreVoteResp;
}

bool comes_from_leader(MessageType type) {
  return type == MessageType::kApp || type == MessageType::kHeartbeat || type == MessageType::kSnap;
}

// Whether the entries of an append follow its previous index without a gap.
bool are_contiguous(const Message& message) {
  Index expected = message.index;
  for (const Entry& entry : message.entries) {
    if (entry.index != ++expected || entry.term > message.term) return false;
  }
  return true;
}

Log::Start log_start_of(Initial& initial) {
  return {.offset = initial.snapshot_index,
          .offset_term = initial.snapshot_term,
          .commit = initial.hard_state.commit,
          .applied = initial.applied,
          .entries = std::move(initial.entries)};
}

}  // namespace

Core::Core(const Options& options, Initial initial)
    : options_(options),
      prng_(options.seed ^ options.id * 0x9e3779b97f4a7c15u),
      term_(initial.hard_state.term),
      vote_(initial.hard_state.vote),
      durable_term_(initial.hard_state.term),
      durable_vote_(initial.hard_state.vote),
      log_(log_start_of(initial)) {
  CHECK(options.id != 0 && options.election_ticks > options.heartbeat_ticks && options.heartbeat_ticks > 0);
  reads_.last_token = prng_.next() >> 1;
  configure(std::move(initial.conf_state));
  reset(term_);
  told_hard_state_ = hard_state();
}

void Core::tick() {
  if (role_ == Role::kLeader) {
    tick_as_leader();
  } else {
    tick_as_follower();
  }
}

void Core::step(Message message) {
  if (!is_acceptable(message)) return;
  if (message.term > term_) {
    if (!survives_higher_term(message)) return;
  } else if (message.term != 0 && message.term < term_) {
    answer_lower_term(message);
    return;
  }
  if (message.type == MessageType::kVote || message.type == MessageType::kPreVote) {
    on_vote_request(message);
    return;
  }
  switch (role_) {
    case Role::kLeader: step_as_leader(message); break;
    case Role::kPreCandidate:
    case Role::kCandidate: step_as_candidate(message); break;
    case Role::kFollower: step_as_follower(message); break;
  }
}

bool Core::is_acceptable(const Message& message) const {
  if (message.from == 0 || message.from == options_.id || message.to != options_.id) return false;
  if (is_response(message.type) && !progress_of(message.from)) return false;
  switch (message.type) {
    case MessageType::kProp:
    case MessageType::kReadIndex: return message.term == 0 && !message.entries.empty();
    case MessageType::kApp: return message.term != 0 && are_contiguous(message);
    case MessageType::kSnap: return message.term != 0 && message.snapshot.metadata.index != 0;
    case MessageType::kAppResp:
    case MessageType::kVote:
    case MessageType::kVoteResp:
    case MessageType::kHeartbeat:
    case MessageType::kHeartbeatResp:
    case MessageType::kTransferLeader:
    case MessageType::kTimeoutNow:
    case MessageType::kReadIndexResp:
    case MessageType::kPreVote:
    case MessageType::kPreVoteResp: return message.term != 0;
    default: return false;
  }
}

// Section 4.2.3: who hears from a leader does not help to depose it. False if the message ends here.
bool Core::survives_higher_term(const Message& message) {
  const bool asks_for_vote = message.type == MessageType::kVote || message.type == MessageType::kPreVote;
  const bool in_lease = options_.check_quorum && leader_ != 0 && election_elapsed_ticks_ < options_.election_ticks;
  if (asks_for_vote && in_lease && message.context.view() != kTransferContext) return false;
  if (message.type == MessageType::kPreVote) return true;
  if (message.type == MessageType::kPreVoteResp && !message.reject) return true;
  become_follower(message.term, comes_from_leader(message.type) ? message.from : 0);
  return true;
}

// A sender that missed a term must learn of it, or a member that rejoins with a higher one stays stuck.
void Core::answer_lower_term(const Message& message) {
  const bool can_be_stuck = options_.check_quorum || options_.pre_vote;
  if (can_be_stuck && (message.type == MessageType::kHeartbeat || message.type == MessageType::kApp)) {
    send_after_persist(message_to(message.from, MessageType::kAppResp));
  } else if (message.type == MessageType::kPreVote) {
    Message response = message_to(message.from, MessageType::kPreVoteResp);
    response.reject = true;
    send_after_persist(std::move(response));
  }
}

void Core::step_as_leader(Message& message) {
  switch (message.type) {
    case MessageType::kProp: on_proposal(message); break;
    case MessageType::kAppResp: on_append_response(message); break;
    case MessageType::kHeartbeatResp: on_heartbeat_response(message); break;
    case MessageType::kTransferLeader: hand_over(message.from); break;
    case MessageType::kReadIndex: on_read_request(message); break;
    default: break;
  }
}

void Core::step_as_candidate(Message& message) {
  const auto awaited = role_ == Role::kPreCandidate ? MessageType::kPreVoteResp : MessageType::kVoteResp;
  if (message.type == awaited) {
    on_vote_response(message);
  } else if (comes_from_leader(message.type)) {
    become_follower(message.term, message.from);
    step_as_follower(message);
  }
}

void Core::step_as_follower(Message& message) {
  switch (message.type) {
    case MessageType::kProp: on_proposal(message); break;
    case MessageType::kApp:
      follow(message);
      on_append(message);
      break;
    case MessageType::kHeartbeat:
      follow(message);
      on_heartbeat(message);
      break;
    case MessageType::kSnap:
      follow(message);
      on_snapshot(message);
      break;
    case MessageType::kTransferLeader:
    case MessageType::kReadIndex:
      if (leader_ == 0 || leader_ == message.from) return;
      message.to = leader_;
      send(std::move(message));
      break;
    case MessageType::kTimeoutNow: try_to_campaign(Campaign::kTransfer); break;
    case MessageType::kReadIndexResp: on_read_response(message); break;
    default: break;
  }
}

void Core::follow(const Message& message) {
  election_elapsed_ticks_ = 0;
  leader_ = message.from;
}

Result<Proposed> Core::propose(Bytes data) {
  return propose_entry({.type = EntryType::kNormal, .data = std::move(data)});
}

Result<Proposed> Core::propose_entry(Entry entry) {
  if (role_ == Role::kLeader) {
    if (!accepts_proposals()) return fail(errors::NoLeader());
    const Index index = append_as_leader(std::move(entry));
    return Proposed{.term = term_, .index = index};
  }
  if (leader_ == 0) return fail(errors::NoLeader());
  Message message = message_to(leader_, MessageType::kProp);
  message.entries.push_back(std::move(entry));
  send(std::move(message));
  return Proposed{};
}

// A leader that hands over takes nothing more (section 3.10), nor one that is no longer a member.
bool Core::accepts_proposals() const { return transferee_ == 0 && is_voter(conf_, options_.id); }

void Core::on_proposal(Message& message) {
  if (role_ == Role::kLeader) {
    if (!accepts_proposals()) return;
    for (Entry& entry : message.entries) append_as_leader(std::move(entry));
  } else if (leader_ != 0 && leader_ != message.from) {
    message.to = leader_;
    send(std::move(message));
  }
}

Index Core::append_as_leader(Entry entry) {
  entry.term = term_;
  if (entry.type != EntryType::kNormal) {
    // A joint change is fatal to members of the protocol's origin: it never enters the log.
    if (entry.type == EntryType::kConfChange && pending_conf_index_ <= log_.applied()) {
      pending_conf_index_ = log_.last() + 1;
    } else {
      entry.type = EntryType::kNormal;
      entry.data = Bytes();
    }
  }
  appends_due_ = !peers_.empty();
  return log_.append(std::move(entry));
}

Message Core::message_to(MemberId to, MessageType type) {
  Message message;
  message.type = type;
  message.to = to;
  return message;
}

void Core::send(Message message) {
  const bool carries_term = message.type != MessageType::kProp && message.type != MessageType::kReadIndex;
  if (message.from == 0) message.from = options_.id;
  if (message.term == 0 && carries_term) message.term = term_;
  messages_.push_back(std::move(message));
}

void Core::send_after_persist(Message message) {
  message.from = options_.id;
  if (message.term == 0) message.term = term_;
  after_persist_.push_back(std::move(message));
}

}  // namespace quorate::raft
