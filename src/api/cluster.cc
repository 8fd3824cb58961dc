// The Cluster service: etcdserverpb.Cluster (v3 API, section 9).
#include "api/proto.h"

namespace quorate::api::cluster {
namespace {

void answer(Back& back, const Responder& call) {
  etcdserverpb::MemberListResponse response;
  pb::ResponseHeader header = back.replica().header();
  header.revision = 0;  // membership has no revision (v3 API, section 3)
  fill_header(*response.mutable_header(), header);
  for (const auto& [id, member] : back.replica().machine().members().all()) {
    etcdserverpb::Member& out = *response.add_members();
    out.set_id(id);
    out.set_name(member.name);
    for (const std::string& url : member.peer_urls) out.add_peerurls(url);
    for (const std::string& url : member.client_urls) out.add_clienturls(url);
    out.set_islearner(member.learner);
  }
  call.reply(response.SerializeAsString());
}

}  // namespace

void member_list(Back& back, Responder call, Bytes message) {
  etcdserverpb::MemberListRequest request;
  if (!parse(message, request)) return call.fail(malformed_request());
  if (!request.linearizable()) return answer(back, call);
  back.replica().read([&back, call](const Status& status) {
    if (!status.ok()) return call.fail(status);
    answer(back, call);
  });
}

}  // namespace quorate::api::cluster
