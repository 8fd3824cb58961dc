#include "env/posix/sd_notify.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "env/posix/address.h"
#include "env/posix/system.h"

namespace quorate::env::posix {
namespace {

TEST(SdNotify, NobodyToTellIsSuccess) { EXPECT_TRUE(sd_notify("", "READY=1").ok()); }

TEST(SdNotify, AnAbstractSocketIsTold) {
  const std::string name = "@quorate-test-" + std::to_string(::getpid());
  auto address = socket_address({.host = {}, .port = 0, .path = name});
  reinterpret_cast<char*>(&address->storage)[sizeof(sa_family_t)] = '\0';
  const Fd daemon(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(daemon.get(), address->get(), address->length - 1), 0);
  EXPECT_EQ(sd_notify(name, "READY=1").text(), "");
  char buffer[64];
  const ssize_t got = ::recv(daemon.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  ASSERT_GT(got, 0);
  EXPECT_EQ(std::string_view(buffer, static_cast<size_t>(got)), "READY=1");
}

TEST(SdNotify, AMissingDaemonIsAnError) {
  EXPECT_EQ(sd_notify("/nowhere/notify", "READY=1").text(),
            "dial unixgram /nowhere/notify: connect: no such file or directory");
}

}  // namespace
}  // namespace quorate::env::posix
