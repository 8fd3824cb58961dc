// env/posix/address.h: addresses as the socket calls want them.
#pragma once

#include <sys/socket.h>

#include <string>

#include "base/result.h"
#include "env/net.h"

namespace quorate::env::posix {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

// kInvalidArgument when the host is not an address in numbers or the path is too long.
Result<SocketAddress> socket_address(const Address& address);

// Whether `host` means every address of the machine: "0.0.0.0", "::" or nothing.
bool is_wildcard(const std::string& host);
// Whether `host` is an IPv4 or IPv6 address in numbers.
bool is_numeric(const std::string& host);

// "127.0.0.1:40000"; an IPv4 address in IPv6 clothes is printed as IPv4; "@" for a unix socket without a path.
std::string address_text(const SocketAddress& address);
uint16_t port_of(const SocketAddress& address);

}  // namespace quorate::env::posix
