// node/flag_table.h: every flag, as one table (flags.def).
//
// Threads: any; constant.
// Source:  server, section 1.1.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace quorate::node {

// What a value looks like, and the texts with which a wrong one is refused.
enum class FlagKind : uint8_t {
  kString,
  kBool,
  kUint,
  kUint32,
  kUint64,
  kInt,
  kInt64,
  kDuration,
  kUrls,     // comma separated, each a Url
  kOrigins,  // "*", or comma separated URLs
  kHosts,    // comma separated names
  kList,     // comma separated; a list in a file
  kGates,    // A=true,B=false
  kClusterState,
  kFallback,
  kV2,
};

enum class FlagClass : uint8_t {
  kWorks,     // as in etcd
  kNoEffect,  // taken; when it is not the default, the log says why it changes nothing
  kRefused,   // when it is not the default: Quorate does not have it yet
};

struct Flag {
  std::string_view name;      // without dashes
  std::string_view variable;  // of the environment; empty for none
  std::string_view yaml;      // key in a file, blocks joined by dots; empty for none
  FlagKind kind;
  std::string_view initial;  // the default as it would be written
  std::string_view unit;
  FlagClass in;
  std::string_view note;  // why without effect, or what brings it
  std::string_view help;
  std::string_view section;
};

// In the order of the help.
std::span<const Flag> flag_table();
// Null when there is none.
const Flag* find_flag(std::string_view name);
// The flag's place in flag_table().
size_t flag_index(const Flag& flag);
// Flags of long ago that are taken and ignored.
bool is_ignored_flag(std::string_view name);

// "works", "no effect", "refused".
std::string_view class_name(FlagClass in);

}  // namespace quorate::node
