// Appends, acknowledgements, heartbeats and snapshots.
//
// Source: Ongaro, sections 3.5, 3.6, 3.10, 5; peer protocol, section 1.4.

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "raft/configuration.h"
#include "raft/core.h"

namespace quorate::raft {

const Progress* Core::progress_of(MemberId id) const {
  const auto at = std::lower_bound(peers_.begin(), peers_.end(), id,
                                   [](const Progress& peer, MemberId wanted) { return peer.id < wanted; });
  return at != peers_.end() && at->id == id ? &*at : nullptr;
}

Progress* Core::progress_of(MemberId id) { return const_cast<Progress*>(std::as_const(*this).progress_of(id)); }

Index Core::match_of(MemberId voter) const {
  if (voter == options_.id) return log_.durable();
  const Progress* peer = progress_of(voter);
  return peer ? peer->match : 0;
}

void Core::flush_appends() {
  appends_due_ = false;
  if (role_ != Role::kLeader) return;
  for (Progress& peer : peers_) {
    while (send_append(peer)) {}
  }
}

// Sends what the state of `peer` allows. True if more might be sent at once.
bool Core::send_append(Progress& peer) {
  if (peer.is_paused(options_.inflight_messages_max)) return false;
  const std::optional<Term> previous_term = log_.term_of(peer.next - 1);
  if (!previous_term) {
    send_snapshot(peer);
    return false;
  }
  const bool has_entries = peer.next <= log_.last();
  const bool has_news = peer.state == Progress::State::kProbe || peer.commit_sent < log_.commit();
  if (!has_entries && !has_news) return false;
  Message append = message_to(peer.id, MessageType::kApp);
  append.log_term = *previous_term;
  append.index = peer.next - 1;
  append.commit = peer.commit_sent = log_.commit();
  if (has_entries) append.entries = log_.slice(peer.next, log_.last() + 1, options_.message_bytes_max);
  peer.sent(append.index + append.entries.size());
  send(std::move(append));
  return true;
}

// Asks a follower whether everything sent so far arrived: if something was lost, it rejects.
void Core::send_empty_append(Progress& peer) {
  const std::optional<Term> previous_term = log_.term_of(peer.next - 1);
  if (!previous_term) return send_snapshot(peer);
  Message append = message_to(peer.id, MessageType::kApp);
  append.log_term = *previous_term;
  append.index = peer.next - 1;
  append.commit = log_.commit();
  send(std::move(append));
}

void Core::send_snapshot(Progress& peer) {
  if (!peer.recently_active) return;  // it could not take it
  const SnapshotMetadata& metadata = image_.metadata;
  if (metadata.index == 0 || metadata.index < log_.offset()) return;
  const ConfState members = normalised(metadata.conf_state);
  if (!is_voter(members, peer.id) && !is_learner(members, peer.id)) return;  // it would refuse it
  Message message = message_to(peer.id, MessageType::kSnap);
  message.snapshot = image_;
  peer.become_snapshot(image_.metadata.index);
  send(std::move(message));
}

void Core::broadcast_heartbeat() {
  Bytes context;
  if (!reads_.waiting.empty()) {
    std::string token(sizeof(uint64_t), '\0');
    for (size_t i = 0; i < token.size(); ++i) token[i] = static_cast<char>(reads_.last_token >> 8 * i);
    context = Bytes::adopt(std::move(token));
  }
  for (const Progress& peer : peers_) {
    // Never beyond what the follower is known to hold: real members stop at such a commit index.
    Message beat = message_to(peer.id, MessageType::kHeartbeat);
    beat.commit = std::min(peer.match, log_.commit());
    beat.context = context;
    send(std::move(beat));
  }
}

// Section 3.6.2: only an entry of the own term commits by counting; those before it commit with it.
void Core::advance_commit() {
  const Index index = reached_by_majority(conf_.voters, [this](MemberId voter) { return match_of(voter); });
  if (index <= log_.commit() || log_.term_of(index) != term_) return;
  log_.commit_to(index);
  appends_due_ = !peers_.empty();
}

void Core::acknowledge(MemberId leader, Index index) {
  Message response = message_to(leader, MessageType::kAppResp);
  response.index = index;
  send_after_persist(std::move(response));
}

void Core::on_append(Message& message) {
  if (message.index < log_.commit()) {
    acknowledge(message.from, log_.commit());
    return;
  }
  if (!log_.matches(message.index, message.log_term)) {
    const Index hint = log_.last_at_or_below_term(message.index, message.log_term);
    Message response = message_to(message.from, MessageType::kAppResp);
    response.reject = true;
    response.index = message.index;
    response.reject_hint = hint;
    response.log_term = *log_.term_of(hint);
    send_after_persist(std::move(response));
    return;
  }
  const Index last_new = log_.merge(message.index, message.entries);
  forget_writes_above(log_.written());
  log_.commit_to(std::min(message.commit, last_new));
  acknowledge(message.from, last_new);
}

void Core::on_heartbeat(const Message& message) {
  if (message.commit <= log_.last()) log_.commit_to(message.commit);
  Message response = message_to(message.from, MessageType::kHeartbeatResp);
  response.context = message.context;
  send(std::move(response));
}

void Core::on_snapshot(Message& message) {
  const SnapshotMetadata& metadata = message.snapshot.metadata;
  const ConfState state = normalised(metadata.conf_state);
  const bool includes_us = is_voter(state, options_.id) || is_learner(state, options_.id);
  if (metadata.index <= log_.commit() || !includes_us) {
    acknowledge(message.from, log_.commit());
    return;
  }
  if (log_.matches(metadata.index, metadata.term)) {
    log_.commit_to(metadata.index);
    acknowledge(message.from, log_.commit());
    return;
  }
  log_.restore(metadata.index, metadata.term);
  forget_writes_above(0);
  configure(state);
  received_snapshot_ = std::move(message.snapshot);
  acknowledge(message.from, log_.last());
}

void Core::on_append_response(const Message& message) {
  Progress& peer = *progress_of(message.from);
  peer.recently_active = true;
  if (message.reject) {
    const Index probe =
        message.log_term > 0 ? log_.last_at_or_below_term(message.reject_hint, message.log_term) : message.reject_hint;
    if (peer.back_up(message.index, probe)) appends_due_ = true;
    return;
  }
  if (message.index > log_.last()) return;
  const bool is_news = peer.acknowledge(message.index);
  if (!is_news && !(peer.state == Progress::State::kProbe && peer.match == message.index)) return;
  switch (peer.state) {
    case Progress::State::kProbe: peer.become_replicate(); break;
    case Progress::State::kReplicate: peer.free_inflight(message.index); break;
    case Progress::State::kSnapshot:
      if (peer.match + 1 >= log_.first()) {
        peer.become_probe();
        peer.become_replicate();
      }
      break;
  }
  appends_due_ = true;
  advance_commit();
  if (message.from == transferee_ && peer.match == log_.last())
    send(message_to(message.from, MessageType::kTimeoutNow));
}

void Core::on_heartbeat_response(const Message& message) {
  Progress& peer = *progress_of(message.from);
  peer.recently_active = true;
  peer.probe_sent = false;
  if (peer.state == Progress::State::kReplicate && peer.match < log_.last()) send_empty_append(peer);
  appends_due_ = true;
  if (message.context.size() != sizeof(uint64_t)) return;
  uint64_t token = 0;
  for (size_t i = 0; i < sizeof(token); ++i) {
    token |= uint64_t{static_cast<uint8_t>(message.context.data()[i])} << 8 * i;
  }
  if (token > reads_.last_token) return;
  peer.read_token = std::max(peer.read_token, token);
  resolve_reads();
}

void Core::report_unreachable(MemberId id) {
  Progress* peer = progress_of(id);
  if (role_ == Role::kLeader && peer && peer->state == Progress::State::kReplicate) peer->become_probe();
}

void Core::report_snapshot(MemberId id, bool sent) {
  Progress* peer = progress_of(id);
  if (role_ != Role::kLeader || !peer || peer->state != Progress::State::kSnapshot) return;
  if (!sent) peer->pending_snapshot = 0;
  peer->become_probe();
  peer->probe_sent = true;  // until it acknowledges the image, or answers a heartbeat
}

// Section 3.10.
void Core::transfer_leadership(MemberId to) {
  if (role_ == Role::kLeader) {
    hand_over(to);
  } else if (leader_ != 0) {
    Message request = message_to(leader_, MessageType::kTransferLeader);
    request.from = to;
    send(std::move(request));
  }
}

void Core::hand_over(MemberId to) {
  const Progress* peer = progress_of(to);
  if (!peer || peer->learner || transferee_ == to) return;
  transferee_ = to;
  election_elapsed_ticks_ = 0;  // it has one election timeout
  if (peer->match == log_.last()) {
    send(message_to(to, MessageType::kTimeoutNow));
  } else {
    appends_due_ = true;
  }
}

}  // namespace quorate::raft
