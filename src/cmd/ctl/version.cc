#include "cmd/ctl/commands.h"

namespace quorate::cmd::ctl {
namespace {

constexpr std::string_view kVersion = "0.1.0";
constexpr std::string_view kEtcdVersion = "3.7.1";  // whose behaviour this is
constexpr std::string_view kApiVersion = "3.7";

int run_version(Invocation& invocation) {
  if (invocation.program == "etcdctl") {
    invocation.out() << "etcdctl version: " << kEtcdVersion << "\n";
  } else {
    invocation.out() << invocation.program << " version: " << kVersion << "\netcd version: " << kEtcdVersion << "\n";
  }
  invocation.out() << "API version: " << kApiVersion << "\n";
  return kExitOk;
}

int run_options(Invocation& invocation) {
  invocation.out() << "The following options can be passed to any command:\n\n"
                   << invocation.flags.help(FlagScope::kHidden) << "\n";
  return kExitOk;
}

}  // namespace

Command version_command(const std::string& program) {
  return {.name = "version",
          .usage = "version",
          .summary = "Prints the version of " + program,
          .details = "",
          .group = "Utility",
          .declare = nullptr,
          .run = run_version};
}

Command options_command() {
  return {.name = "options",
          .usage = "options",
          .summary = "Show the global command-line flags",
          .details = "",
          .group = "Utility",
          .declare = nullptr,
          .run = run_options};
}

}  // namespace quorate::cmd::ctl
