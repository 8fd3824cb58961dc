// env/posix/memory.h: how much memory this process may use before the kernel ends it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace quorate::env::posix {

// Of the machine, or less where the process's control group or one around it (version 2, or 1) has a limit.
// 0 where nothing tells.
uint64_t memory_limit();

// The lowest limit of the group that `cgroup_file` (/proc/self/cgroup) names and of those around it, in the tree at
// `root` (/sys/fs/cgroup); UINT64_MAX where there is none.
uint64_t group_memory_limit(std::string_view cgroup_file, const std::string& root);

}  // namespace quorate::env::posix
