// The command line client: quoratectl, and etcdctl under that name.
#include <unistd.h>

#include <filesystem>
#include <iostream>

#include "cmd/ctl/command.h"

int main(int argc, char** argv) {
  namespace ctl = quorate::cmd::ctl;
  const std::string name = argc > 0 ? std::filesystem::path(argv[0]).filename().string() : "";
  ctl::Environment environment;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string_view variable = *at;
    const size_t equals = variable.find('=');
    if (equals != std::string_view::npos) environment.emplace(variable.substr(0, equals), variable.substr(equals + 1));
  }
  const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  std::ios::sync_with_stdio(false);
  const int exit_code = ctl::run_command_line(name == "etcdctl" ? name : "quoratectl", arguments, environment,
                                              {STDIN_FILENO, std::cout, std::cerr});
  std::cout.flush();
  return exit_code;
}
