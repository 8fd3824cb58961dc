// node/arguments.h: the command line as Go's flag package reads it.
//
// `-x v`, `--x=v`, `--x` alone for truths; `--` or the first word without a dash ends the flags.
// Threads: any; pure. Source: server, section 1.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "node/note.h"
#include "node/settings.h"

namespace quorate::node {

struct Arguments {
  bool help = false;               // asked for: nothing behind it was read
  std::string error;               // of syntax, without the usage; empty when there is none
  std::vector<std::string> words;  // what followed the flags
};

Arguments read_arguments(std::span<const std::string> arguments, Settings& settings, std::vector<Note>& notes);

}  // namespace quorate::node
