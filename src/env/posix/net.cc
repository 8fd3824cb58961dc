#include "env/posix/net.h"

#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "env/posix/listener.h"
#include "env/posix/socket.h"

namespace quorate::env::posix {
namespace {

// Blocks; for a thread of the pool.
Result<std::vector<std::string>> look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error != 0) {
    return fail(Code::kUnavailable,
                "lookup " + host + ": " + (error == EAI_NONAME ? "no such host" : ::gai_strerror(error)));
  }
  std::vector<std::string> addresses;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    char text[NI_MAXHOST];
    if (::getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0) continue;
    if (std::find(addresses.begin(), addresses.end(), text) == addresses.end()) addresses.emplace_back(text);
  }
  ::freeaddrinfo(found);
  return addresses;
}

}  // namespace

// One connect that the kernel has not decided yet.
class PosixNet::Connecting final : private Ready {
 public:
  Connecting(PosixNet& net, uint64_t id, Fd fd, const SocketAddress& address, Connected done)
      : net_(net), id_(id), fd_(std::move(fd)), address_(address), done_(std::move(done)) {}
  ~Connecting() override {
    if (fd_) net_.loop_.unwatch(fd_.get(), *this);
    net_.loop_.forget(*this);
  }

  // `so_far` is how the connect went; a failure is told on a later round.
  void start(Status so_far) {
    if (so_far.ok()) so_far = net_.loop_.watch(fd_.get(), EPOLLOUT | EPOLLET, *this);
    if (so_far.ok()) return;
    failure_ = std::move(so_far);
    net_.loop_.make_ready(*this);
  }
  Connected take_done() { return std::move(done_); }

 private:
  void on_ready(uint32_t events) override {
    if (!failure_.ok()) return net_.finish_connect(id_, fail(std::move(failure_)));
    int error = 0;
    socklen_t length = sizeof error;
    if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
    if (error != 0) return net_.finish_connect(id_, fail(net_error("connect", error)));
    if ((events & (EPOLLOUT | EPOLLHUP)) == 0) return;
    net_.loop_.unwatch(fd_.get(), *this);
    net_.finish_connect(id_, net_.adopt(std::move(fd_), address_));
  }

  PosixNet& net_;
  const uint64_t id_;
  Fd fd_;
  const SocketAddress address_;
  Connected done_;
  Status failure_;
};

PosixNet::PosixNet(PosixLoop& loop, PosixPool& pool, Log& log, Trace& trace, uint64_t first_source)
    : loop_(loop),
      pool_(pool),
      log_(log),
      trace_(trace),
      next_source_(first_source),
      lookups_(loop, Priority::kCompletion, std::numeric_limits<size_t>::max(),
               [](Lookup&& lookup) { lookup.done(std::move(lookup.names)); }) {}

PosixNet::~PosixNet() = default;

std::unique_ptr<Socket> PosixNet::adopt(Fd fd, const SocketAddress& peer) {
  return std::make_unique<PosixSocket>(loop_, trace_, std::move(fd), peer, next_source_++);
}

Result<std::unique_ptr<Listener>> PosixNet::listen(const Address& address, const ListenOptions& options,
                                                   Acceptor accept) {
  Address bound = address;
  TRY(Fd fd, open_listener(bound, options));
  auto listener = std::make_unique<PosixListener>(
      loop_, log_, std::move(fd), bound, !bound.path.empty(), PosixListener::Options{kAcceptBurst, kAcceptRest},
      [this, at = bound.text(), hand_over = std::move(accept)](Fd accepted, const SocketAddress& peer) mutable {
        trace_.input(Input::kAccept, next_source_, at);
        hand_over(adopt(std::move(accepted), peer));
      });
  if (Status status = listener->start(); !status.ok()) return fail(std::move(status));
  return listener;
}

Result<std::unique_ptr<Listener>> PosixNet::share(const Listener& listener, Acceptor accept) {
  // Every Listener of this world is one of ours.
  const auto& other = static_cast<const PosixListener&>(listener);
  Fd fd(::fcntl(other.fd(), F_DUPFD_CLOEXEC, 0));
  if (!fd) return fail(net_error("dup", errno));
  auto shared = std::make_unique<PosixListener>(loop_, log_, std::move(fd), other.address(), false,
                                                PosixListener::Options{kAcceptBurst, kAcceptRest},
                                                [this, at = other.address().text(), hand_over = std::move(accept)](
                                                    Fd accepted, const SocketAddress& peer) mutable {
                                                  trace_.input(Input::kAccept, next_source_, at);
                                                  hand_over(adopt(std::move(accepted), peer));
                                                });
  if (Status status = shared->start(); !status.ok()) return fail(std::move(status));
  return shared;
}

void PosixNet::connect(const Address& address, Connected done) {
  const uint64_t id = next_connect_++;
  const auto wanted = socket_address(address);
  Fd fd;
  Status status;
  if (!wanted) {
    status = wanted.error();
  } else {
    fd = Fd(::socket(wanted->family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) {
      status = net_error("socket", errno);
    } else {
      if (wanted->family() != AF_UNIX) tune_tcp(fd.get());
      // A unix socket whose listener is full answers EAGAIN and would never be told of again.
      if (::connect(fd.get(), wanted->get(), wanted->length) != 0 && errno != EINPROGRESS)
        status = net_error("connect", errno);
    }
  }
  const SocketAddress peer = wanted ? *wanted : SocketAddress();
  const auto at =
      connecting_.emplace(id, std::make_unique<Connecting>(*this, id, std::move(fd), peer, std::move(done))).first;
  // A connect that succeeded at once is told by its first event, as any other.
  at->second->start(std::move(status));
}

void PosixNet::finish_connect(uint64_t id, Result<std::unique_ptr<Socket>> result) {
  const auto found = connecting_.find(id);
  if (found == connecting_.end()) return;
  // Kept until the end: this runs inside it.
  const std::unique_ptr<Connecting> ended = std::move(found->second);
  connecting_.erase(found);
  ended->take_done()(std::move(result));
}

void PosixNet::resolve(const std::string& host, Resolved done) {
  if (host == "localhost") return lookups_.push({std::move(done), Names(std::vector<std::string>{"127.0.0.1", "::1"})});
  if (is_numeric(host)) return lookups_.push({std::move(done), Names(std::vector<std::string>{host})});
  pool_.run([this, host, tell = std::move(done)]() mutable {
    Names names = look_up(host);
    lookups_.push({std::move(tell), std::move(names)});
  });
}

}  // namespace quorate::env::posix
