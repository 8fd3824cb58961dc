#include <algorithm>

#include "cmd/ctl/commands.h"

namespace quorate::cmd::ctl {
namespace {

int run_missing(Invocation& invocation) {
  return invocation.error(kExitBadFeature, "this command is not in this version of " + invocation.program);
}

// A command that etcdctl has and we have not: its name is known, so that prefixes mean what they mean there.
Command missing_command(std::string_view name) {
  return {.name = std::string(name),
          .usage = std::string(name),
          .summary = "",
          .details = "Not in this version",
          .group = "",
          .declare = nullptr,
          .run = run_missing};
}

// Listed and named here; run_command_line() turns "help x" into "x --help".
Command help_command() {
  return {.name = "help",
          .usage = "help [command]",
          .summary = "Help about any command",
          .details = "",
          .group = "Utility",
          .declare = nullptr,
          .run = nullptr};
}

}  // namespace

Command command_tree(const std::string& program) {
  Command root{.name = program,
               .usage = "",
               .summary = program == "etcdctl" ? "A simple command line client for etcd3."
                                               : "The command line client of Quorate, which etcd understands as well.",
               .details = "",
               .group = ""};
  root.children.push_back(alarm_command());
  root.children.push_back(defrag_command());
  root.children.push_back(put_command());
  root.children.push_back(get_command());
  root.children.push_back(del_command());
  root.children.push_back(txn_command());
  root.children.push_back(watch_command());
  root.children.push_back(lease_command(program));
  root.children.push_back(compaction_command());
  root.children.push_back(endpoint_command(program));
  root.children.push_back(version_command(program));
  root.children.push_back(options_command());
  root.children.push_back(help_command());
  for (const std::string_view name : {"auth", "check", "completion", "downgrade", "elect", "lock", "make-mirror",
                                      "member", "move-leader", "role", "snapshot", "user"}) {
    root.children.push_back(missing_command(name));
  }
  std::sort(root.children.begin(), root.children.end(),
            [](const Command& a, const Command& b) { return a.name < b.name; });
  return root;
}

}  // namespace quorate::cmd::ctl
