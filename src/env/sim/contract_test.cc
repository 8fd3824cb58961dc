#include <gtest/gtest.h>

#include "env/clock_contract.h"
#include "env/disk_contract.h"
#include "env/loop_contract.h"
#include "env/net_contract.h"
#include "env/sim/test_world.h"

namespace quorate::env {
namespace {

using Worlds = testing::Types<sim::SeededWorld<1>, sim::SeededWorld<2>, sim::SeededWorld<3>>;
using NetWorlds = testing::Types<sim::SeededWorld<1>, sim::SeededWorld<2>, sim::SeededUnixWorld<3>>;

INSTANTIATE_TYPED_TEST_SUITE_P(Sim, ClockContract, Worlds);
INSTANTIATE_TYPED_TEST_SUITE_P(Sim, LoopContract, Worlds);
INSTANTIATE_TYPED_TEST_SUITE_P(Sim, NetContract, NetWorlds);
INSTANTIATE_TYPED_TEST_SUITE_P(Sim, DiskContract, Worlds);

}  // namespace
}  // namespace quorate::env
