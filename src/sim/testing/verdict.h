// sim/testing/verdict.h: violations as a test compares them.
#pragma once

#include <algorithm>
#include <string>

#include "pb/codec.h"
#include "sim/violation.h"

namespace quorate::sim {

inline std::string texts(const Violations& violations) {
  std::string out;
  for (const Violation& v : violations) out += std::string(violation_name(v.kind)) + ": " + v.text + "\n";
  return out;
}

// Their kinds, each once, in the order of the first of each.
inline std::string kinds(const Violations& violations) {
  std::vector<std::string_view> seen;
  std::string out;
  for (const Violation& v : violations) {
    if (std::find(seen.begin(), seen.end(), violation_name(v.kind)) != seen.end()) continue;
    seen.push_back(violation_name(v.kind));
    out += (out.empty() ? "" : ", ") + std::string(seen.back());
  }
  return out;
}

// `bytes`, decoded, changed by `change`, encoded again.
template <class Message, class Change>
std::string changed(const std::string& bytes, Change change) {
  Message message;
  if (!pb::decode(bytes, message)) return bytes;
  change(message);
  return pb::encode(message);
}

}  // namespace quorate::sim
