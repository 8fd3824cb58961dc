#include "env/posix/signals.h"

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

#include "base/check.h"

namespace quorate::env::posix {
namespace {

sigset_t ending_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

Signals::Signals(PosixLoop& loop, std::move_only_function<void(int)> handler)
    : loop_(loop), handler_(std::move(handler)) {
  const sigset_t set = ending_signals();
  CHECK(::pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  fd_ = Fd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  CHECK(fd_);
  CHECK(std::signal(SIGPIPE, SIG_IGN) != SIG_ERR);
  CHECK(loop_.watch(fd_.get(), EPOLLIN, *this).ok());
}

Signals::~Signals() {
  loop_.unwatch(fd_.get(), *this);
  const sigset_t set = ending_signals();
  CHECK(::pthread_sigmask(SIG_UNBLOCK, &set, nullptr) == 0);
}

void Signals::on_ready(uint32_t) {
  signalfd_siginfo info;
  if (::read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info))
    handler_(static_cast<int>(info.ssi_signo));
}

}  // namespace quorate::env::posix
