#include "env/posix/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/check.h"

namespace quorate::env::posix {
namespace {

constexpr int kKeepAliveS = 30;
constexpr size_t kPiecesMax = 64;  // of one system call

void set_option(int fd, int level, int name, int value) {
  // Advice to the kernel: a connection works without it.
  (void)::setsockopt(fd, level, name, &value, sizeof value);
}

}  // namespace

void tune_tcp(int fd) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, kKeepAliveS);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, kKeepAliveS);
}

PosixSocket::PosixSocket(PosixLoop& loop, Trace& trace, Fd fd, const SocketAddress& peer, uint64_t source)
    : loop_(loop), trace_(trace), fd_(std::move(fd)), peer_(peer), source_(source) {}

PosixSocket::~PosixSocket() {
  close();
  loop_.bury(*this);
}

void PosixSocket::start(SocketEvents& events) {
  CHECK(events_ == nullptr);
  events_ = &events;
  if (!fd_) return;
  const Status status = loop_.watch(fd_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this);
  if (!status.ok()) fail_later(status);
}

size_t PosixSocket::write(std::span<const std::string_view> pieces) {
  if (!fd_ || blocked_ || write_ended_ || failure_) return 0;
  size_t taken = 0;
  for (size_t first = 0; first < pieces.size();) {
    std::array<iovec, kPiecesMax> vectors;
    const size_t count = std::min(pieces.size() - first, kPiecesMax);
    size_t bytes = 0;
    for (size_t i = 0; i < count; ++i) {
      const std::string_view piece = pieces[first + i];
      vectors[i] = {const_cast<char*>(piece.data()), piece.size()};
      bytes += piece.size();
    }
    first += count;
    if (bytes == 0) continue;
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    ssize_t sent;
    do {
      sent = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EAGAIN) {
      fail_later(net_error("write", errno));
      return taken;
    }
    if (sent > 0) taken += static_cast<size_t>(sent);
    if (sent < 0 || static_cast<size_t>(sent) < bytes) {
      blocked_ = true;
      return taken;
    }
  }
  return taken;
}

void PosixSocket::resume_reading() {
  if (!paused_) return;
  paused_ = false;
  if (fd_ && may_read_) loop_.make_ready(*this);
}

void PosixSocket::shutdown_write() {
  if (!fd_ || write_ended_) return;
  write_ended_ = true;
  (void)::shutdown(fd_.get(), SHUT_WR);
  // With both directions ended the connection is gone; that is told on a later round.
  if (read_ended_) loop_.make_ready(*this);
}

void PosixSocket::close() {
  if (!fd_) return;
  loop_.forget(*this);
  fd_.reset();
}

void PosixSocket::on_ready(uint32_t events) {
  // Each callback may destroy this.
  const PosixLoop& loop = loop_;
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) may_read_ = true;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) ending_ = true;
  if ((events & EPOLLOUT) != 0 && blocked_ && !failure_) {
    blocked_ = false;
    events_->on_writable();
    if (loop.serving() != this) return;
  }
  if (fd_ && !failure_ && may_read_ && !paused_ && !read_ended_) {
    read_once();
    if (loop.serving() != this) return;
  }
  if (!fd_) return;
  // A reset is told to those who do not read, too: what they would write leads nowhere.
  if (!failure_ && (events & EPOLLERR) != 0) failure_ = pending_error();
  if (failure_) {
    finish(Status(*failure_));
  } else if (read_ended_ && write_ended_) {
    finish(Status());
  } else if (read_ended_ && (events & EPOLLHUP) != 0) {
    // A unix socket tells at once that nobody reads any more; TCP only when something was written.
    finish(Status(Code::kUnavailable, "connection closed"));
  }
}

void PosixSocket::read_once() {
  ssize_t count;
  do {
    count = ::recv(fd_.get(), loop_.read_buffer(), PosixLoop::kReadBytes, 0);
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    may_read_ = false;
    if (errno != EAGAIN) failure_ = net_error("read", errno);
    return;
  }
  if (count == 0) {
    may_read_ = false;
    read_ended_ = true;
    trace_.input(Input::kReadEnd, source_, {});
    events_->on_read_end();
    return;
  }
  // Fewer than asked for empties the socket; what comes later is a new edge. An end that was announced
  // before is not: it has to be read.
  if (static_cast<size_t>(count) < PosixLoop::kReadBytes && !ending_) may_read_ = false;
  const std::string_view bytes(loop_.read_buffer(), static_cast<size_t>(count));
  trace_.input(Input::kRead, source_, bytes);
  const PosixLoop& loop = loop_;
  events_->on_read(bytes);
  if (loop.serving() != this || !fd_) return;
  if (may_read_ && !paused_) loop_.make_ready(*this);
}

void PosixSocket::fail_later(Status why) {
  if (failure_) return;
  failure_ = std::move(why);
  loop_.make_ready(*this);
}

void PosixSocket::finish(const Status& why) {
  trace_.input(Input::kClosed, source_, why.text());
  close();
  events_->on_closed(why);
}

Status PosixSocket::pending_error() const {
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
  return error == 0 ? Status(Code::kUnavailable, "connection closed") : net_error("read", error);
}

}  // namespace quorate::env::posix
