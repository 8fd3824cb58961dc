// node/usage.h: what the server prints instead of serving.
//
// Threads: any; pure functions.
#pragma once

#include <cstdint>
#include <string>

namespace quorate::node {

inline constexpr const char* kVersion = "0.1.0";

// Under whose name the program was called.
enum class Personality : uint8_t { kQuorate, kEtcd };

// The few lines that follow an error of syntax, on standard error.
std::string usage_text(Personality as);
// Every flag with its default.
std::string help_text(Personality as);
std::string version_text(Personality as);
// Every flag with its class, and why.
std::string flags_text();

}  // namespace quorate::node
