#include "node/config.h"

#include <algorithm>
#include <charconv>

namespace quorate::node {
namespace {

constexpr unsigned kCoresForOwnLoops = 2;
constexpr size_t kIoLoopsMax = 8;

bool known_scheme(std::string_view scheme) {
  return scheme == "http" || scheme == "https" || scheme == "unix" || scheme == "unixs";
}

}  // namespace

std::string Url::text() const {
  if (unix_socket()) return scheme + "://" + path;
  const std::string quoted = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return scheme + "://" + quoted + ":" + std::to_string(port);
}

Result<Url> parse_url(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return fail(Code::kInvalidArgument, std::string(why) + ": " + std::string(text));
  };
  Url url;
  const size_t colon = text.find("://");
  if (colon == std::string_view::npos || !known_scheme(text.substr(0, colon))) {
    return bad("URL scheme must be http, https, unix, or unixs");
  }
  url.scheme = text.substr(0, colon);
  std::string_view rest = text.substr(colon + 3);
  if (url.unix_socket()) {
    if (rest.empty()) return bad("URL must name the path of a socket");
    url.path = rest;
    return url;
  }
  if (rest.find('/') != std::string_view::npos) return bad("URL must not contain a path");
  const size_t port_colon = rest.rfind(':');
  if (port_colon == std::string_view::npos || rest.ends_with(']')) return bad("URL address does not have the form \"host:port\"");
  std::string_view host = rest.substr(0, port_colon);
  const std::string_view port = rest.substr(port_colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), url.port);
  if (parsed.ec != std::errc() || parsed.ptr != port.data() + port.size()) {
    return bad("URL address does not have the form \"host:port\"");
  }
  url.host = host;
  return url;
}

size_t default_io_loops(unsigned cores) {
  if (cores <= kCoresForOwnLoops) return 0;
  return std::min<size_t>(cores - 2, kIoLoopsMax);  // one core for the core loop, one for the log's thread
}

}  // namespace quorate::node
