#include "env/posix/log_sink.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "env/posix/address.h"

namespace quorate::env::posix {
namespace {

class Standard final : public LogSink {
 public:
  explicit Standard(int fd) : fd_(fd) {}
  void write(const LogLine& line) override { write_to(fd_, line.text); }

 private:
  const int fd_;
};

class File final : public LogSink {
 public:
  explicit File(Fd fd) : fd_(std::move(fd)) {}
  void write(const LogLine& line) override { write_to(fd_.get(), line.text); }

 private:
  const Fd fd_;
};

// As syslog numbers them.
int priority_of(Level level) {
  switch (level) {
    case Level::kDebug: return 7;
    case Level::kInfo: return 6;
    case Level::kWarn: return 4;
    case Level::kError: return 3;
    case Level::kPanic:
    case Level::kFatal: return 2;
  }
  return 6;
}

// A field of the journal's native protocol: a value with a newline is sent by its length.
void append_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  if (value.find('\n') == std::string_view::npos) {
    out += '=';
  } else {
    out += '\n';
    uint64_t length = value.size();
    for (int i = 0; i < 8; ++i, length >>= 8) out += static_cast<char>(length & 0xff);
  }
  out += value;
  out += '\n';
}

class Journal final : public LogSink {
 public:
  Journal(Fd fd, std::string program) : fd_(std::move(fd)), program_(std::move(program)) {}

  void write(const LogLine& line) override {
    std::string message;
    append_field(message, "PRIORITY", std::to_string(priority_of(line.level)));
    append_field(message, "SYSLOG_IDENTIFIER", program_);
    append_field(message, "PACKAGE", folder_of(line.source_file));
    append_field(message, "MESSAGE", line.text.substr(0, line.text.find_last_not_of('\n') + 1));
    while (::send(fd_.get(), message.data(), message.size(), MSG_NOSIGNAL) < 0 && errno == EINTR) continue;
  }

 private:
  // "node" of ".../src/node/node.cc".
  static std::string_view folder_of(std::string_view file) {
    const size_t slash = file.rfind('/');
    if (slash == std::string_view::npos) return "quorate";
    file = file.substr(0, slash);
    const size_t before = file.rfind('/');
    return before == std::string_view::npos ? file : file.substr(before + 1);
  }

  const Fd fd_;
  const std::string program_;
};

}  // namespace

void write_to(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    text.remove_prefix(static_cast<size_t>(count));
  }
}

std::unique_ptr<LogSink> standard_sink(int fd) { return std::make_unique<Standard>(fd); }

Result<std::unique_ptr<LogSink>> file_sink(const std::string& path) {
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (!file) return fail(file_error(path, "open", errno));
  return std::make_unique<File>(std::move(file));
}

Result<std::unique_ptr<LogSink>> journal_sink(const std::string& socket, std::string program) {
  const auto missing = [&](int error) {
    return fail(Code::kUnavailable,
                "can't find journal (dial unixgram " + socket + ": connect: " + errno_text(error) + ")");
  };
  TRY(const SocketAddress address, socket_address({.host = {}, .port = 0, .path = socket}));
  Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return missing(errno);
  if (::connect(fd.get(), address.get(), address.length) != 0) return missing(errno);
  return std::make_unique<Journal>(std::move(fd), std::move(program));
}

}  // namespace quorate::env::posix
