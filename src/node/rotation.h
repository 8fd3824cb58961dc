// node/rotation.h: the JSON of --log-rotation-config-json.
//
// Threads: any; a value. Source: server, sections 1.2 and 4.
#pragma once

#include <string_view>

#include "base/result.h"
#include "env/log_rotation.h"

namespace quorate::node {

// Keys in any case; what is not there keeps its default, and unknown keys are ignored. Errors in etcd's words.
Result<env::LogRotation> parse_log_rotation(std::string_view json);

}  // namespace quorate::node
