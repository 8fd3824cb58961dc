// node/flags.h: what the server was told when it was started, and what follows from it.
//
// A setting comes from its argument, else from its variable, else it is the default; or, when a configuration
// file is named, from that alone. The program's name decides whether it speaks as etcd does.
//
// Threads: any; pure. Nothing here reads the process's environment or its disk: both are arguments.
// Source:  server, section 1. The table of flags is flags.def.
// Invariant: whatever the input, the answer is one of the three below.
#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "node/config.h"
#include "node/environment.h"
#include "node/note.h"

namespace quorate::node {

struct Invocation {
  std::string program;  // argv[0]; its last part decides: "etcd" speaks as etcd, all others as quorate
  std::vector<std::string> arguments;
  Environment environment;
};

// The bytes of a file, or the system's text ("open nope: no such file or directory").
using ReadFile = std::function<Result<std::string>(const std::string& path)>;

// Start a member, and log the notes once there is a log.
struct Serve {
  Config config;
  std::vector<Note> notes;
};

// Print on standard error, then on standard output, and end well.
struct Print {
  std::string errors;
  std::string text;
};

// Print `text` on standard error, then the notes as lines of the log, and end.
struct Failure {
  std::string text;
  std::vector<Note> notes;
  int exit_code = 1;  // 2: the flags cannot be read; 1: they cannot be followed
};

using Launch = std::variant<Serve, Print, Failure>;

Launch interpret(const Invocation& invocation, const ReadFile& read_file);

}  // namespace quorate::node
