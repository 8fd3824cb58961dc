#include "sim/scene.h"

#include <utility>

#include "pb/codec.h"

namespace quorate::sim {

uint64_t Scene::begin(Kind kind, uint32_t client, std::string request) {
  const uint64_t id = history.operations.size() + 1;
  Operation operation;
  operation.id = id;
  operation.client = client;
  operation.kind = kind;
  operation.begin = operation.end = universe.now();
  operation.request = with_operation_id(std::move(request), id);
  history.operations.push_back(std::move(operation));
  universe.note("request", id, client, history.operations.back().request);
  if (universe.has_listener()) {
    universe.tell("client " + std::to_string(client) + ": " + std::string(kind_name(kind)) + " " + std::to_string(id));
  }
  return id;
}

void Scene::end(uint64_t id, const Status& status, std::string response) {
  Operation& ended = operation(id);
  ended.end = universe.now();
  ended.answered = !leaves_open(status);
  ended.status = status;
  ended.response = std::move(response);
  universe.note("answer", id, static_cast<uint64_t>(status.code()), ended.response);
  // The header is the first field of every response.
  pb::CompactionResponse headed;
  if (status.ok() && pb::decode(ended.response, headed) && headed.header) saw(headed.header->revision);
  if (universe.has_listener()) {
    universe.tell("client " + std::to_string(ended.client) + ": " + std::string(kind_name(ended.kind)) + " " +
                  std::to_string(id) + (status.ok() ? " answered" : " failed: " + status.text()));
  }
}

}  // namespace quorate::sim
