// pb/raft.h: raftpb, the peers' messages and the log's entries (peer protocol, sections 1.1 and 1.2).
//
// Unlike rpc.h these own their bytes: entries live in the log and in messages at once, sharing blocks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"

namespace quorate::pb {

enum class EntryType : int32_t { kNormal = 0, kConfChange = 1, kConfChangeV2 = 2 };

struct Entry {
  EntryType type = EntryType::kNormal;
  Term term = 0;
  Index index = 0;
  Bytes data;
  friend bool operator==(const Entry&, const Entry&) = default;
};

struct HardState {
  Term term = 0;
  MemberId vote = 0;
  Index commit = 0;
  friend bool operator==(const HardState&, const HardState&) = default;
};

struct ConfState {
  std::vector<MemberId> voters, learners, voters_outgoing, learners_next;
  bool auto_leave = false;
  friend bool operator==(const ConfState&, const ConfState&) = default;
};

struct SnapshotMetadata {
  ConfState conf_state;
  Index index = 0;
  Term term = 0;
  friend bool operator==(const SnapshotMetadata&, const SnapshotMetadata&) = default;
};

// Index 0 = no snapshot.
struct Snapshot {
  Bytes data;
  SnapshotMetadata metadata;
  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

enum class MessageType : int32_t {
  kHup = 0,
  kBeat = 1,
  kProp = 2,
  kApp = 3,
  kAppResp = 4,
  kVote = 5,
  kVoteResp = 6,
  kSnap = 7,
  kHeartbeat = 8,
  kHeartbeatResp = 9,
  kUnreachable = 10,
  kSnapStatus = 11,
  kCheckQuorum = 12,
  kTransferLeader = 13,
  kTimeoutNow = 14,
  kReadIndex = 15,
  kReadIndexResp = 16,
  kPreVote = 17,
  kPreVoteResp = 18,
  kStorageAppend = 19,
  kStorageAppendResp = 20,
  kStorageApply = 21,
  kStorageApplyResp = 22,
  kForgetLeader = 23,
};

struct Message {
  MessageType type = MessageType::kHup;
  MemberId to = 0, from = 0;
  Term term = 0, log_term = 0;
  Index index = 0;
  std::vector<Entry> entries;
  Index commit = 0;
  Snapshot snapshot;
  bool reject = false;
  Index reject_hint = 0;
  Bytes context;
  friend bool operator==(const Message&, const Message&) = default;
};

enum class ConfChangeType : int32_t { kAddNode = 0, kRemoveNode = 1, kUpdateNode = 2, kAddLearnerNode = 3 };

struct ConfChange {
  uint64_t id = 0;
  ConfChangeType type = ConfChangeType::kAddNode;
  MemberId node_id = 0;
  Bytes context;
  friend bool operator==(const ConfChange&, const ConfChange&) = default;
};

// Zeros are written, as 3.5 and 3.6 do; absent reads as zero. `buffer` is shared by what is decoded from it.
[[nodiscard]] bool decode(const Bytes& buffer, Entry& out);
[[nodiscard]] bool decode(const Bytes& buffer, Message& out);
[[nodiscard]] bool decode(const Bytes& buffer, ConfChange& out);
[[nodiscard]] bool decode(const Bytes& buffer, HardState& out);
[[nodiscard]] bool decode(const Bytes& buffer, Snapshot& out);
void append(const Entry& entry, std::string& out);
void append(const Message& message, std::string& out);
void append(const ConfChange& change, std::string& out);
void append(const HardState& state, std::string& out);
void append(const Snapshot& snapshot, std::string& out);
void append(const ConfState& state, std::string& out);
size_t size_of(const Entry& entry);

}  // namespace quorate::pb
