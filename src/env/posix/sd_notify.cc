#include "env/posix/sd_notify.h"

#include <sys/socket.h>

#include <cerrno>

#include "env/posix/address.h"
#include "env/posix/system.h"

namespace quorate::env::posix {

Status sd_notify(const std::string& socket, std::string_view state) {
  if (socket.empty()) return {};
  Result<SocketAddress> address = socket_address({.host = {}, .port = 0, .path = socket});
  if (!address) return address.error();
  if (socket[0] == '@') {
    // An abstract name begins with a zero byte and has no end.
    reinterpret_cast<char*>(&address->storage)[sizeof(sa_family_t)] = '\0';
    --address->length;
  }
  const Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return net_error("socket", errno);
  if (::connect(fd.get(), address->get(), address->length) != 0) {
    return Status(Code::kUnavailable, "dial unixgram " + socket + ": connect: " + errno_text(errno));
  }
  if (::send(fd.get(), state.data(), state.size(), MSG_NOSIGNAL) < 0) return net_error("write", errno);
  return {};
}

}  // namespace quorate::env::posix
