#include <cstring>

#include "bench/loads.h"

namespace quorate::bench {

namespace {
constexpr uint32_t kWatchedKey = 0;
// How many puts may be ahead of the slowest delivery.
constexpr uint64_t kLagPuts = 32;
// WatchResponse: created 3, canceled 4, events 11; Event: kv 2; KeyValue: value 5.
constexpr uint32_t kCreatedField = 3;
constexpr uint32_t kCanceledField = 4;
constexpr uint32_t kEventsField = 11;
constexpr uint32_t kKvField = 2;
constexpr uint32_t kValueField = 5;
}  // namespace

WatchLoad::WatchLoad(Runner& runner)
    : runner_(runner),
      put_(Request::put(runner.options().value_size)),
      readers_(runner.options().connections),
      watch_streams_(runner.options().connections),
      watchers_(uint64_t{runner.options().connections} * runner.options().streams) {
  put_.set_key(kWatchedKey);
}

bool WatchLoad::run() {
  const Options& options = runner_.options();
  if (!runner_.connect(options.connections + 1, *this)) return false;
  const Request create = Request::watch_create(kWatchedKey);
  for (uint32_t c = 0; c < options.connections; ++c) {
    Connection& connection = runner_.connection(c);
    watch_streams_[c] = connection.open("/etcdserverpb.Watch/Watch", create.bytes(), 0, false);
    for (uint32_t i = 1; i < options.streams; ++i) connection.send(watch_streams_[c], create.bytes());
  }
  if (!runner_.turn_until(30, [this] { return created_ == watchers_; })) {
    runner_.failed("not every watcher was created within 30 s");
    return false;
  }
  writing_ = true;
  write_more();
  runner_.measure();
  return true;
}

void WatchLoad::on_data(Connection& connection, uint32_t, std::span<const uint8_t> bytes) {
  if (connection.number() == runner_.options().connections) return;
  readers_[connection.number()].feed(bytes, [this](std::span<const uint8_t> message) { take(message); });
  write_more();
}

void WatchLoad::take(std::span<const uint8_t> message) {
  uint64_t events = 0;
  for (Field field; next_field(message, field);) {
    if (field.tag == kCreatedField && field.number != 0) ++created_;
    if (field.tag == kCanceledField && field.number != 0) runner_.failed("a watcher was cancelled");
    if (field.tag != kEventsField) continue;
    // One latency a response is sample enough.
    if (events++ == 0) take_event(field.bytes);
  }
  events_ += events;
  runner_.counted(events);
}

void WatchLoad::take_event(std::span<const uint8_t> event) {
  for (Field field; next_field(event, field);) {
    if (field.tag != kKvField) continue;
    std::span<const uint8_t> kv = field.bytes;
    for (Field inner; next_field(kv, inner);) {
      uint64_t stamp = 0;
      if (inner.tag != kValueField || inner.bytes.size() < sizeof stamp) continue;
      std::memcpy(&stamp, inner.bytes.data(), sizeof stamp);
      runner_.succeeded(runner_.now_ns() - stamp, 0);
    }
  }
}

void WatchLoad::write_more() {
  Connection& writer = runner_.connection(runner_.options().connections);
  while (writing_ && in_flight_ < runner_.options().writers && puts_ * watchers_ < events_ + kLagPuts * watchers_) {
    put_.set_stamp(runner_.now_ns());
    if (writer.open("/etcdserverpb.KV/Put", put_.bytes(), 0, true) == 0) return;
    ++puts_;
    ++in_flight_;
  }
}

void WatchLoad::on_end(Connection& connection, uint32_t, int grpc_status, std::string_view message) {
  if (connection.number() != runner_.options().connections) return runner_.failed(message);
  --in_flight_;
  if (grpc_status != 0) {
    --puts_;
    runner_.failed(message);
  }
  write_more();
}

void WatchLoad::on_writable(Connection& connection) {
  if (connection.number() == runner_.options().connections) write_more();
}

}  // namespace quorate::bench
