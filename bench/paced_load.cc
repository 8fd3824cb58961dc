// Loads at an even rate. The mix is what a cluster does all day: puts, gets, ranges, leases, and watchers beside them.
#include <algorithm>
#include <cmath>

#include "bench/loads.h"

namespace quorate::bench {

namespace {

constexpr uint32_t kWatchers = 20;
constexpr int64_t kLeaseTtlS = 60;
constexpr uint64_t kSecond = 1'000'000'000;

}  // namespace

PacedLoad::PacedLoad(Runner& runner, bool mixed)
    : runner_(runner),
      mixed_(mixed),
      put_(Request::put(runner.options().value_size)),
      get_(Request::get(false)),
      range_(Request::range()),
      grant_(Request::lease_grant(kLeaseTtlS)),
      due_(size_t{runner.options().connections} * runner.options().streams),
      random_(runner.options().seed) {}

bool PacedLoad::run() {
  const Options& options = runner_.options();
  if (options.rate == 0 || !runner_.connect(options.connections + 1, *this)) return false;
  Connection& watching = runner_.connection(options.connections);
  for (uint32_t i = 0; mixed_ && i < kWatchers; ++i) {
    watching.open("/etcdserverpb.Watch/Watch", Request::watch_create(random_.below(options.keys)).bytes(), i, false);
  }
  for (uint32_t i = 0; i < due_.size(); ++i) idle_.push_back(i);
  began_ns_ = runner_.now_ns();
  runner_.measure([this] { send_what_is_due(); });
  return true;
}

// A request is late from when it was due, whether or not it could be sent then.
void PacedLoad::send_what_is_due() {
  const Options& options = runner_.options();
  while (!idle_.empty()) {
    const uint64_t due = began_ns_ + static_cast<uint64_t>(static_cast<double>(sent_) * kSecond / options.rate);
    if (due > runner_.now_ns()) return;
    const uint32_t slot = idle_.front();
    Connection& connection = runner_.connection(slot / options.streams);
    if (!send(connection, slot)) return;
    due_[slot] = due;
    idle_.pop_front();
    ++sent_;
  }
}

bool PacedLoad::send(Connection& connection, uint32_t slot) {
  const Options& options = runner_.options();
  const uint32_t drawn = mixed_ ? random_.below(100) : 0;
  const uint32_t number = slot % options.streams;
  if (drawn < 45) {
    put_.set_key(random_.below(options.keys));
    return connection.open("/etcdserverpb.KV/Put", put_.bytes(), number, true) != 0;
  }
  if (drawn < 90) {
    get_.set_key(random_.below(options.keys));
    return connection.open("/etcdserverpb.KV/Range", get_.bytes(), number, true) != 0;
  }
  if (drawn < 95) {
    const uint32_t first = random_.below(options.keys - options.range_keys + 1);
    range_.set_key(first);
    range_.set_range_end(first + options.range_keys);
    return connection.open("/etcdserverpb.KV/Range", range_.bytes(), number, true) != 0;
  }
  return connection.open("/etcdserverpb.Lease/LeaseGrant", grant_.bytes(), number, true) != 0;
}

void PacedLoad::on_end(Connection& connection, uint32_t slot, int grpc_status, std::string_view message) {
  if (connection.number() == runner_.options().connections) return runner_.failed("a watch has ended");
  const uint32_t place = connection.number() * runner_.options().streams + slot;
  if (grpc_status != 0) {
    runner_.failed(message);
  } else {
    runner_.succeeded(runner_.now_ns() - std::min(due_[place], runner_.now_ns()));
  }
  idle_.push_back(place);
}

}  // namespace quorate::bench
