#include "api/admission.h"

#include "base/check.h"
#include "pb/wire.h"

namespace quorate::api {

AnswerSize answer_size(Method method, const Bytes& request) {
  constexpr uint32_t kRangeEnd = 2;  // of RangeRequest
  switch (method) {
    case Method::kTxn:
    case Method::kRangeStream:
    case Method::kLeaseLeases: return AnswerSize::kLarge;
    case Method::kRange: break;
    case Method::kPut: return AnswerSize::kSmall;  // one with prev_kv is bounded by the one before it
    default: return AnswerSize::kSmall;
  }
  pb::wire::Reader in(request.view());
  uint32_t tag = 0;
  while (in.next(tag)) {
    if (pb::wire::field_of(tag) == kRangeEnd) return AnswerSize::kLarge;
    in.skip(tag);
  }
  return AnswerSize::kOneValue;
}

bool Admission::admits(uint64_t connection, AnswerSize size, const Unsent& unsent) const {
  const auto lane = lanes_.find(connection);
  const size_t awaited = lane == lanes_.end() ? 0 : lane->second.reserved;
  const size_t own = unsent.connection + awaited;
  if (own > 0 && own + guess(size) > limits::kConnectionQueuedBytesHigh) return false;
  if (size == AnswerSize::kSmall) return true;
  const size_t all = unsent.all + reserved_;
  if (all + guess(size) <= limits::kUnsentBytesHigh) return true;
  if (size == AnswerSize::kOneValue) return own == 0 || unsent.connection < limits::kAnswerGuessBytes;
  return own == 0 && unsent.all <= limits::kUnsentBytesMax && reserved_ <= limits::kUnsentBytesHigh;
}

Admission::Lane& Admission::lane_of(uint64_t connection) {
  const auto found = lanes_.find(connection);
  if (found != lanes_.end()) return found->second;
  if (spare_.empty()) return lanes_[connection];
  Lanes::node_type node = std::move(spare_.back());
  spare_.pop_back();
  node.key() = connection;
  return lanes_.insert(std::move(node)).position->second;
}

void Admission::reserve(uint64_t connection, size_t bytes) {
  lane_of(connection).reserved += bytes;
  reserved_ += bytes;
}

void Admission::give_back(uint64_t connection, size_t bytes) {
  const auto lane = lanes_.find(connection);
  CHECK(lane != lanes_.end() && lane->second.reserved >= bytes);
  lane->second.reserved -= bytes;
  reserved_ -= bytes;
  forget_if_idle(connection);
}

void Admission::wait(uint64_t connection, const Waiting& waiting) {
  Lane& lane = lane_of(connection);
  if (lane.waiting.empty()) turns_.push_back(connection);
  lane.waiting.push_back(waiting);
}

void Admission::drop_first(uint64_t connection) {
  const auto lane = lanes_.find(connection);
  if (lane == lanes_.end()) return;
  lane->second.waiting.pop_front();
  forget_if_idle(connection);
}

void Admission::forget_if_idle(uint64_t connection) {
  const auto lane = lanes_.find(connection);
  if (lane->second.reserved != 0 || !lane->second.waiting.empty()) return;
  if (spare_.size() < kSpareLanesMax) {
    spare_.push_back(lanes_.extract(lane));
  } else {
    lanes_.erase(lane);
  }
}

}  // namespace quorate::api
