// api/proto.h: between our types and the generated messages of the rarer calls.
//
// Loop: core.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/back.h"
#include "rpc.pb.h"

namespace quorate::api {

inline void fill_header(etcdserverpb::ResponseHeader& out, const pb::ResponseHeader& header) {
  out.set_cluster_id(header.cluster_id);
  out.set_member_id(header.member_id);
  out.set_revision(header.revision);
  out.set_raft_term(header.raft_term);
}

// The numbers and texts of one message in their shortest form; other fields, which no message here has, are left out.
// Nothing for bytes that are no message to Go.
std::optional<std::string> canonical(std::string_view bytes);

// Go decides what is a message, as for our own codecs: C++ takes numbers that do not fit, and no long forms of tags.
template <class Message>
bool parse(const Bytes& bytes, Message& out) {
  const std::optional<std::string> fields = canonical(bytes.view());
  return fields && out.ParseFromString(*fields);
}

}  // namespace quorate::api
