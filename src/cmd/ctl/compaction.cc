#include "cmd/ctl/commands.h"
#include "cmd/ctl/go_text.h"

namespace quorate::cmd::ctl {
namespace {

int run_compaction(Invocation& invocation) {
  if (invocation.arguments.size() != 1)
    return invocation.error(kExitBadArguments, "compaction command needs 1 argument");
  const auto revision = parse_int(invocation.arguments[0], 10);
  if (!revision) return invocation.error(kExitError, revision.error().text());
  auto session = invocation.connect(kSimpleOnly);
  if (!session) return session.error();
  pb::CompactionRequest request;
  request.revision = *revision;
  request.physical = invocation.flags.on("physical");
  const auto reply =
      (*session)->call<pb::CompactionResponse>("/etcdserverpb.KV/Compact", request, invocation.limits(false));
  if (!reply) return invocation.error(reply.error());
  invocation.out() << "compacted revision " << *revision << "\n";
  return kExitOk;
}

}  // namespace

Command compaction_command() {
  return {.name = "compaction",
          .usage = "compaction [options] <revision>",
          .summary = "Compacts the event history in etcd",
          .details = "",
          .group = "Key-value",
          .declare =
              [](FlagSet& flags) {
                flags.on_off("physical", "'true' to wait for compaction to physically remove all old revisions");
              },
          .run = run_compaction};
}

}  // namespace quorate::cmd::ctl
