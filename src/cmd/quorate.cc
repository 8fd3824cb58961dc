// The server program.
#include "cmd/server_main.h"

int main(int argc, char** argv) { return quorate::cmd::server_main(argc, argv); }
