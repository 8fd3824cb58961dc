// api/health_pages.h: the pages that probes ask: /health, /livez and /readyz, and one page for each check.
//
// Loop:   core. Source: server, section 2.1.
#pragma once

#include "api/back.h"
#include "api/pages.h"

namespace quorate::api::plain {

// Answers one of these pages, now or later; false when the path is none of them, and `answer` is untouched then.
bool serve_health(Back& back, const http::PlainRequest& request, Answer& answer);

}  // namespace quorate::api::plain
