// api/debug_vars.h: /debug/vars: what Go's expvar page shows of an etcd, as far as there is such a thing here.
//
// Loop: core. Source: server, section 2.1.
#pragma once

#include <string>

#include "api/back.h"

namespace quorate::api::plain {

// One JSON object: cmdline, file_descriptor_limit, memstats and raft.status. Of memstats only what this program has.
std::string debug_vars(Back& back);

}  // namespace quorate::api::plain
