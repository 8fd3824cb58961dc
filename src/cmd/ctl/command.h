// cmd/ctl/command.h: what a command is, what it is given, and the tree of them.
//
// A command reads its arguments and input from an Invocation and writes to its streams; it knows no process.
// Source: command line, sections 1 to 3.
#pragma once

#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/ctl/exit_codes.h"
#include "cmd/ctl/flag_set.h"
#include "cmd/ctl/global_options.h"
#include "cmd/ctl/session.h"

namespace quorate::cmd::ctl {

struct Streams {
  int in;  // a descriptor, so that a loop can wait for it; not closed
  std::ostream& out;
  std::ostream& err;
};

struct Invocation {
  std::string program;  // "quoratectl" or "etcdctl"
  FlagSet flags;
  std::vector<std::string> arguments;
  Environment environment;
  Streams streams;
  GlobalOptions global;  // once connect() or read_options() has returned a success

  std::ostream& out() { return streams.out; }
  std::ostream& err() { return streams.err; }
  // Prints "Error: <text>" and returns `exit_code`; no line for an empty text.
  int error(int exit_code, std::string_view text);
  // The same for a call that failed.
  int error(const Status& status) { return error(kExitError, error_text(status)); }

  // Reads the global options, of which `formats` are the values of --write-out that the command knows.
  std::expected<void, int> read_options(std::span<const std::string_view> formats);
  // The same, and a session. On failure the exit code, the error being printed.
  std::expected<std::unique_ptr<Session>, int> connect(std::span<const std::string_view> formats);
  // Of short commands.
  CallLimits limits(bool repeatable) const { return {global.command_timeout, repeatable, {}}; }
};

struct Command {
  std::string name;
  std::string usage;                             // after the path: "get [options] <key> [range_end]"
  std::string summary;                           // one line
  std::string details;                           // of help, instead of the summary; may be empty
  std::string group;                             // of the program's own help; empty: not listed there
  void (*declare)(FlagSet& flags) = nullptr;     // what children have too is FlagScope::kInherited
  int (*run)(Invocation& invocation) = nullptr;  // null: prints help
  std::vector<Command> children = {};
};

// All commands, in order of their names.
Command command_tree(const std::string& program);

// Runs the command that `arguments` (without the program's name) name. Returns the exit code.
int run_command_line(const std::string& program, const std::vector<std::string>& arguments,
                     const Environment& environment, const Streams& streams);

// The formats that commands know.
inline constexpr std::string_view kSimpleOnly[] = {"simple"};
inline constexpr std::string_view kKeyValueFormats[] = {"fields", "json", "simple"};

}  // namespace quorate::cmd::ctl
