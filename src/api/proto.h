// api/proto.h: between our types and the generated messages of the rarer calls.
//
// Loop: core.
#pragma once

#include <string>

#include "api/back.h"
#include "rpc.pb.h"

namespace quorate::api {

inline void fill_header(etcdserverpb::ResponseHeader& out, const pb::ResponseHeader& header) {
  out.set_cluster_id(header.cluster_id);
  out.set_member_id(header.member_id);
  out.set_revision(header.revision);
  out.set_raft_term(header.raft_term);
}

template <class Message>
bool parse(const Bytes& bytes, Message& out) {
  return out.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

}  // namespace quorate::api
