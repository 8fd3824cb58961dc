#include "env/posix/memory.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <limits>

namespace quorate::env::posix {
namespace {

constexpr uint64_t kNone = std::numeric_limits<uint64_t>::max();

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// "max", as no file at all, is no limit.
uint64_t limit_in(const std::string& path) {
  const std::string text = text_of(path);
  uint64_t bytes = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
  return error == std::errc() && end != text.data() ? bytes : kNone;
}

// In a container the path may name what lies outside of it: then only the root's own files are there.
uint64_t limit_along(const std::string& root, std::string path, const char* file) {
  uint64_t least = kNone;
  for (;;) {
    while (!path.empty() && path.back() == '/') path.pop_back();
    least = std::min(least, limit_in(root + path + "/" + file));
    if (path.empty()) return least;
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
}

bool names_memory(std::string_view controllers) {
  while (!controllers.empty()) {
    const size_t comma = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, comma) == "memory") return true;
    controllers.remove_prefix(std::min(comma + 1, controllers.size()));
  }
  return false;
}

}  // namespace

uint64_t group_memory_limit(std::string_view cgroup_file, const std::string& root) {
  uint64_t least = kNone;
  while (!cgroup_file.empty()) {
    const size_t end = std::min(cgroup_file.find('\n'), cgroup_file.size());
    const std::string_view line = cgroup_file.substr(0, end);
    cgroup_file.remove_prefix(std::min(end + 1, cgroup_file.size()));
    const size_t first = line.find(':');
    const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string path(line.substr(second + 1));
    if (controllers.empty()) {
      least = std::min(least, limit_along(root, path, "memory.max"));
    } else if (names_memory(controllers)) {
      least = std::min(least, limit_along(root + "/memory", path, "memory.limit_in_bytes"));
    }
  }
  return least;
}

uint64_t memory_limit() {
  const long pages = ::sysconf(_SC_PHYS_PAGES), page_bytes = ::sysconf(_SC_PAGE_SIZE);
  const uint64_t machine =
      pages > 0 && page_bytes > 0 ? static_cast<uint64_t>(pages) * static_cast<uint64_t>(page_bytes) : kNone;
  const uint64_t least = std::min(machine, group_memory_limit(text_of("/proc/self/cgroup"), "/sys/fs/cgroup"));
  return least == kNone ? 0 : least;
}

}  // namespace quorate::env::posix
