// node/yaml.h: settings from a file, YAML or JSON.
//
// Keys are found without regard to case; unknown ones are ignored; durations are whole nanoseconds.
// Threads: any; pure. Source: server, section 1. The one unit that names yaml-cpp, whose exceptions stay inside.
#pragma once

#include <string_view>

#include "node/settings.h"

namespace quorate::node {

constexpr size_t kConfigFileMax = 1 << 20;  // bytes

// Errors: in etcd's words where it has some.
Status read_yaml(std::string_view bytes, Settings& settings);

}  // namespace quorate::node
