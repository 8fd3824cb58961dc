#include "cmd/ctl/child_process.h"

#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>

#include "cmd/ctl/go_text.h"

namespace quorate::cmd::ctl {
namespace {

// As Go writes the system's errors.
std::string error_name(int error) {
  if (error == ENOENT) return "no such file or directory";
  if (error == EACCES) return "permission denied";
  return std::strerror(error);
}

std::string signal_name(int number) {
  switch (number) {
    case SIGKILL: return "killed";
    case SIGTERM: return "terminated";
    case SIGINT: return "interrupt";
    case SIGSEGV: return "segmentation fault";
    case SIGABRT: return "aborted";
    default: return "signal " + std::to_string(number);
  }
}

}  // namespace

std::string run_child(const std::vector<std::string>& words, const Environment& environment) {
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  std::vector<char*> arguments, environ_of_child;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  for (const std::string& variable : variables) environ_of_child.push_back(const_cast<char*>(variable.c_str()));
  arguments.push_back(nullptr);
  environ_of_child.push_back(nullptr);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ_of_child.data());
  if (error != 0) {
    if (words[0].find('/') != std::string::npos) return "fork/exec " + words[0] + ": " + error_name(error);
    return "exec: " + quote(words[0]) + ": executable file not found in $PATH";
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  if (WIFSIGNALED(status)) return "signal: " + signal_name(WTERMSIG(status));
  if (WEXITSTATUS(status) != 0) return "exit status " + std::to_string(WEXITSTATUS(status));
  return "";
}

}  // namespace quorate::cmd::ctl
