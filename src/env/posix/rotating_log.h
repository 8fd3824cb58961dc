// env/posix/rotating_log.h: a log file that is put aside when it is full, and the care for those put aside.
//
// Threads: a LogSink; removing and compressing old files runs on a thread of its own, one pass at a time.
// Source:  server, section 4; env/log_rotation.h has the rules.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "env/log_rotation.h"
#include "env/posix/log_sink.h"

namespace quorate::env::posix {

// Makes the folder when there is none. Errors: the system's, for the folder or the file.
Result<std::unique_ptr<LogSink>> rotating_log(const std::string& path, const LogRotation& rotation);

}  // namespace quorate::env::posix
