#include "env/posix/system.h"

#include <pthread.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "base/check.h"

namespace quorate::env::posix {

void Fd::reset() {
  if (number_ >= 0) ::close(number_);
  number_ = -1;
}

std::string errno_text(int error) {
  std::string text = std::generic_category().message(error);
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

Status file_error(const std::string& path, std::string_view what, int error) {
  Code code = Code::kInternal;
  switch (error) {
    case ENOENT: code = Code::kNotFound; break;
    case EEXIST: code = Code::kAlreadyExists; break;
    case EACCES:
    case EPERM:
    case EROFS: code = Code::kPermissionDenied; break;
    case ENOSPC:
    case EDQUOT: code = Code::kResourceExhausted; break;
    default: break;
  }
  return Status(code, path + ": " + std::string(what) + ": " + errno_text(error));
}

Status net_error(std::string_view what, int error) {
  return Status(Code::kUnavailable, std::string(what) + ": " + errno_text(error));
}

std::thread start_thread(std::string name, std::move_only_function<void()> body) {
  CHECK(name.size() <= 15);
  // Blocked before the thread is there, so that no signal can slip in.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  CHECK(::pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
  std::thread thread([thread_name = std::move(name), run = std::move(body)]() mutable {
    ::pthread_setname_np(::pthread_self(), thread_name.c_str());
    run();
  });
  CHECK(::pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0);
  return thread;
}

}  // namespace quorate::env::posix
