// node/recorded.h: what a recording says about the member, and the configuration that it is made again from.
//
// Names of facts: docs/formats/recording.md. Threads: any.
#pragma once

#include <cstddef>
#include <cstdint>

#include "env/recorder.h"
#include "node/config.h"
#include "node/node.h"

namespace quorate::node {

// What the environment gave at this start.
struct StartFacts {
  uint64_t seed = 0;
  size_t io_loops = 0;
};

// Before the member is made: a CHECK may fail as it starts.
void describe(env::Recorder& recorder, const Config& config);
// Once it is made, before its loops run.
void describe(env::Recorder& recorder, const Node& node, const StartFacts& start);

// The configuration, but for where the member listens, keeps its data and logs. kInvalidArgument names the fact
// that is missing or no such value.
Result<Config> recorded_config(const env::Recording& recording);

// A fact that is a number.
Result<uint64_t> recorded_number(const env::Recording& recording, std::string_view name);

}  // namespace quorate::node
