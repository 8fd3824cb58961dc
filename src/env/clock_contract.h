// env/clock_contract.h: what every Clock keeps, as a test suite over a factory; for tests only.
//
// A world W is default-made for each test and has
//   Clock& clock();
//   Loop& loop();  // of the same process
//   bool run_until(std::move_only_function<bool()> done);
#pragma once

#include <gtest/gtest.h>

#include "env/clock.h"
#include "env/loop.h"

namespace quorate::env {

template <class W>
class ClockContract : public testing::Test {
 protected:
  W world;
};
TYPED_TEST_SUITE_P(ClockContract);

TYPED_TEST_P(ClockContract, TimeNeverStepsBackWithinTurnsNorBetweenThem) {
  Clock& clock = this->world.clock();
  MonoTime last = clock.now();
  int turns = 0;
  const auto look = [&] {
    const MonoTime now = clock.now();
    EXPECT_GE(now, last);
    last = now;
  };
  this->world.loop().add_turn_hook([&] {
    for (int i = 0; i < 100; ++i) look();
    if (++turns < 20) this->world.loop().post([] {});
  });
  EXPECT_TRUE(this->world.run_until([&] {
    look();
    return turns >= 20;
  }));
}

TYPED_TEST_P(ClockContract, ALoopIsNeverAheadOfItsClock) {
  bool asked = false;
  this->world.loop().post([&] {
    const MonoTime loop = this->world.loop().now();
    EXPECT_LE(loop, this->world.clock().now());
    asked = true;
  });
  EXPECT_TRUE(this->world.run_until([&] { return asked; }));
}

TYPED_TEST_P(ClockContract, TimeGoesOnWhileALoopWaits) {
  const MonoTime mono = this->world.clock().now();
  bool waited = false;
  this->world.loop().after(3ms, [&] { waited = true; });
  ASSERT_TRUE(this->world.run_until([&] { return waited; }));
  EXPECT_GE(this->world.clock().now() - mono, 3ms);
}

TYPED_TEST_P(ClockContract, TheWallClockIsOfThisCentury) {
  EXPECT_GT(this->world.clock().wall(), WallTime(1'700'000'000s));
  EXPECT_LT(this->world.clock().wall(), WallTime(4'000'000'000s));
}

REGISTER_TYPED_TEST_SUITE_P(ClockContract, TimeNeverStepsBackWithinTurnsNorBetweenThem, ALoopIsNeverAheadOfItsClock,
                            TimeGoesOnWhileALoopWaits, TheWallClockIsOfThisCentury);

}  // namespace quorate::env
