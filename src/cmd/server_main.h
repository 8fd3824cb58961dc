// cmd/server_main.h: the life of the server's process.
#pragma once

namespace quorate::cmd {

// What `quorate` does, also under the name `etcd`. Returns the exit code; a signal that ended the server is
// raised again by the process itself, as etcd does.
int server_main(int argc, char** argv);

}  // namespace quorate::cmd
