// cmd/ctl/commands.h: every command, one file each.
#pragma once

#include <string>

#include "cmd/ctl/command.h"

namespace quorate::cmd::ctl {

Command alarm_command();
Command defrag_command();
Command put_command();
Command get_command();
Command del_command();
Command txn_command();
Command watch_command();
Command lease_command(const std::string& program);
Command compaction_command();
Command endpoint_command(const std::string& program);
Command version_command(const std::string& program);
Command options_command();

// A request as put, get or del understand it; its views point into `texts`.
template <class Request>
struct Parsed {
  Request request;
  // Never moved once the request points there.
  std::unique_ptr<std::vector<std::string>> texts;
};

// What stands between the words of a command and its request, for the command itself and inside a transaction.
// `read_value` gives the value of a put that has none; nullptr where there is no such place.
std::expected<Parsed<pb::PutRequest>, UsageError> parse_put(const FlagSet& flags, std::vector<std::string> arguments,
                                                            std::string* value_read);
std::expected<Parsed<pb::RangeRequest>, UsageError> parse_get(const FlagSet& flags, std::vector<std::string> arguments);
std::expected<Parsed<pb::DeleteRangeRequest>, UsageError> parse_del(const FlagSet& flags,
                                                                    std::vector<std::string> arguments);

void declare_put_flags(FlagSet& flags);
void declare_get_flags(FlagSet& flags);
void declare_del_flags(FlagSet& flags);

// The end of the range of all keys that begin with `prefix`: "\0" when there is none.
std::string prefix_end(std::string prefix);

}  // namespace quorate::cmd::ctl
