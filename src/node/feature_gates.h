// node/feature_gates.h: the switches of --feature-gates.
//
// Threads: any; a value. Source: server, section 1.3. No gate has an effect yet.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "env/metrics.h"

namespace quorate::node {

// The gates that were named, by name.
using FeatureGates = std::map<std::string, bool, std::less<>>;

// "A=true,B=false". Errors in etcd's words: `unrecognized feature gate: X`.
Result<FeatureGates> parse_feature_gates(std::string_view text);

// What holds for `gate`: as named, else by AllAlpha or AllBeta, else its default.
bool gate_enabled(const FeatureGates& gates, std::string_view gate);

// etcd_server_feature_enabled, one for each gate: 1 where it is enabled.
void export_gates(env::Metrics& metrics, const FeatureGates& gates);

}  // namespace quorate::node
