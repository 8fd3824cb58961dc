// env/posix/sd_notify.h: tells an init daemon how far the start has come.
//
// Threads: any. Source: server, section 1 (sd_notify); sd_notify(3).
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace quorate::env::posix {

// Sends `state` ("READY=1") to `socket`, what NOTIFY_SOCKET says: a path, or "@" and an abstract name. Nobody to tell,
// "", is success.
Status sd_notify(const std::string& socket, std::string_view state);

}  // namespace quorate::env::posix
