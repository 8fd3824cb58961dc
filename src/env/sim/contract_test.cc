#include <gtest/gtest.h>

#include "env/disk_contract.h"
#include "env/loop_contract.h"
#include "env/net_contract.h"
#include "env/sim/test_world.h"

namespace quorate::env {
namespace {

using Worlds = testing::Types<sim::SimTestWorld<1>, sim::SimTestWorld<2>, sim::SimTestWorld<3>>;

INSTANTIATE_TYPED_TEST_SUITE_P(Sim, LoopContract, Worlds);
INSTANTIATE_TYPED_TEST_SUITE_P(Sim, NetContract, Worlds);
INSTANTIATE_TYPED_TEST_SUITE_P(Sim, DiskContract, Worlds);

}  // namespace
}  // namespace quorate::env
