// env/posix/system.h: file descriptors, the system's errors as statuses, and threads of ours.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/status.h"

namespace quorate::env::posix {

// Owns a descriptor; -1 is none.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int number) : number_(number) {}
  Fd(Fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  ~Fd() { reset(); }

  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  void reset();

 private:
  int number_ = -1;
};

// "address already in use": the system's text, beginning as Go prints it.
std::string errno_text(int error);
// Of a file: the code by the kind of error, the text "<path>: <what>: <error>".
Status file_error(const std::string& path, std::string_view what, int error);
// Of the network: kUnavailable, "<what>: <error>".
Status net_error(std::string_view what, int error);

// A thread with a name (at most 15 bytes) that leaves every signal to the thread that asked for them.
std::thread start_thread(std::string name, std::move_only_function<void()> body);

}  // namespace quorate::env::posix
