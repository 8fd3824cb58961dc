// Arguments, variables and a file from one input: NUL ends each word; a word that starts with '=' begins the
// file, one that starts with "ETCD_" is a variable, all others are arguments.
#include <algorithm>

#include "base/check.h"
#include "node/flags.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quorate;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  node::Invocation invocation;
  std::string file;
  invocation.program = size % 2 == 0 ? "etcd" : "quorate";
  while (!rest.empty()) {
    if (rest[0] == '=') {
      file = rest.substr(1);
      break;
    }
    const size_t end = std::min(rest.find('\0'), rest.size());
    const std::string word(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const size_t equals = word.find('=');
    if (word.starts_with("ETCD_") && equals != std::string::npos) {
      invocation.environment[word.substr(0, equals)] = word.substr(equals + 1);
    } else {
      invocation.arguments.push_back(word);
    }
  }
  if (!file.empty()) invocation.arguments.insert(invocation.arguments.begin(), "--config-file=f");
  const node::Launch launch = node::interpret(invocation, [&](const std::string& path) -> Result<std::string> {
    if (path == "f" && !file.empty()) return file;
    return fail(Code::kUnavailable, "open");
  });
  if (const auto* serve = std::get_if<node::Serve>(&launch)) {
    CHECK(!serve->config.data_dir.empty());
    CHECK(serve->config.heartbeat_interval > Duration(0));
    CHECK(serve->config.election_timeout >= 5 * serve->config.heartbeat_interval);
  } else if (const auto* failure = std::get_if<node::Failure>(&launch)) {
    CHECK(!failure->text.empty() || !failure->notes.empty());
    CHECK(failure->exit_code == 1 || failure->exit_code == 2);
  }
  return 0;
}
