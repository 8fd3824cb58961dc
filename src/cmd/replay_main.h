// cmd/replay_main.h: `quorate replay FILE`: a recording of the flight recorder, run again in the simulator.
#pragma once

namespace quorate::cmd {

// The exit status: 0 when it ran to its end, 1 when it cannot run, 2 for wrong arguments. A CHECK that fails
// again aborts.
int replay_main(int argc, char** argv);

}  // namespace quorate::cmd
