#include "env/posix/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "env/posix/socket.h"

namespace quorate::env::posix {
namespace {

// The kernel cuts it to net.core.somaxconn.
constexpr int kBacklog = 65535;
// Descriptors that no client may have: the log's next segment, a checkpoint and the folders of both need some, and a
// member that cannot make a segment has to stop.
constexpr int kReserved = 32;
constexpr Duration kToldAgain = 10s;

// The first descriptor that is for what is no client. The limit may change while the process runs.
int descriptors_for_clients() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > std::numeric_limits<int>::max()) {
    return std::numeric_limits<int>::max();
  }
  const int all = static_cast<int>(limit.rlim_cur);
  return all - std::min(kReserved, all / 4);
}

Status set_option(int fd, int level, int name, int value) {
  if (::setsockopt(fd, level, name, &value, sizeof value) != 0) return net_error("setsockopt", errno);
  return {};
}

Result<Fd> bind_one(const SocketAddress& address, bool both_families, const ListenOptions& options) {
  Fd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail(net_error("socket", errno));
  if (address.family() != AF_UNIX) {
    // Always, as Go does: a restarted server must not wait for old connections to be forgotten.
    if (Status status = set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1); !status.ok()) return fail(std::move(status));
    if (options.reuse_port) {
      if (Status status = set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1); !status.ok())
        return fail(std::move(status));
    }
  }
  if (address.family() == AF_INET6) {
    if (Status status = set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, both_families ? 0 : 1); !status.ok())
      return fail(std::move(status));
  }
  if (::bind(fd.get(), address.get(), address.length) != 0) return fail(net_error("bind", errno));
  if (::listen(fd.get(), kBacklog) != 0) return fail(net_error("listen", errno));
  return fd;
}

// A socket file that a dead server left makes bind fail for ever. One that answers is left alone.
void remove_stale_socket(const Address& address) {
  struct stat found;
  if (::lstat(address.path.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) return;
  const auto target = socket_address(address);
  const Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!target || !fd) return;
  if (::connect(fd.get(), target->get(), target->length) != 0 && errno == ECONNREFUSED) ::unlink(address.path.c_str());
}

}  // namespace

Result<Fd> open_listener(Address& address, const ListenOptions& options) {
  if (!address.path.empty()) remove_stale_socket(address);
  Result<Fd> bound = fail(Status(Code::kUnavailable, "bind: no address"));
  if (address.path.empty() && is_wildcard(address.host)) {
    // One socket for both families where the machine has both, as Go listens.
    TRY(const SocketAddress v6, socket_address({"::", address.port, ""}));
    bound = bind_one(v6, true, options);
    if (!bound && address.host != "::") {
      TRY(const SocketAddress v4, socket_address({"0.0.0.0", address.port, ""}));
      bound = bind_one(v4, false, options);
    }
  } else {
    TRY(const SocketAddress wanted, socket_address(address));
    bound = bind_one(wanted, false, options);
  }
  if (bound && address.path.empty()) {
    SocketAddress got;
    if (::getsockname(bound->get(), got.get(), &got.length) != 0) return fail(net_error("getsockname", errno));
    address.port = port_of(got);
  }
  return bound;
}

PosixListener::PosixListener(PosixLoop& loop, Log& log, Fd fd, Address address, bool owns_path, const Options& options,
                             FdAcceptor accept)
    : loop_(loop),
      log_(log),
      fd_(std::move(fd)),
      address_(std::move(address)),
      owns_path_(owns_path),
      options_(options),
      accept_(std::move(accept)) {}

PosixListener::~PosixListener() {
  if (resting_ != 0) loop_.cancel(resting_);
  // Said aloud: another loop may hold a duplicate of the descriptor, which would keep the watch alive.
  loop_.unwatch(fd_.get(), *this);
  if (owns_path_) ::unlink(address_.path.c_str());
  loop_.bury(*this);
}

// Level-triggered, so that what a burst left is told again; exclusive, so that one connection wakes one loop.
Status PosixListener::start() { return loop_.watch(fd_.get(), EPOLLIN | EPOLLEXCLUSIVE, *this); }

void PosixListener::on_ready(uint32_t) {
  const PosixLoop& loop = loop_;
  for (int i = 0; i < options_.burst && resting_ == 0; ++i) {
    SocketAddress peer;
    Fd fd(::accept4(fd_.get(), peer.get(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      if (errno == EAGAIN) break;
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) rest(errno_text(errno));
      // Anything else is the end of that connection, not of the listener.
      continue;
    }
    hand_over(std::move(fd), peer);
    if (loop.serving() != this) return;
  }
}

void PosixListener::hand_over(Fd accepted, const SocketAddress& peer) {
  if (accepted.get() >= descriptors_for_clients()) {
    kept_ = std::move(accepted);
    kept_peer_ = peer;
    return rest("no descriptors are left for clients; raise the limit of open files");
  }
  if (peer.family() != AF_UNIX) tune_tcp(accepted.get());
  accept_(std::move(accepted), peer);
}

void PosixListener::rest(std::string_view why) {
  if (!told_ || loop_.now() - told_at_ >= kToldAgain) {
    log_.warn("accepting no connections for a while",
              {{"address", address_.text()}, {"error", why}, {"retry-in", options_.rest}});
    told_at_ = loop_.now();
    told_ = true;
  }
  // An exclusive watch cannot be changed, only ended and begun again.
  loop_.unwatch(fd_.get(), *this);
  resting_ = loop_.after(options_.rest, [this] {
    resting_ = 0;
    end_rest();
  });
}

void PosixListener::end_rest() {
  if (kept_) {
    // The lowest free number: it tells whether clients may have one again.
    Fd lower(::fcntl(kept_.get(), F_DUPFD_CLOEXEC, 0));
    if (!lower || lower.get() >= descriptors_for_clients()) {
      resting_ = loop_.after(options_.rest, [this] {
        resting_ = 0;
        end_rest();
      });
      return;
    }
    kept_ = std::move(lower);
  }
  const Status status = start();
  if (!status.ok()) log_.error("cannot listen any more", {{"address", address_.text()}, {"error", status.text()}});
  // Last: whoever gets it may end this listener.
  if (kept_) hand_over(std::move(kept_), kept_peer_);
}

}  // namespace quorate::env::posix
