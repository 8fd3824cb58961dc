// env/posix/signals.h: the signals that ask the program to end, as calls on a loop.
//
// Loop:    the one given; made before run() is called, on the thread that will call it.
// Only a program of ours makes one: a process that embeds a member keeps its own signals.
#pragma once

#include <functional>

#include "env/posix/loop.h"

namespace quorate::env::posix {

class Signals final : private Ready {
 public:
  // SIGTERM and SIGINT are taken from the calling thread and told to `handler`, by number, on `loop`. Threads
  // that are not of start_thread() and were made before must have blocked both. SIGPIPE is ignored.
  Signals(PosixLoop& loop, std::move_only_function<void(int)> handler);
  ~Signals() override;
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  void on_ready(uint32_t events) override;

  PosixLoop& loop_;
  std::move_only_function<void(int)> handler_;
  Fd fd_;
};

}  // namespace quorate::env::posix
