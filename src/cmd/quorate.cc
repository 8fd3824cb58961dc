// The server program, and `quorate replay`. Under etcd's name there is no such command.
#include <cstdlib>
#include <string_view>

#include "base/mutant.h"
#include "cmd/replay_main.h"
#include "cmd/server_main.h"

// jemalloc's. Without threads of its own it gives nothing back to the system while the program rests.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true,dirty_decay_ms:5000,muzzy_decay_ms:0";
}

int main(int argc, char** argv) {
  using namespace quorate;  // NOLINT: the names are few
  // Of a build for tests.
  if (const char* mutant = kHasMutants ? std::getenv("QUORATE_MUTANT") : nullptr) switch_on(mutant_by_name(mutant));
  if (argc > 1 && std::string_view(argv[1]) == "replay" && !std::string_view(argv[0]).ends_with("etcd")) {
    return cmd::replay_main(argc, argv);
  }
  return cmd::server_main(argc, argv);
}
