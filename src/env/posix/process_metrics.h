// env/posix/process_metrics.h: what the system says of this process, under the names of Prometheus' clients.
//
// Loop: core; read at each scrape. Source: /proc; server, section 3.
#pragma once

#include "env/metrics.h"

namespace quorate::env::posix {

// Adds process_* and os_fd_*. What cannot be read stays as it was.
void add_process_metrics(Metrics& metrics);

}  // namespace quorate::env::posix
