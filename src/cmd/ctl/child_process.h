// cmd/ctl/child_process.h: another program, run to its end. Blocks the calling thread.
#pragma once

#include <string>
#include <vector>

#include "cmd/ctl/global_options.h"

namespace quorate::cmd::ctl {

// Runs `words` with the three standard streams of this process. Returns what went wrong as Go says it
// ("exit status 3"), empty after a success. At least one word.
std::string run_child(const std::vector<std::string>& words, const Environment& environment);

}  // namespace quorate::cmd::ctl
