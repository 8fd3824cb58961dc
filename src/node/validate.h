// node/validate.h: settings into a configuration, or the first reason against it.
//
// Threads: any; pure. Source: server, sections 1.2 and 5; the texts are etcd's.
#pragma once

#include <string>

#include "node/config.h"
#include "node/settings.h"

namespace quorate::node {

// Everything that holds whether or not the member has been made before: etcd's checks in etcd's order, then
// the flags that Quorate refuses for now. `suffix` ends the default data directory (".etcd", ".quorate").
Result<Config> validate(const Settings& settings, std::string_view suffix);

// Whether a new member may be made from these: --initial-cluster names it, and it alone. Of no concern to a
// member whose data is on the disk.
Status validate_bootstrap(const Settings& settings, const Config& config);

}  // namespace quorate::node
