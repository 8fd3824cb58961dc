#include "env/sim/connecting.h"

#include <algorithm>
#include <utility>

#include "env/sim/listener.h"
#include "env/sim/net.h"
#include "env/sim/socket.h"

namespace quorate::env::sim {

Connecting::Connecting(SimNet& net, uint64_t id, Route route, Done done)
    : net_(net), id_(id), route_(std::move(route)), done_(std::move(done)) {}

Connecting::~Connecting() {
  if (connection_) connection_->close(0);
}

void Connecting::start() {
  later(net_.network_.knobs_.connect_timeout, &Connecting::time_out);
  later(net_.network_.draw_latency(), &Connecting::arrive);
}

void Connecting::later(Duration delay, void (Connecting::*step)()) {
  net_.universe_.after(delay, [weak = weak_from_this(), step] {
    const auto self = weak.lock();
    if (self && !self->ended_ && !self->net_.dead_) ((*self).*step)();
  });
}

void Connecting::ask_again(void (Connecting::*step)()) {
  later(retry_, step);
  retry_ = std::min<Duration>(retry_ * 2, 8s);
}

bool Connecting::reaches(const std::string& from, const std::string& to) const {
  return net_.network_.is_up(to) && !net_.network_.is_cut(from, to);
}

void Connecting::arrive() {
  SimNetwork& network = net_.network_;
  if (!reaches(net_.place_.host, route_.host)) return ask_again(&Connecting::arrive);
  if (network.prng_.chance(network.knobs_.connect_failures_per_million, 1'000'000)) {
    ++network.faults_.failed_connects;
    return finish(fail(Code::kUnavailable, "connect: connection reset by peer"));
  }
  SimListener* listener = nullptr;
  for (const std::string& key : route_.keys) {
    if (listener == nullptr) listener = network.pick_listener(key);
  }
  if (listener == nullptr) return later(network.draw_latency(), &Connecting::refuse);
  connection_ = network.add_connection({.host = net_.place_.host, .process = net_.place_.process},
                                       {.host = route_.host, .process = listener->process()});
  listener->enqueue(connection_, route_.client_text);
  later(network.draw_latency(), &Connecting::establish);
}

void Connecting::refuse() {
  if (!reaches(route_.host, net_.place_.host)) return ask_again(&Connecting::arrive);
  ++net_.network_.faults_.refused;
  finish(fail(Code::kUnavailable, "connect: connection refused"));
}

void Connecting::establish() {
  if (!reaches(route_.host, net_.place_.host)) return ask_again(&Connecting::establish);
  ++net_.network_.faults_.connections;
  net_.universe_.note("connected", connection_->id(), id_, route_.target_text);
  finish(std::make_unique<SimSocket>(net_.loop_, net_.trace_, std::move(connection_), 0, route_.target_text,
                                     net_.next_source_++));
}

void Connecting::time_out() {
  ++net_.network_.faults_.timed_out_connects;
  if (connection_) std::exchange(connection_, nullptr)->close(0);
  finish(fail(Code::kUnavailable, "connect: connection timed out"));
}

void Connecting::finish(Result<std::unique_ptr<Socket>> result) {
  ended_ = true;
  net_.universe_.note("connect ends", id_, result ? 1 : 0);
  net_.answers_.push(
      [&net = net_, id = id_, end = std::move(result)]() mutable { net.end_connect(id, std::move(end)); });
}

}  // namespace quorate::env::sim
