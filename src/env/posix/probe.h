// env/posix/probe.h: how a file system makes log writes durable, found out by doing it.
#pragma once

#include <string>

#include "base/result.h"
#include "env/disk.h"

namespace quorate::env::posix {

// The flags of open() that a mode needs.
int open_flags(Durability durability);

// The best mode that works in `directory`. Blocks; leaves nothing behind.
Result<DiskTraits> probe_directory(const std::string& directory, bool unsafe_no_fsync);

}  // namespace quorate::env::posix
