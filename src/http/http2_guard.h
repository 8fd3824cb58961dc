// http/http2_guard.h: when the other side of an HTTP/2 connection goes too far.
//
// Each call answers the reason to close the connection with ENHANCE_YOUR_CALM, or nothing.
// Loop: the connection's. Source: grpc-go's keep-alive enforcement; CVE-2023-44487, CVE-2019-9511 to 9518.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/limits.h"
#include "base/time.h"

namespace quorate::http {

class Http2Guard {
 public:
  explicit Http2Guard(Duration ping_interval_min) : ping_interval_min_(ping_interval_min) {}

  // A stream ended as it should.
  void on_finished() { ++finished_; }
  // We sent HEADERS or DATA, so that a ping may well be about them.
  void on_sent() { forgive_pings_ = true; }

  std::string_view on_reset(MonoTime now) {
    renew(now);
    return ++resets_ > limits::kResetsPerSecondMax + finished_ ? "too_many_resets" : "";
  }

  std::string_view on_idle_frame(MonoTime now) {
    renew(now);
    return ++idle_frames_ > limits::kIdleFramesPerSecondMax ? "too_many_idle_frames" : "";
  }

  std::string_view on_ping(MonoTime now, size_t open_calls) {
    constexpr Duration kWithoutCalls = 2h;
    constexpr int kStrikesMax = 2;
    const bool forgiven = forgive_pings_;
    const Duration interval_min = open_calls == 0 ? kWithoutCalls : ping_interval_min_;
    const bool too_soon = pinged_ && now - last_ping_ < interval_min;
    last_ping_ = now;
    pinged_ = true;
    forgive_pings_ = false;
    if (forgiven) {
      strikes_ = 0;
    } else if (too_soon) {
      ++strikes_;
    }
    return strikes_ > kStrikesMax ? "too_many_pings" : "";
  }

 private:
  void renew(MonoTime now) {
    if (now - second_ < 1s) return;
    second_ = now;
    resets_ = finished_ = idle_frames_ = 0;
  }

  const Duration ping_interval_min_;
  MonoTime last_ping_{};
  MonoTime second_{};
  size_t resets_ = 0;
  size_t finished_ = 0;
  size_t idle_frames_ = 0;
  int strikes_ = 0;
  bool pinged_ = false;
  bool forgive_pings_ = false;
};

}  // namespace quorate::http
