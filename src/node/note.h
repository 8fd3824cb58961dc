// node/note.h: an event that is to be logged once there is a log.
//
// Threads: any; a value. The names of fields outlive it (they are constants).
#pragma once

#include <source_location>
#include <string>
#include <vector>

#include "env/log.h"

namespace quorate::node {

struct Note {
  env::Level level = env::Level::kInfo;
  std::string message;
  std::vector<env::Field> fields = {};
  std::source_location where = std::source_location::current();
};

}  // namespace quorate::node
