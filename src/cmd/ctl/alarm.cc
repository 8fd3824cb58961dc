#include "cmd/ctl/commands.h"
#include "cmd/ctl/session.h"
#include "rpc.pb.h"

namespace quorate::cmd::ctl {
namespace {

constexpr std::string_view kPath = "/etcdserverpb.Maintenance/Alarm";

using Alarms = std::vector<etcdserverpb::AlarmMember>;

Result<Alarms> ask(Invocation& invocation, Session& session, const etcdserverpb::AlarmRequest& request) {
  TRY(auto answer,
      session.call_generated<etcdserverpb::AlarmResponse>(session.channel(), kPath, request, invocation.limits(true)));
  return Alarms(answer.alarms().begin(), answer.alarms().end());
}

int print(Invocation& invocation, const Alarms& alarms) {
  for (const etcdserverpb::AlarmMember& alarm : alarms) {
    invocation.out() << "memberID:" << alarm.memberid() << " alarm:" << AlarmType_Name(alarm.alarm()) << "\n";
  }
  return kExitOk;
}

int run_list(Invocation& invocation) {
  if (!invocation.arguments.empty())
    return invocation.error(kExitBadArguments, "alarm list command accepts no arguments");
  auto session = invocation.connect(kSimpleOnly);
  if (!session) return session.error();
  const auto alarms = ask(invocation, **session, {});
  return alarms ? print(invocation, *alarms) : invocation.error(alarms.error());
}

// All that there are, one by one, as the server knows no way to disarm all.
int run_disarm(Invocation& invocation) {
  if (!invocation.arguments.empty())
    return invocation.error(kExitBadArguments, "alarm disarm command accepts no arguments");
  auto session = invocation.connect(kSimpleOnly);
  if (!session) return session.error();
  const auto alarms = ask(invocation, **session, {});
  if (!alarms) return invocation.error(alarms.error());
  Alarms disarmed;
  for (const etcdserverpb::AlarmMember& alarm : *alarms) {
    etcdserverpb::AlarmRequest request;
    request.set_action(etcdserverpb::AlarmRequest::DEACTIVATE);
    request.set_memberid(alarm.memberid());
    request.set_alarm(alarm.alarm());
    const auto told = ask(invocation, **session, request);
    if (!told) return invocation.error(told.error());
    disarmed.insert(disarmed.end(), told->begin(), told->end());
  }
  return print(invocation, disarmed);
}

}  // namespace

Command alarm_command() {
  Command alarm{.name = "alarm",
                .usage = "alarm <subcommand>",
                .summary = "Alarm related commands",
                .details = "",
                .group = "Cluster maintenance"};
  alarm.children.push_back({.name = "disarm",
                            .usage = "disarm",
                            .summary = "Disarms all alarms",
                            .details = "",
                            .group = "",
                            .declare = nullptr,
                            .run = run_disarm});
  alarm.children.push_back({.name = "list",
                            .usage = "list",
                            .summary = "Lists all alarms",
                            .details = "",
                            .group = "",
                            .declare = nullptr,
                            .run = run_list});
  return alarm;
}

}  // namespace quorate::cmd::ctl
