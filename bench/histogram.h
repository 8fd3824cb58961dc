// bench/histogram.h: latencies in buckets of at most 1/32 of their value.
//
// Invariant: value_at(q) is never below the true quantile by more than one bucket's width.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace quorate::bench {

class Histogram {
 public:
  void record(uint64_t nanoseconds) {
    ++counts_[bucket_of(nanoseconds)];
    ++total_;
  }

  uint64_t total() const { return total_; }

  // The upper edge of the bucket that holds quantile `q` (0..1), in nanoseconds; 0 when empty.
  uint64_t value_at(double q) const {
    if (total_ == 0) return 0;
    const auto rank = static_cast<uint64_t>(q * static_cast<double>(total_ - 1)) + 1;
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= rank) return upper_edge_of(i);
    }
    return upper_edge_of(counts_.size() - 1);
  }

 private:
  static constexpr unsigned kSubBits = 5;
  static constexpr uint64_t kSub = 1U << kSubBits;

  static size_t bucket_of(uint64_t v) {
    if (v < kSub) return static_cast<size_t>(v);
    const auto shift = static_cast<unsigned>(std::bit_width(v)) - kSubBits - 1;
    return static_cast<size_t>((uint64_t{shift} + 1) * kSub + ((v >> shift) - kSub));
  }

  static uint64_t upper_edge_of(size_t bucket) {
    if (bucket < kSub) return bucket;
    const auto shift = bucket / kSub - 1;
    return ((bucket % kSub + kSub + 1) << shift) - 1;
  }

  std::array<uint64_t, kSub * 60> counts_{};
  uint64_t total_ = 0;
};

}  // namespace quorate::bench
