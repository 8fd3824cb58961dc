#include "bench/loads.h"

namespace quorate::bench {

namespace {
constexpr int64_t kTtlS = 600;
// LeaseGrantResponse and LeaseKeepAliveResponse: ID 2, TTL 3.
constexpr uint32_t kIdField = 2;
constexpr uint32_t kTtlField = 3;
}  // namespace

KeepAliveLoad::KeepAliveLoad(Runner& runner)
    : runner_(runner), slots_(size_t{runner.options().connections} * runner.options().streams) {}

bool KeepAliveLoad::run() {
  const Options& options = runner_.options();
  if (!runner_.connect(options.connections, *this)) return false;
  const Request grant = Request::lease_grant(kTtlS);
  for (uint32_t c = 0; c < options.connections; ++c) {
    for (uint32_t s = 0; s < options.streams; ++s) {
      runner_.connection(c).open("/etcdserverpb.Lease/LeaseGrant", grant.bytes(), s, true);
    }
  }
  const bool all = runner_.turn_until(30, [this] { return granted_ == slots_.size(); });
  if (!all) {
    runner_.failed("not every lease was granted within 30 s");
    return false;
  }
  runner_.measure();
  return true;
}

void KeepAliveLoad::on_data(Connection& connection, uint32_t slot, std::span<const uint8_t> bytes) {
  slot_of(connection, slot).reader.feed(bytes, [&](std::span<const uint8_t> message) {
    take(connection, slot, message);
  });
}

void KeepAliveLoad::take(Connection& connection, uint32_t slot, std::span<const uint8_t> message) {
  Slot& s = slot_of(connection, slot);
  int64_t id = 0;
  int64_t ttl = 0;
  for (Field field; next_field(message, field);) {
    if (field.tag == kIdField) id = static_cast<int64_t>(field.number);
    if (field.tag == kTtlField) ttl = static_cast<int64_t>(field.number);
  }
  if (!s.renewing) {
    s.renewal = Request::lease_keep_alive(id);
    return;
  }
  if (ttl != kTtlS) {
    runner_.failed("a renewal without its TTL");
  } else {
    runner_.succeeded(runner_.now_ns() - s.sent_ns);
  }
  renew(connection, s, slot);
}

void KeepAliveLoad::renew(Connection& connection, Slot& slot, uint32_t number) {
  slot.sent_ns = runner_.now_ns();
  if (slot.stream == 0) {
    slot.stream = connection.open("/etcdserverpb.Lease/LeaseKeepAlive", slot.renewal.bytes(), number, false);
    slot.owed = slot.stream == 0;
  } else {
    slot.owed = !connection.send(slot.stream, slot.renewal.bytes());
  }
}

void KeepAliveLoad::on_end(Connection& connection, uint32_t slot, int grpc_status, std::string_view message) {
  Slot& s = slot_of(connection, slot);
  if (s.renewing || grpc_status != 0) return runner_.failed(message);
  ++granted_;
  s.renewing = true;
  renew(connection, s, slot);
}

void KeepAliveLoad::on_writable(Connection& connection) {
  for (uint32_t i = 0; i < runner_.options().streams; ++i) {
    Slot& s = slot_of(connection, i);
    if (s.owed) renew(connection, s, i);
  }
}

}  // namespace quorate::bench
