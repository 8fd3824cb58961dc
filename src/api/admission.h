// api/admission.h: who of an io loop's requests may go on to the core, by what of answers has not left yet.
//
// A client that asks and does not read would fill the memory with answers. So a request counts for a guess of its
// answer until that is made, then the answer itself counts (http::Server::unsent_bytes), and what does not fit waits:
// by connection, so that only those wait who hold something themselves, unless much more is held than there should be.
//
// Loop:    the io loop's.
// Invariants:
//   (1) Of one connection at most limits::kConnectionQueuedBytesHigh are unsent or awaited before a further request is
//       let in.
//   (2) Over limits::kUnsentBytesHigh in all, one with a large answer is let in only where its connection holds
//   nothing;
//       over limits::kUnsentBytesMax none.
//   (3) What was let in is given back exactly once, by whoever let it in.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "api/methods.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "base/time.h"
#include "http/server.h"

namespace quorate::api {

// What a request may be answered with. Large: nothing in the request bounds it.
enum class AnswerSize : uint8_t { kSmall, kOneValue, kLarge };
AnswerSize answer_size(Method method, const Bytes& request);

class Admission {
 public:
  struct Waiting {
    http::CallId call = 0;
    AnswerSize size{};
    MonoTime since{};
  };
  // What of answers has not left.
  struct Unsent {
    size_t connection = 0, all = 0;
  };

  // Whether it may go on now. Where it may not, it is to be told to wait().
  bool admits(uint64_t connection, AnswerSize size, const Unsent& unsent) const;
  // What an answer of this size counts for.
  size_t guess(AnswerSize size) const { return size == AnswerSize::kOneValue ? guess_ : guess_of(size); }
  void reserve(uint64_t connection, size_t bytes);
  void give_back(uint64_t connection, size_t bytes);
  // An answer with one value was so large.
  void answered(size_t bytes) { guess_ = std::max({bytes, guess_ - guess_ / 64, limits::kAnswerGuessBytes}); }

  void wait(uint64_t connection, const Waiting& waiting);
  bool has_waiting() const { return !turns_.empty(); }
  size_t reserved_bytes() const { return reserved_; }
  size_t connections() const { return lanes_.size(); }

  // Goes over connections with waiting requests, each at most once and `connections_max` in all. `take(waiting)` is
  // asked of the first of each until it answers false: that one goes on waiting.
  template <class Take>
  void step(size_t connections_max, Take&& take) {
    for (size_t left = std::min(connections_max, turns_.size()); left > 0; --left) {
      const uint64_t connection = turns_.front();
      turns_.pop_front();
      while (true) {
        const auto lane = lanes_.find(connection);
        if (lane == lanes_.end() || lane->second.waiting.empty()) break;
        const Waiting first = lane->second.waiting.front();
        if (!take(connection, first)) {
          turns_.push_back(connection);
          break;
        }
        drop_first(connection);
      }
    }
  }

 private:
  struct Lane {
    size_t reserved = 0;
    std::deque<Waiting> waiting;
  };
  static constexpr size_t guess_of(AnswerSize size) {
    return size == AnswerSize::kLarge ? limits::kRangeBytesAtOnce : size_t{256};
  }
  using Lanes = std::unordered_map<uint64_t, Lane>;
  static constexpr size_t kSpareLanesMax = 256;

  Lane& lane_of(uint64_t connection);
  void drop_first(uint64_t connection);
  void forget_if_idle(uint64_t connection);

  Lanes lanes_;                          // of connections that have something in it
  std::vector<Lanes::node_type> spare_;  // so that a request that goes on at once allocates nothing
  std::deque<uint64_t> turns_;           // those with waiting requests
  size_t reserved_ = 0;
  size_t guess_ = limits::kAnswerGuessBytes;
};

}  // namespace quorate::api
