#include "env/sim/listener.h"

#include <utility>

#include "env/sim/net.h"
#include "env/sim/socket.h"

namespace quorate::env::sim {

SimListener::SimListener(SimNet& net, std::string key, Address address, bool reuse_port, Acceptor accept)
    : net_(net),
      loop_(net.loop_),
      key_(std::move(key)),
      address_(std::move(address)),
      reuse_port_(reuse_port),
      accept_(std::move(accept)) {
  net_.network_.add_listener(*this);
}

SimListener::~SimListener() {
  loop_.bury(*this);
  if (detached_) return;
  net_.network_.remove_listener(*this);
  // Those that wait go to another that shares the port.
  for (Waiting& each : waiting_) {
    if (SimListener* other = net_.network_.pick_listener(key_)) {
      other->enqueue(std::move(each.connection), std::move(each.peer));
    } else {
      each.connection->reset();
    }
  }
}

const std::string& SimListener::host() const { return net_.place_.host; }
uint64_t SimListener::process() const { return net_.place_.process; }

void SimListener::enqueue(std::shared_ptr<Connection> connection, std::string peer) {
  waiting_.push_back({std::move(connection), std::move(peer)});
  loop_.make_ready(*this);
}

void SimListener::detach() {
  detached_ = true;
  loop_.forget(*this);
  waiting_.clear();
}

void SimListener::on_ready() {
  const SimLoop& loop = loop_;
  for (int i = 0; i < kAcceptBurst && !waiting_.empty(); ++i) {
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    const uint64_t source = net_.next_source_++;
    net_.trace_.input(Input::kAccept, source, address_.text());
    accept_(
        std::make_unique<SimSocket>(loop_, net_.trace_, std::move(next.connection), 1, std::move(next.peer), source));
    if (loop.serving() != this) return;
  }
  if (!waiting_.empty()) loop_.make_ready(*this);
}

}  // namespace quorate::env::sim
