#include "env/posix/test_world.h"

#include <sys/socket.h>

#include "env/posix/address.h"

namespace quorate::env::posix {

bool run_until(PosixLoop& loop, std::move_only_function<bool()> done) {
  PosixClock clock;
  const MonoTime limit = clock.now() + 10s;
  while (!done()) {
    if (clock.now() > limit) return false;
    loop.take_turn(100ms);
  }
  return true;
}

PosixTestWorld::PosixTestWorld() {
  WorldOptions options;
  options.log.level = Level::kFatal;
  auto made = World::create(options, trace_);
  EXPECT_TRUE(made);
  world_ = std::move(*made);
}

Address PosixTestWorld::dead_address() {
  // A port that was free a moment ago.
  auto listener = net().listen({"127.0.0.1", 0, ""}, {}, [](std::unique_ptr<Socket>) {});
  EXPECT_TRUE(listener);
  return (*listener)->address();
}

Address UnixTestWorld::dead_address() {
  const Address address{"", 0, folder() + "/dead"};
  const auto target = socket_address(address);
  const Fd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
  EXPECT_EQ(::bind(fd.get(), target->get(), target->length), 0);
  return address;
}

}  // namespace quorate::env::posix
