#include "api/debug_vars.h"

#include <nlohmann/json.hpp>

#include "base/ids.h"

namespace quorate::api::plain {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json raft_status(const server::Replica& replica) {
  const std::string self = hex(replica.options().member);
  Json out;
  out["id"] = self;
  out["term"] = replica.term();
  out["vote"] = replica.is_leader() ? self : "0";
  out["commit"] = replica.commit();
  out["lead"] = hex(replica.leader());
  out["raftState"] = replica.is_leader() ? "StateLeader" : "StateFollower";
  out["applied"] = replica.machine().applied_index();
  out["progress"] = Json::object();
  if (replica.is_leader()) {
    const Index match = replica.commit();
    out["progress"][self] = {{"match", match}, {"next", match + 1}, {"state", "StateReplicate"}};
  }
  out["leadtransferee"] = "0";
  return out;
}

}  // namespace

std::string debug_vars(Back& back) {
  env::Metrics& metrics = back.env().metrics;
  const auto number = [&](const char* name) { return static_cast<uint64_t>(metrics.read(name).value_or(0)); };
  const uint64_t resident = number("process_resident_memory_bytes");
  const Json memory = {{"Alloc", resident}, {"Sys", number("process_virtual_memory_bytes")}, {"HeapAlloc", resident}};
  std::string out = "{\n\"cmdline\": " + text_of(back.options().command_line);
  out += ",\n\"file_descriptor_limit\": " + std::to_string(number("process_max_fds"));
  out += ",\n\"memstats\": " + text_of(memory);
  out += ",\n\"raft.status\": " + text_of(raft_status(back.replica())) + "\n}\n";
  return out;
}

}  // namespace quorate::api::plain
