// base/ids.h: the numbers of the protocol, by the names that the field uses for them.
//
// Threads: any. Source: spec of the peer protocol (ids) and of the v3 API (revisions).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quorate {

using Term = uint64_t;      // Raft term; 0 = none yet
using Index = uint64_t;     // position in the Raft log; the first entry is 1
using MemberId = uint64_t;  // 0 = none
using ClusterId = uint64_t;
using Revision = int64_t;    // MVCC main revision; a fresh store is at 1
using LeaseId = int64_t;     // 0 = no lease
using RequestId = uint64_t;  // unique in the cluster, see RequestIds

// The id of a bootstrap member: SHA-1 over its sorted peer URLs and the cluster token, first 8 bytes BE.
// A member added at run time passes the decimal unix second as `now_s` and an empty token.
MemberId member_id_of(std::vector<std::string> peer_urls, std::string_view token, std::string_view now_s = {});

// The id of a cluster: SHA-1 over its bootstrap members' ids (8 bytes BE each, ascending), first 8 bytes BE.
ClusterId cluster_id_of(std::vector<MemberId> members);

// Lower-case hex without leading zeros, as ids appear in texts.
std::string hex(uint64_t id);

// Hands out request ids: 16 bits of member id, 40 bits of unix milliseconds, 8 bits (and overflow) of count.
class RequestIds {
 public:
  RequestIds(MemberId member, uint64_t unix_ms) : prefix_(member << 48), suffix_((unix_ms & 0xffffffffffu) << 8) {}
  RequestId next() { return prefix_ | (++suffix_ & 0xffffffffffffu); }

 private:
  uint64_t prefix_;
  uint64_t suffix_;
};

}  // namespace quorate
