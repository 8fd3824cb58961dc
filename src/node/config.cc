#include "node/config.h"

#include <algorithm>
#include <charconv>

#include "node/go_values.h"

namespace quorate::node {
namespace {

constexpr unsigned kCoresForOwnLoops = 2;
constexpr size_t kIoLoopsMax = 8;

Status unreadable(std::string_view text, const std::string& why) {
  return {Code::kInvalidArgument, "parse " + go_quoted(text) + ": " + why};
}

bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool digit(char c) { return c >= '0' && c <= '9'; }
bool hex(char c) { return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// The length of the scheme before its colon; 0 when there is none.
size_t scheme_length(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ':') return i;
    const bool inside = digit(text[i]) || text[i] == '+' || text[i] == '-' || text[i] == '.';
    if (!letter(text[i]) && !(i > 0 && inside)) return 0;
  }
  return 0;
}

std::string bad_escape(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') continue;
    if (i + 2 < text.size() && hex(text[i + 1]) && hex(text[i + 2])) {
      i += 2;
      continue;
    }
    return "invalid URL escape " + go_quoted(text.substr(i, 3));
  }
  return {};
}

// Why Go's url package takes no such "host:port"; empty when it does.
std::string bad_authority(std::string_view host) {
  std::string_view port;
  if (host.starts_with('[')) {
    const size_t end = host.rfind(']');
    if (end == std::string_view::npos) return "missing ']' in host";
    port = host.substr(end + 1);
  } else if (const size_t colon = host.find(':'); colon != std::string_view::npos) {
    port = host.substr(colon);
  }
  if (!port.empty() && (port[0] != ':' || port.find_first_not_of("0123456789", 1) != std::string_view::npos)) {
    return "invalid port " + go_quoted(port) + " after host";
  }
  for (const char& c : host) {
    const bool allowed = letter(c) || digit(c) || static_cast<unsigned char>(c) >= 0x80;
    if (!allowed && std::string_view("-_.~!$&'()*+,;=:[]<>\"%").find(c) == std::string_view::npos) {
      return "invalid character " + go_quoted({&c, 1}) + " in host name";
    }
  }
  // Escapes in a host are for bytes beyond ASCII alone.
  for (size_t at = host.find('%'); at != std::string_view::npos; at = host.find('%', at + 1)) {
    const bool beyond = at + 2 < host.size() && (hex(host[at + 1]) && !(digit(host[at + 1]) && host[at + 1] < '8')) &&
                        hex(host[at + 2]);
    if (!beyond && host.substr(at, 3) != "%25") return "invalid URL escape " + go_quoted(host.substr(at, 3));
  }
  return {};
}

// A URL cut as Go cuts it; its host is "host:port" still.
struct Cut {
  std::string scheme;
  std::string_view host;
  std::string_view path;
};

Result<Cut> cut(std::string_view text) {
  Cut out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return fail(unreadable(text, "net/url: invalid control character in URL"));
    }
  }
  std::string_view rest = text.substr(0, text.find('#'));
  if (rest.starts_with(':')) return fail(unreadable(text, "missing protocol scheme"));
  if (const size_t length = scheme_length(rest); length > 0) {
    out.scheme = rest.substr(0, length);
    for (char& c : out.scheme) c = letter(c) ? static_cast<char>(c | 0x20) : c;
    rest.remove_prefix(length + 1);
  }
  rest = rest.substr(0, rest.find('?'));
  if (!rest.starts_with('/')) {
    if (!out.scheme.empty()) return out;  // "http:x" names no host
    if (rest.substr(0, rest.find('/')).find(':') != std::string_view::npos) {
      return fail(unreadable(text, "first path segment in URL cannot contain colon"));
    }
  } else if (rest.starts_with("//") && (!out.scheme.empty() || !rest.starts_with("///"))) {
    rest.remove_prefix(2);
    const size_t slash = std::min(rest.find('/'), rest.size());
    out.host = rest.substr(0, slash);
    rest.remove_prefix(slash);
    if (const size_t at = out.host.rfind('@'); at != std::string_view::npos) out.host.remove_prefix(at + 1);
    if (const std::string why = bad_authority(out.host); !why.empty()) return fail(unreadable(text, why));
  }
  if (const std::string why = bad_escape(rest); !why.empty()) return fail(unreadable(text, why));
  out.path = rest;
  return out;
}

// Whether Go's net package finds a host and a port in it.
bool split_host(std::string_view text, std::string_view& host, std::string_view& port) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  host = text.substr(0, colon);
  port = text.substr(colon + 1);
  if (!host.starts_with('[')) return host.find_first_of(":[]") == std::string_view::npos;
  if (!host.ends_with(']')) return false;
  host = host.substr(1, host.size() - 2);
  return host.find_first_of("[]") == std::string_view::npos;
}

}  // namespace

std::string Url::text() const {
  if (unix_socket()) return scheme + "://" + path;
  const std::string bracketed = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return scheme + "://" + bracketed + ":" + std::to_string(port);
}

Result<Url> parse_url(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return fail(Code::kInvalidArgument, std::string(why) + ": " + std::string(text));
  };
  TRY(const Cut parts, cut(text));
  Url url;
  url.scheme = parts.scheme;
  if (url.unix_socket()) {
    url.path = std::string(parts.host) + std::string(parts.path);
    if (url.path.empty()) return bad("URL must name the path of a socket");
    return url;
  }
  if (url.scheme != "http" && url.scheme != "https") return bad("URL scheme must be http, https, unix, or unixs");
  std::string_view host, port;
  if (!split_host(parts.host, host, port)) return bad("URL address does not have the form \"host:port\"");
  if (!parts.path.empty()) return bad("URL must not contain a path");
  url.host = host;
  if (port.empty()) return url;
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), url.port);
  if (parsed.ec != std::errc())
    return fail(Code::kInvalidArgument, "listen tcp: address " + std::string(port) + ": invalid port");
  return url;
}

size_t default_io_loops(unsigned cores) {
  if (cores <= kCoresForOwnLoops) return 0;
  return std::min<size_t>(cores - 2, kIoLoopsMax);  // one core for the core loop, one for the log's thread
}

}  // namespace quorate::node
