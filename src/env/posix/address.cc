#include "env/posix/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <array>
#include <cstddef>
#include <cstring>

namespace quorate::env::posix {
namespace {

template <class T>
const T& as(const SocketAddress& address) {
  return *reinterpret_cast<const T*>(&address.storage);
}

template <class T>
T& as(SocketAddress& address) {
  return *reinterpret_cast<T*>(&address.storage);
}

}  // namespace

Result<SocketAddress> socket_address(const Address& address) {
  SocketAddress out;
  if (!address.path.empty()) {
    auto& unix_address = as<sockaddr_un>(out);
    // A path that fills the field has no room for its end.
    if (address.path.size() >= sizeof unix_address.sun_path) {
      return fail(Code::kInvalidArgument, address.path + ": the path of a unix socket is too long");
    }
    unix_address.sun_family = AF_UNIX;
    std::memcpy(unix_address.sun_path, address.path.data(), address.path.size());
    out.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.path.size() + 1);
    return out;
  }
  auto& v4 = as<sockaddr_in>(out);
  if (::inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    out.length = sizeof v4;
    return out;
  }
  out = SocketAddress();
  auto& v6 = as<sockaddr_in6>(out);
  if (address.host.empty() || ::inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    out.length = sizeof v6;
    return out;
  }
  return fail(Code::kInvalidArgument, address.host + ": not an IP address");
}

bool is_wildcard(const std::string& host) { return host.empty() || host == "0.0.0.0" || host == "::"; }

bool is_numeric(const std::string& host) {
  in6_addr any;
  return ::inet_pton(AF_INET, host.c_str(), &any) == 1 || ::inet_pton(AF_INET6, host.c_str(), &any) == 1;
}

std::string address_text(const SocketAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.family() == AF_INET) {
    ::inet_ntop(AF_INET, &as<sockaddr_in>(address).sin_addr, text.data(), text.size());
    return std::string(text.data()) + ":" + std::to_string(port_of(address));
  }
  if (address.family() == AF_INET6) {
    const in6_addr& ip = as<sockaddr_in6>(address).sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&ip)) {
      ::inet_ntop(AF_INET, &ip.s6_addr[12], text.data(), text.size());
      return std::string(text.data()) + ":" + std::to_string(port_of(address));
    }
    ::inet_ntop(AF_INET6, &ip, text.data(), text.size());
    return "[" + std::string(text.data()) + "]:" + std::to_string(port_of(address));
  }
  const char* path = as<sockaddr_un>(address).sun_path;
  if (address.family() == AF_UNIX && address.length > offsetof(sockaddr_un, sun_path) && path[0] != '\0') return path;
  return "@";
}

uint16_t port_of(const SocketAddress& address) {
  if (address.family() == AF_INET) return ntohs(as<sockaddr_in>(address).sin_port);
  if (address.family() == AF_INET6) return ntohs(as<sockaddr_in6>(address).sin6_port);
  return 0;
}

}  // namespace quorate::env::posix
