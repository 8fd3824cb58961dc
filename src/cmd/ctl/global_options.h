// cmd/ctl/global_options.h: the flags that every command takes, and their environment variables.
//
// Precedence: a flag, else ETCDCTL_<NAME>, else the default; both at once is an error.
// Source: command line, section 1.
#pragma once

#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "cmd/ctl/flag_set.h"

namespace quorate::cmd::ctl {

// Variables by name.
using Environment = std::map<std::string, std::string>;

struct GlobalOptions {
  std::vector<std::string> endpoints;
  std::string write_out;
  bool hex = false;
  Duration dial_timeout = 2s;
  Duration command_timeout = 5s;
  bool command_timeout_given = false;
  Duration keepalive_interval = 2s;
  Duration keepalive_timeout = 6s;
  size_t max_request_bytes = 2 * 1024 * 1024;
  size_t max_receive_bytes = 2'147'483'647;
};

// A mistake of the user's: what to print after "Error: " and the exit code.
struct UsageError {
  int exit_code;
  std::string text;
};

void declare_global_flags(FlagSet& flags);

// Fills the flags that were not given from `environment` and reads them all. Warnings go to `err`.
std::expected<GlobalOptions, UsageError> read_global_options(FlagSet& flags, const Environment& environment,
                                                             std::ostream& err);

}  // namespace quorate::cmd::ctl
