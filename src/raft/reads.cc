#include "raft/reads.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "raft/core.h"
#include "raft/quorum.h"

namespace quorate::raft {
namespace {

// Requests travel as eight bytes, most significant first.
Bytes encode_request(uint64_t token) {
  std::string text(sizeof(token), '\0');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(token >> 8 * (text.size() - 1 - i));
  return Bytes::adopt(std::move(text));
}

uint64_t decode_request(std::string_view text) {
  uint64_t token = 0;
  for (const char c : text) token = token << 8 | static_cast<uint8_t>(c);
  return token;
}

}  // namespace

void Core::read(ReadId id) {
  if (leader_ == 0) {
    failed_reads_.push_back(id);
  } else if (role_ == Role::kLeader && peers_.empty() && has_own_term_committed()) {
    resolved_reads_.push_back({.id = id, .index = log_.commit()});
  } else {
    reads_.fresh_own.push_back(id);
  }
}

void Core::on_read_request(Message& message) {
  if (reads_.foreign_held >= Reads::kForeignMax) return;
  ++reads_.foreign_held;
  reads_.fresh_foreign.push_back(std::move(message));
}

bool Core::can_flush_reads() const {
  if (!reads_.has_fresh()) return false;
  return role_ != Role::kLeader || has_own_term_committed();
}

void Core::flush_reads() {
  ReadBatch batch;
  batch.token = ++reads_.last_token;
  batch.index = log_.commit();
  batch.own = std::exchange(reads_.fresh_own, {});
  batch.foreign = std::exchange(reads_.fresh_foreign, {});
  if (role_ == Role::kLeader) {
    reads_.waiting.push_back(std::move(batch));
    broadcast_heartbeat();
    resolve_reads();
    return;
  }
  CHECK(leader_ != 0);
  Message request = message_to(leader_, MessageType::kReadIndex);
  request.entries.push_back({.data = encode_request(batch.token)});
  reads_.waiting.push_back(std::move(batch));
  send(std::move(request));
}

// Of a leader: batches whose token a majority has answered are linearizable at their index.
void Core::resolve_reads() {
  const uint64_t confirmed = reached_by_majority(conf_.voters, [this](MemberId voter) {
    if (voter == options_.id) return reads_.last_token;
    const Progress* peer = progress_of(voter);
    return peer ? peer->read_token : 0;
  });
  while (!reads_.waiting.empty() && reads_.waiting.front().token <= confirmed) {
    ReadBatch& batch = reads_.waiting.front();
    for (const ReadId id : batch.own) resolved_reads_.push_back({.id = id, .index = batch.index});
    for (Message& request : batch.foreign) {
      Message response = message_to(request.from, MessageType::kReadIndexResp);
      response.index = batch.index;
      response.entries = std::move(request.entries);
      send(std::move(response));
    }
    reads_.foreign_held -= batch.foreign.size();
    reads_.waiting.pop_front();
  }
}

void Core::on_read_response(const Message& message) {
  if (message.entries.size() != 1 || message.entries[0].data.size() != sizeof(uint64_t)) return;
  const uint64_t token = decode_request(message.entries[0].data.view());
  for (size_t i = 0; i < reads_.waiting.size(); ++i) {
    ReadBatch& batch = reads_.waiting[i];
    if (batch.token != token) continue;
    for (const ReadId id : batch.own) resolved_reads_.push_back({.id = id, .index = message.index});
    batch.own.clear();
  }
  while (!reads_.waiting.empty() && reads_.waiting.front().own.empty()) reads_.waiting.pop_front();
}

void Core::fail_reads() {
  const auto fail_all = [this](const std::vector<ReadId>& ids) {
    failed_reads_.insert(failed_reads_.end(), ids.begin(), ids.end());
  };
  for (size_t i = 0; i < reads_.waiting.size(); ++i) fail_all(reads_.waiting[i].own);
  fail_all(reads_.fresh_own);
  reads_.waiting.clear();
  reads_.fresh_own.clear();
  reads_.fresh_foreign.clear();
  reads_.foreign_held = 0;
}

// A request or its answer may be lost: after an election timeout its reads fail, to be asked again.
void Core::age_reads() {
  for (size_t i = 0; i < reads_.waiting.size(); ++i) ++reads_.waiting[i].age_ticks;
  while (!reads_.waiting.empty() && reads_.waiting.front().age_ticks >= options_.election_ticks) {
    const std::vector<ReadId>& ids = reads_.waiting.front().own;
    failed_reads_.insert(failed_reads_.end(), ids.begin(), ids.end());
    reads_.waiting.pop_front();
  }
}

}  // namespace quorate::raft
