#include "env/sim/network.h"

#include <algorithm>

#include "env/sim/connection.h"
#include "env/sim/listener.h"

namespace quorate::env::sim {
namespace {

constexpr uint16_t kFirstPort = 32768;
constexpr uint16_t kPorts = 28000;

}  // namespace

SimNetwork::SimNetwork(Universe& universe) : universe_(universe), prng_(universe.prng().fork()) {}
SimNetwork::~SimNetwork() = default;

void SimNetwork::cut(const std::string& from, const std::string& to) {
  if (from == to || !cuts_.insert({from, to}).second) return;
  universe_.note("cut", 0, 0, from + ">" + to);
}

void SimNetwork::heal(const std::string& from, const std::string& to) {
  if (cuts_.erase({from, to}) == 0) return;
  universe_.note("heal", 0, 0, from + ">" + to);
  resume_connections();
}

void SimNetwork::heal_all() {
  if (cuts_.empty()) return;
  cuts_.clear();
  universe_.note("heal", 0, 0);
  resume_connections();
}

void SimNetwork::resume_connections() {
  for (const auto& [id, connection] : connections_) connection->resume();
}

std::vector<std::shared_ptr<Connection>> SimNetwork::connections_where(
    std::move_only_function<bool(const Connection&) const> wanted) const {
  std::vector<std::shared_ptr<Connection>> found;
  for (const auto& [id, connection] : connections_) {
    if (wanted(*connection)) found.push_back(connection);
  }
  return found;
}

void SimNetwork::reset_all(const std::string& host) {
  const auto touches = [&host](const Connection& each) { return each.end(0).host == host || each.end(1).host == host; };
  for (const auto& connection : connections_where(touches)) connection->reset();
}

void SimNetwork::stall_reader(const std::string& host, MonoTime until) {
  stalls_[host] = until;
  universe_.note("stall", 0, 0, host);
}

void SimNetwork::add_name(const std::string& name, std::vector<std::string> addresses) {
  names_[name] = std::move(addresses);
}

void SimNetwork::power_on(const std::string& host) { powered_.insert(host); }

void SimNetwork::power_off(const std::string& host) {
  powered_.erase(host);
  universe_.note("power off", 0, 0, host);
}

void SimNetwork::drop_process(uint64_t process, bool power_fails) {
  for (auto at = listeners_.begin(); at != listeners_.end();) {
    std::erase_if(at->second, [process](SimListener* listener) {
      if (listener->process() != process) return false;
      listener->detach();
      return true;
    });
    at = at->second.empty() ? listeners_.erase(at) : std::next(at);
  }
  for (const int end : {0, 1}) {
    const auto ours = [&](const Connection& each) { return each.end(end).process == process; };
    for (const auto& connection : connections_where(ours)) connection->drop(end, power_fails);
  }
}

MonoTime SimNetwork::stalled_until(const std::string& host) const {
  const auto found = stalls_.find(host);
  return found == stalls_.end() ? MonoTime() : found->second;
}

Duration SimNetwork::draw_latency() {
  const auto spread = static_cast<uint64_t>((knobs_.latency_max - knobs_.latency_min).count());
  return knobs_.latency_min + Duration(static_cast<int64_t>(prng_.below(spread + 1)));
}

void SimNetwork::add_listener(SimListener& listener) { listeners_[listener.key()].push_back(&listener); }

void SimNetwork::remove_listener(SimListener& listener) {
  const auto found = listeners_.find(listener.key());
  if (found == listeners_.end()) return;
  std::erase(found->second, &listener);
  if (found->second.empty()) listeners_.erase(found);
}

bool SimNetwork::may_listen(const std::string& key, bool reuse_port) const {
  const auto found = listeners_.find(key);
  if (found == listeners_.end()) return true;
  return reuse_port && std::all_of(found->second.begin(), found->second.end(),
                                   [](const SimListener* each) { return each->reuse_port(); });
}

SimListener* SimNetwork::pick_listener(const std::string& key) {
  const auto found = listeners_.find(key);
  if (found == listeners_.end()) return nullptr;
  return found->second[static_cast<size_t>(prng_.below(found->second.size()))];
}

uint16_t SimNetwork::free_port(const std::string& host) {
  return static_cast<uint16_t>(kFirstPort + ports_handed_out_[host]++ % kPorts);
}

Result<std::vector<std::string>> SimNetwork::look_up(const std::string& name) const {
  const auto found = names_.find(name);
  if (found == names_.end()) return fail(Code::kUnavailable, "lookup " + name + ": no such host");
  return found->second;
}

std::shared_ptr<Connection> SimNetwork::add_connection(ConnectionEnd client, ConnectionEnd server) {
  const uint64_t id = next_id_++;
  auto made = std::make_shared<Connection>(*this, id, std::move(client), std::move(server));
  connections_.emplace(id, made);
  return made;
}

}  // namespace quorate::env::sim
