#include "cmd/ctl/endpoints.h"

#include "rpc.pb.h"

namespace quorate::cmd::ctl {

std::expected<std::vector<std::string>, int> endpoints_of(Invocation& invocation, Session& session) {
  if (!invocation.flags.on("cluster")) return invocation.global.endpoints;
  etcdserverpb::MemberListRequest request;
  request.set_linearizable(true);
  const auto members = session.call_generated<etcdserverpb::MemberListResponse>(
      session.channel(), "/etcdserverpb.Cluster/MemberList", request, invocation.limits(true));
  if (!members) {
    return std::unexpected(invocation.error(
        kExitError, "failed to fetch endpoints from etcd cluster member list: " + error_text(members.error())));
  }
  std::vector<std::string> endpoints;
  for (const etcdserverpb::Member& member : members->members()) {
    endpoints.insert(endpoints.end(), member.clienturls().begin(), member.clienturls().end());
  }
  return endpoints;
}

}  // namespace quorate::cmd::ctl
