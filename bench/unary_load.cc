#include "bench/loads.h"

namespace quorate::bench {

namespace {

Request request_of(UnaryKind kind, const Options& options) {
  switch (kind) {
    case UnaryKind::kPut:
    case UnaryKind::kFill: return Request::put(options.value_size);
    case UnaryKind::kGet:
    case UnaryKind::kReadAll: return Request::get(false);
    case UnaryKind::kGetSerializable: return Request::get(true);
    case UnaryKind::kRange: return Request::range();
  }
  return {};
}

size_t least_answer_of(UnaryKind kind, const Options& options) {
  const size_t pair = kKeySize + options.value_size;
  switch (kind) {
    case UnaryKind::kPut:
    case UnaryKind::kFill: return 5 + 4;  // a header with a revision at least
    case UnaryKind::kGet:
    case UnaryKind::kReadAll:
    case UnaryKind::kGetSerializable: return pair;
    case UnaryKind::kRange: return pair * options.range_keys;
  }
  return 0;
}

bool is_put(UnaryKind kind) { return kind == UnaryKind::kPut || kind == UnaryKind::kFill; }

// Each key once, in order, and then no more.
bool is_sweep(UnaryKind kind) { return kind == UnaryKind::kFill || kind == UnaryKind::kReadAll; }

constexpr double kSweepLimitS = 600;

}  // namespace

UnaryLoad::UnaryLoad(Runner& runner, UnaryKind kind)
    : runner_(runner),
      kind_(kind),
      request_(request_of(kind, runner.options())),
      path_(is_put(kind) ? "/etcdserverpb.KV/Put" : "/etcdserverpb.KV/Range"),
      least_answer_(least_answer_of(kind, runner.options())),
      slots_(size_t{runner.options().connections} * runner.options().streams),
      stalled_(runner.options().connections),
      random_(runner.options().seed) {}

bool UnaryLoad::run() {
  const Options& options = runner_.options();
  if (!runner_.connect(options.connections, *this)) return false;
  for (uint32_t c = 0; c < options.connections; ++c) {
    for (uint32_t s = 0; s < options.streams; ++s) issue(runner_.connection(c), s);
  }
  if (is_sweep(kind_)) {
    return runner_.turn_until(kSweepLimitS,
                              [this] { return finished_ == runner_.options().keys || runner_.result().errors > 0; });
  }
  runner_.measure();
  return true;
}

void UnaryLoad::issue(Connection& connection, uint32_t slot) {
  const Options& options = runner_.options();
  if (is_sweep(kind_)) {
    if (swept_ == options.keys) return;
    request_.set_key(swept_);
  } else if (kind_ == UnaryKind::kRange) {
    const uint32_t first = random_.below(options.keys - options.range_keys + 1);
    request_.set_key(first);
    request_.set_range_end(first + options.range_keys);
  } else {
    request_.set_key(random_.below(options.keys));
  }
  Slot& s = slot_of(connection, slot);
  s.sent_ns = runner_.now_ns();
  s.received = 0;
  if (connection.open(path_, request_.bytes(), slot, true) != 0) {
    ++swept_;
    return;
  }
  s.stalled = true;
  ++stalled_[connection.number()];
}

void UnaryLoad::on_data(Connection& connection, uint32_t slot, std::span<const uint8_t> bytes) {
  slot_of(connection, slot).received += bytes.size();
}

void UnaryLoad::on_end(Connection& connection, uint32_t slot, int grpc_status, std::string_view message) {
  const Slot& s = slot_of(connection, slot);
  if (grpc_status != 0) {
    runner_.failed(message);
  } else if (s.received < least_answer_) {
    runner_.failed("an answer too short to hold what was asked for");
  } else {
    runner_.succeeded(runner_.now_ns() - s.sent_ns);
    ++finished_;
  }
  issue(connection, slot);
}

void UnaryLoad::on_writable(Connection& connection) {
  if (stalled_[connection.number()] == 0) return;
  for (uint32_t i = 0; i < runner_.options().streams; ++i) {
    Slot& s = slot_of(connection, i);
    if (!s.stalled) continue;
    s.stalled = false;
    --stalled_[connection.number()];
    issue(connection, i);
    if (s.stalled) return;
  }
}

}  // namespace quorate::bench
