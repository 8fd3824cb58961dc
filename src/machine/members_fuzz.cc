// Contexts of conf changes are foreign bytes: whatever they are, members stay as their header says.

#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "machine/members.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quorate;
  if (size == 0) return 0;
  machine::Members members;
  const std::string_view context(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto type = static_cast<pb::ConfChangeType>(data[0] % 5);
  for (MemberId id : {MemberId{1}, MemberId{1}, MemberId{2}}) {
    const size_t before = members.all().size();
    const Status status = members.apply({.id = 1, .type = type, .node_id = id, .context = Bytes::copy(context)});
    CHECK(status.ok() || members.all().size() == before);
    for (const auto& [key, member] : members.all()) {
      CHECK(key == member.id);
      machine::Members again;
      const auto add = member.learner ? pb::ConfChangeType::kAddLearnerNode : pb::ConfChangeType::kAddNode;
      const std::string json = machine::member_json(member);
      CHECK(again.apply({.id = 1, .type = add, .node_id = key, .context = Bytes::copy(json)}).ok());
      CHECK(machine::member_json(*again.find(key)) == json);
    }
  }
  return 0;
}
