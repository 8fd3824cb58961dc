// node/environment.h: settings from ETCD_ variables.
//
// Threads: any; pure. Source: server, section 1 (precedence, shadowing, unknown variables).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "node/note.h"
#include "node/settings.h"

namespace quorate::node {

using Environment = std::map<std::string, std::string, std::less<>>;

// Reads the variables of flags that no argument has set; an empty one counts as unset. A Note of level kFatal
// is the reason not to start: an argument shadows a variable. Errors: a value that cannot be read.
Status read_environment(const Environment& environment, Settings& settings, std::vector<Note>& notes);

}  // namespace quorate::node
