#include "env/sim/net.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "env/sim/connecting.h"
#include "env/sim/listener.h"

namespace quorate::env::sim {
namespace {

constexpr size_t kUnixPathBytesMax = 107;

bool is_wildcard(const std::string& host) { return host.empty() || host == "0.0.0.0" || host == "::"; }
bool is_loopback(const std::string& host) { return host == "127.0.0.1" || host == "::1"; }

// "10.0.0.1" or something with colons: as much of the grammar as a simulation needs.
bool is_numeric(const std::string& host) {
  if (host.find(':') != std::string::npos) return true;
  if (host.empty() || std::count(host.begin(), host.end(), '.') != 3) return false;
  return std::all_of(host.begin(), host.end(), [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

Status check_address(const Address& address) {
  if (address.path.size() > kUnixPathBytesMax)
    return Status(Code::kInvalidArgument, address.path + ": the path of a unix socket is too long");
  if (address.path.empty() && !address.host.empty() && !is_numeric(address.host))
    return Status(Code::kInvalidArgument, address.host + ": not an IP address");
  return {};
}

// Where a listener is found: on which addresses of its host.
std::string key_of(const std::string& host, std::string_view scope, uint16_t port) {
  return host + " " + std::string(scope) + ":" + std::to_string(port);
}

constexpr std::string_view kAny = "any";
constexpr std::string_view kLoopback = "loopback";
constexpr std::string_view kOutside = "outside";

}  // namespace

SimNet::SimNet(Universe& universe, SimNetwork& network, SimLoop& loop, Trace& trace, Place place)
    : universe_(universe),
      network_(network),
      loop_(loop),
      trace_(trace),
      place_(std::move(place)),
      answers_(loop, Priority::kCompletion, std::numeric_limits<size_t>::max(), [](Task&& task) { task(); }) {}

SimNet::~SimNet() = default;

Result<std::unique_ptr<Listener>> SimNet::listen(const Address& address, const ListenOptions& options,
                                                 Acceptor accept) {
  if (dead_) return fail(Code::kUnavailable, "bind: the process is dead");
  if (Status status = check_address(address); !status.ok()) return fail(std::move(status));
  Address bound = address;
  std::vector<std::string> excluded;  // keys that must be free besides its own
  std::string key = place_.host + "|" + address.path;
  if (address.path.empty()) {
    const bool any = is_wildcard(address.host);
    if (!any && !is_loopback(address.host) && address.host != place_.host)
      return fail(Code::kUnavailable, "bind: cannot assign requested address");
    if (bound.port == 0) bound.port = network_.free_port(place_.host);
    key = key_of(place_.host, any ? kAny : is_loopback(address.host) ? kLoopback : kOutside, bound.port);
    excluded = any ? std::vector{key_of(place_.host, kLoopback, bound.port), key_of(place_.host, kOutside, bound.port)}
                   : std::vector{key_of(place_.host, kAny, bound.port)};
  }
  excluded.push_back(key);
  for (const std::string& each : excluded) {
    if (!network_.may_listen(each, options.reuse_port)) return fail(Code::kUnavailable, "bind: address already in use");
  }
  return std::make_unique<SimListener>(*this, std::move(key), std::move(bound), options.reuse_port, std::move(accept));
}

Result<std::unique_ptr<Listener>> SimNet::share(const Listener& listener, Acceptor accept) {
  if (dead_) return fail(Code::kUnavailable, "dup: the process is dead");
  // Every Listener of this world is one of ours.
  const auto& other = static_cast<const SimListener&>(listener);
  return std::make_unique<SimListener>(*this, other.key(), other.address(), other.reuse_port(), std::move(accept));
}

Route SimNet::route_to(const Address& address) {
  Route route{.host = place_.host, .keys = {}, .target_text = address.text(), .client_text = "@"};
  if (!address.path.empty()) {
    route.keys = {place_.host + "|" + address.path};
    return route;
  }
  const bool loopback = is_loopback(address.host) || is_wildcard(address.host);
  if (!loopback) route.host = address.host;
  route.keys = {key_of(route.host, loopback ? kLoopback : kOutside, address.port),
                key_of(route.host, kAny, address.port)};
  const std::string source = loopback ? "127.0.0.1" : place_.host;
  route.client_text = Address{source, network_.free_port(place_.host), ""}.text();
  return route;
}

void SimNet::connect(const Address& address, std::move_only_function<void(Result<std::unique_ptr<Socket>>)> done) {
  if (dead_) return;
  const uint64_t id = next_connect_++;
  const auto connecting = std::make_shared<Connecting>(*this, id, route_to(address), std::move(done));
  connecting_.emplace(id, connecting);
  if (Status status = check_address(address); !status.ok()) {
    connecting->finish(fail(std::move(status)));
  } else {
    connecting->start();
  }
}

void SimNet::end_connect(uint64_t id, Result<std::unique_ptr<Socket>> result) {
  const auto found = connecting_.find(id);
  const std::shared_ptr<Connecting> ended = std::move(found->second);
  connecting_.erase(found);
  ended->take_done()(std::move(result));
}

void SimNet::resolve(const std::string& host, std::move_only_function<void(Result<std::vector<std::string>>)> done) {
  if (dead_) return;
  Result<std::vector<std::string>> names = std::vector<std::string>{host};
  if (host == "localhost") {
    names = std::vector<std::string>{"127.0.0.1", "::1"};
  } else if (!is_numeric(host)) {
    names = network_.look_up(host);
  }
  answers_.push([tell = std::move(done), found = std::move(names)]() mutable { tell(std::move(found)); });
}

}  // namespace quorate::env::sim
