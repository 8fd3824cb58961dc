#include "api/access.h"

#include "api/pages.h"

namespace quorate::api {
namespace {

bool allows(const std::vector<std::string>& list, std::string_view word) {
  return list.empty() || std::ranges::find(list, word) != list.end();
}

}  // namespace

std::string_view Access::allowed_origin(std::string_view origin) const {
  if (allows(origins, "*")) return "*";
  return allows(origins, origin) ? origin : std::string_view();
}

bool Access::allows_host(std::string_view host) const { return allows(hosts, "*") || allows(hosts, host_name(host)); }

std::string_view host_name(std::string_view host) {
  if (host.starts_with('[')) {
    const size_t end = host.find(']');
    if (end != std::string_view::npos && end + 1 < host.size() && host[end + 1] == ':') return host.substr(1, end - 1);
    return host;
  }
  const size_t colon = host.find(':');
  const bool one = colon != std::string_view::npos && host.find(':', colon + 1) == std::string_view::npos;
  return one ? host.substr(0, colon) : host;
}

void allow_origin(std::string_view origin, http::Headers& headers) {
  if (origin.empty()) return;
  headers.emplace_back("access-control-allow-headers", "accept, content-type, authorization");
  headers.emplace_back("access-control-allow-methods", "POST, GET, OPTIONS, PUT, DELETE");
  headers.emplace_back("access-control-allow-origin", origin);
}

http::PlainResponse misdirected(std::string_view name) {
  return plain::nosniff(421,
                        "\nThe request came, but for a host name that is not allowed here.\n\n"
                        "Either use TLS, where any name is, or allow this one:\n"
                        "  --host-whitelist \"" +
                            std::string(name) +
                            "\"\n\nIt keeps web pages from reaching this server by names of their own "
                            "(DNS rebinding, CVE-2018-5702).\n\n");
}

}  // namespace quorate::api
