#include "node/feature_gates.h"

#include <algorithm>
#include <array>

#include "node/go_values.h"
#include "node/words.h"

namespace quorate::node {
namespace {

enum class Stage : uint8_t { kAll, kAlpha, kBeta };

struct Gate {
  std::string_view name;
  bool initial;
  Stage stage;
};

constexpr std::array<Gate, 11> kGates{{{"AllAlpha", false, Stage::kAll},
                                       {"AllBeta", false, Stage::kAll},
                                       {"CompactHashCheck", false, Stage::kAlpha},
                                       {"FastLeaseKeepAlive", true, Stage::kBeta},
                                       {"InitialCorruptCheck", false, Stage::kAlpha},
                                       {"LeaseCheckpoint", false, Stage::kAlpha},
                                       {"LeaseCheckpointPersist", false, Stage::kAlpha},
                                       {"PriorityRequest", false, Stage::kAlpha},
                                       {"SetMemberLocalAddr", false, Stage::kAlpha},
                                       {"StopGRPCServiceOnDefrag", false, Stage::kAlpha},
                                       {"TxnModeWriteWithSharedBuffer", true, Stage::kBeta}}};

const Gate* find(std::string_view name) {
  const auto* found = std::ranges::find(kGates, name, &Gate::name);
  return found == kGates.end() ? nullptr : found;
}

}  // namespace

Result<FeatureGates> parse_feature_gates(std::string_view text) {
  FeatureGates out;
  for (const std::string_view part : split(text, ',')) {
    if (part.empty()) continue;
    const size_t equals = part.find('=');
    const std::string_view name = trimmed(part.substr(0, equals));
    if (equals == std::string_view::npos) {
      return fail(Code::kInvalidArgument, "missing bool value for " + std::string(name));
    }
    const std::string_view value = trimmed(part.substr(equals + 1));
    const auto on = parse_bool(value);
    if (!on) {
      return fail(Code::kInvalidArgument, "invalid value of " + std::string(name) + "=" + std::string(value) +
                                              ", err: strconv.ParseBool: parsing " + go_quoted(value) +
                                              ": invalid syntax");
    }
    out.insert_or_assign(std::string(name), *on);
  }
  for (const auto& [name, on] : out) {
    if (find(name) == nullptr) return fail(Code::kInvalidArgument, "unrecognized feature gate: " + name);
  }
  return out;
}

bool gate_enabled(const FeatureGates& gates, std::string_view gate) {
  if (const auto named = gates.find(gate); named != gates.end()) return named->second;
  const Gate* known = find(gate);
  if (known == nullptr) return false;
  const std::string_view all = known->stage == Stage::kAlpha ? "AllAlpha" : "AllBeta";
  if (const auto named = gates.find(all); named != gates.end() && known->stage != Stage::kAll) return named->second;
  return known->initial;
}

void export_gates(env::Metrics& metrics, const FeatureGates& gates) {
  for (const Gate& gate : kGates) {
    const bool alpha = gate.stage == Stage::kAlpha || gate.name == "AllAlpha";
    metrics
        .gauge("etcd_server_feature_enabled", "Feature gates: 1 where one is enabled.",
               {{"name", std::string(gate.name)}, {"stage", alpha ? "ALPHA" : "BETA"}})
        .set(gate_enabled(gates, gate.name));
  }
}

}  // namespace quorate::node
