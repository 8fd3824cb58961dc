#include "cmd/ctl/commands.h"
#include "cmd/ctl/endpoints.h"
#include "env/log_format.h"
#include "rpc.pb.h"

namespace quorate::cmd::ctl {
namespace {

// Members one after the other, whatever becomes of those before.
int run_defrag(Invocation& invocation) {
  auto session = invocation.connect(kSimpleOnly);
  if (!session) return session.error();
  const auto endpoints = endpoints_of(invocation, **session);
  if (!endpoints) return endpoints.error();
  bool all = true;
  for (const std::string& endpoint : *endpoints) {
    const MonoTime began = (*session)->loop_env().clock.now();
    const auto answer =
        ask_endpoint<etcdserverpb::DefragmentResponse>(**session, endpoint, "/etcdserverpb.Maintenance/Defragment",
                                                       etcdserverpb::DefragmentRequest(), invocation.limits(true));
    const std::string took = env::duration_text((*session)->loop_env().clock.now() - began);
    if (answer) {
      invocation.out() << "Finished defragmenting etcd member[" << endpoint << "]. took " << took << "\n";
    } else {
      invocation.err() << "Failed to defragment etcd member[" << endpoint << "]. took " << took << ". ("
                       << error_text(answer.error()) << ")\n";
      all = false;
    }
  }
  return all ? kExitOk : kExitError;
}

}  // namespace

Command defrag_command() {
  return {.name = "defrag",
          .usage = "defrag",
          .summary = "Defragments the storage of the etcd members with given endpoints",
          .details = "",
          .group = "Cluster maintenance",
          .declare = [](FlagSet& flags) { flags.on_off("cluster", "use all endpoints from the cluster member list"); },
          .run = run_defrag};
}

}  // namespace quorate::cmd::ctl
