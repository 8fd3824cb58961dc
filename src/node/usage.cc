#include "node/usage.h"

#include <string_view>

#include "api/version.h"
#include "node/flag_table.h"

namespace quorate::node {
namespace {

constexpr std::string_view kArchitecture =
#if defined(__x86_64__)
    "amd64";
#elif defined(__aarch64__)
    "arm64";
#else
    "unknown";
#endif

std::string_view program(Personality as) { return as == Personality::kEtcd ? "etcd" : "quorate"; }

void pad(std::string& out, size_t line_start, size_t width) {
  const size_t written = out.size() - line_start;
  out.append(written < width ? width - written : 1, ' ');
}

}  // namespace

std::string usage_text(Personality as) {
  const std::string name(program(as));
  std::string out = "Usage:\n\n";
  out += "  " + name + " [flags]\n    Start a server.\n\n";
  out += "  " + name + " --version\n    Print the version.\n\n";
  out += "  " + name + " -h | --help\n    Print every flag.\n\n";
  out += "  " + name +
         " --config-file\n    Read a YAML or JSON file; other flags and variables are then ignored. Durations in it "
         "are nanoseconds.\n\n";
  if (as == Personality::kQuorate) out += "  " + name + " --flags\n    Print what each flag does here.\n\n";
  return out;
}

std::string help_text(Personality as) {
  std::string out;
  std::string_view section;
  for (const Flag& flag : flag_table()) {
    if (as == Personality::kEtcd && flag.section == "Quorate") continue;
    if (flag.section != section) {
      section = flag.section;
      out += "\n" + std::string(section) + ":\n";
    }
    out += "  --" + std::string(flag.name) + " '";
    out += flag.name == "data-dir" ? "${name}." + std::string(program(as)) : std::string(flag.initial);
    out += "'\n    " + std::string(flag.help);
    if (!flag.unit.empty()) out += " (" + std::string(flag.unit) + ")";
    out += "\n";
  }
  return out;
}

std::string version_text(Personality as) {
  std::string out;
  if (as == Personality::kQuorate) out += "quorate Version: " + std::string(kVersion) + "\n";
  out += "etcd Version: " + std::string(api::kEtcdVersion) + "\n";
  if (as == Personality::kEtcd) {
    out += "Git SHA: none (quorate " + std::string(kVersion) + ")\nGo Version: none\n";
    out += "Go OS/Arch: linux/" + std::string(kArchitecture) + "\n";
  }
  return out;
}

std::string flags_text() {
  constexpr size_t kNameWidth = 44, kClassWidth = 56;
  std::string out;
  for (const Flag& flag : flag_table()) {
    const size_t start = out.size();
    out += "--" + std::string(flag.name);
    pad(out, start, kNameWidth);
    out += class_name(flag.in);
    if (!flag.note.empty()) {
      pad(out, start, kClassWidth);
      if (flag.in == FlagClass::kRefused) out += "comes with ";
      out += flag.note;
    }
    out += "\n";
  }
  return out;
}

}  // namespace quorate::node
