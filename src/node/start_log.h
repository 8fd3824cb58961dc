// node/start_log.h: the log lines of a start that operators and test suites search for.
//
// Source: server, section 4.1.
#pragma once

#include "env/log.h"
#include "node/config.h"
#include "wal/data_directory.h"

namespace quorate::node {

// `starting an etcd server`, with the whole configuration under etcd's names.
void log_configuration(env::Log& log, const Config& config, const wal::DataDirectory& directory);
// `now serving peer/client/metrics`.
void log_serving(env::Log& log, const Config& config, const wal::DataDirectory& directory);

std::vector<std::string> texts_of(const std::vector<Url>& urls);

}  // namespace quorate::node
