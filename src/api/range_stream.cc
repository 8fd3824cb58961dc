// KV.RangeStream: one range as a stream of answers that begin small and grow (v3 API, section 4.3).
#include <algorithm>

#include "api/back.h"
#include "api/parts_share.h"
#include "base/limits.h"
#include "pb/codec.h"

namespace quorate::api::kv {
namespace {

constexpr int64_t kFirstChunkKeys = 10;

Status check_streamable(const pb::RangeRequest& request) {
  if (const Status status = machine::check(request); !status.ok()) return status;
  // Order NONE passes with any target.
  const bool by_key = request.sort_order == pb::SortOrder::kAscend && request.sort_target == pb::SortTarget::kKey;
  if (request.sort_order != pb::SortOrder::kNone && !by_key) return errors::RangeStreamSort();
  const bool filtered = request.min_mod_revision != 0 || request.max_mod_revision != 0 ||
                        request.min_create_revision != 0 || request.max_create_revision != 0;
  return filtered ? errors::RangeStreamFilter() : Status();
}

// Sends as fast as the client reads: a chunk is encoded only when what was sent before has left.
class RangeStream final : public Stream {
 public:
  RangeStream(Back& back, StreamWriter writer) : back_(back), writer_(writer), alive_(std::make_shared<bool>(true)) {}
  ~RangeStream() override { *alive_ = false; }

  void on_message(Bytes message) override {
    if (!buffer_.empty() || ended_) return end(Status(Code::kInternal, "received two messages on a server stream"));
    buffer_ = std::move(message);
    if (!pb::decode(buffer_.view(), request_)) return end(malformed_message());
    if (const Status status = check_streamable(request_); !status.ok()) return end(status);
    if (request_.serializable) return begin();
    back_.replica().read([this, alive = alive_](const Status& status) {
      if (!*alive) return;
      if (!status.ok()) return end(status);
      begin();
    });
  }

  void on_credit(size_t bytes) override {
    unsent_.set(writer_.credit(bytes));
    if (begun_) writer_.want_turn();
  }

  // A chunk may be large, and others have their turn between two of them.
  bool on_turn() override {
    if (!ended_ && unsent_.may_send()) send_chunk();
    return !ended_ && unsent_.may_send();
  }

 private:
  void begin() {
    begun_ = true;
    header_ = back_.replica().header();
    if (request_.revision <= 0) request_.revision = header_.revision;
    limit_ = request_.limit;
    next_key_ = request_.key;
    if (on_turn()) writer_.want_turn();
  }

  // A chunk has so many keys because the one before was small; what is too large then comes with the next.
  void cut(pb::RangeResponse& response) const {
    const bool over = back_.parts_bytes() >= limits::kPartsBytesHigh;
    const size_t bytes_max = over ? limits::kRangePartBytes : aim_bytes();
    size_t bytes = 0, keys = 0;
    while (keys < response.kvs.size() && (keys == 0 || bytes < bytes_max)) {
      bytes += response.kvs[keys].key.size() + response.kvs[keys].value.size();
      ++keys;
    }
    if (keys == response.kvs.size()) return;
    response.kvs.resize(keys);
    response.more = true;
  }

  void send_chunk() {
    pb::RangeRequest chunk = request_;
    chunk.key = next_key_;
    const int64_t left = limit_ > 0 ? limit_ - sent_keys_ : chunk_keys_;
    chunk.limit = std::min(chunk_keys_, left);
    Result<pb::RangeResponse> response = back_.replica().machine().store().range(chunk);
    if (!response) return end(response.error());
    if (sorts_what_does_not_fit(*response)) {
      request_.sort_target = pb::SortTarget::kKey;
      return;
    }
    if (request_.sort_target == pb::SortTarget::kKey) cut(*response);
    if (total_ < 0) total_ = response->count;
    sent_keys_ += static_cast<int64_t>(response->kvs.size());
    const bool limit_reached = limit_ > 0 && sent_keys_ >= limit_;
    const bool last = !response->more || limit_reached || request_.count_only;
    if (!response->kvs.empty()) next_key_ = std::string(response->kvs.back().key) + '\0';
    response->header.reset();
    response->more = last && response->more;
    response->count = last ? total_ : 0;
    if (last) response->header = header_;
    std::string encoded = pb::encode(pb::RangeStreamResponse{std::move(*response)});
    grow_or_shrink(encoded.size());
    unsent_.set(writer_.send(std::move(encoded)));
    if (last) end(Status());
  }

  // A target sorts one chunk only. Where there are several, etcd goes on after the last of a sorted one, and so loses
  // and repeats keys; here they come in key order then.
  bool sorts_what_does_not_fit(const pb::RangeResponse& response) const {
    const bool whole = !response.more || (limit_ > 0 && static_cast<int64_t>(response.kvs.size()) >= limit_);
    return request_.sort_target != pb::SortTarget::kKey && !whole && !request_.count_only;
  }

  // A message holds the loop for as long as it takes to copy.
  size_t aim_bytes() const { return std::min(back_.options().limits.max_request_bytes, limits::kRangeStreamPartBytes); }

  void grow_or_shrink(size_t message_bytes) {
    const size_t aim = aim_bytes();
    if (message_bytes < aim / 2) {
      chunk_keys_ *= 2;
    } else if (message_bytes > aim * 2) {
      chunk_keys_ = std::max<int64_t>(1, chunk_keys_ / 2);
    }
  }

  void end(const Status& status) {
    if (std::exchange(ended_, true)) return;
    writer_.finish(status);
  }

  Back& back_;
  StreamWriter writer_;
  std::shared_ptr<bool> alive_;  // false once this is gone, for a read under way
  Bytes buffer_;                 // what request_ views into
  pb::RangeRequest request_;
  pb::ResponseHeader header_;  // of the moment when the stream began
  std::string next_key_;
  int64_t limit_ = 0, chunk_keys_ = kFirstChunkKeys, sent_keys_ = 0, total_ = -1;
  PartsShare unsent_{back_};
  bool begun_ = false, ended_ = false;
};

}  // namespace

std::unique_ptr<Stream> range_stream(Back& back, StreamWriter writer) {
  return std::make_unique<RangeStream>(back, writer);
}

}  // namespace quorate::api::kv
