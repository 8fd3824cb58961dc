// KV.Range, unary: answered at once where it is small, and else encoded as fast as the client reads it
// (v3 API, section 4.2).
#include <algorithm>

#include "api/back.h"
#include "api/parts_share.h"
#include "base/limits.h"
#include "mvcc/range_writer.h"
#include "pb/codec.h"

namespace quorate::api::kv {
namespace {

// What came at `since` took until now.
Duration took(Back& back, MonoTime since) { return back.env().clock.now() - since; }

Status check_size(size_t bytes) { return bytes > limits::kMaxSendBytes ? larger_than_can_be_sent(bytes) : Status(); }

// One message of known length in parts. What a client does not read is not encoded: of the store it holds no more than
// a pin, and that only so long after a compaction that would free it.
class RangeReply final : public Stream {
 public:
  RangeReply(Back& back, StreamWriter writer, Bytes message, const pb::RangeRequest& request, MonoTime since,
             std::unique_ptr<mvcc::RangeWriter> range)
      : back_(back),
        writer_(writer),
        message_(std::move(message)),
        request_(request),
        since_(since),
        range_(std::move(range)) {
    watch_compaction();
  }
  ~RangeReply() override { back_.env().core.cancel(timer_); }

  void on_message(Bytes) override {}

  bool on_turn() override {
    if (!measured_) {
      if (!range_->measure(limits::kRangeKeysPerTurn)) return true;
      begin();
    }
    return pump();
  }

  void on_credit(size_t bytes) override {
    unsent_.set(writer_.credit(bytes));
    if (measured_) writer_.want_turn();
  }

 private:
  void begin() {
    measured_ = true;
    const Status status = check_size(range_->bytes());
    back_.replica().meter().answered(request_, status, static_cast<size_t>(range_->pairs()), range_->bytes(),
                                     took(back_, since_));
    if (!status.ok()) return end(status);
    writer_.begin_message(range_->bytes());
  }

  // Whether there is more that can be sent now.
  bool pump() {
    size_t budget = limits::kRangeKeysPerTurn;
    while (!ended_ && unsent_.may_send()) {
      std::string part;
      part.reserve(std::min(limits::kRangePartBytes + kSlackBytes, range_->bytes()));
      const bool last = range_->write(budget, limits::kRangePartBytes, part);
      const bool slice_done = part.size() < limits::kRangePartBytes;
      if (!part.empty()) unsent_.set(writer_.send_part(std::move(part)));
      if (last) {
        end(Status());
      } else if (slice_done) {
        return true;
      }
    }
    return false;
  }

  void watch_compaction() {
    timer_ = back_.env().core.after(limits::kOvertakenReplyMax / 8, [this] {
      const bool overtaken = back_.replica().machine().store().compacted() > range_->revision();
      overtaken_ticks_ = overtaken ? overtaken_ticks_ + 1 : 0;
      if (overtaken_ticks_ > 8) return end(errors::Compacted());
      watch_compaction();
    });
  }

  // In the midst of the message the stream is reset, whatever the status.
  void end(const Status& status) {
    if (std::exchange(ended_, true)) return;
    writer_.finish(status,
                   pb::encode(pb::RangeResponse{.header = {}, .kvs = {}, .more = false, .count = range_->count()}));
  }

  static constexpr size_t kSlackBytes = 4096;  // for the pair that crosses the bound

  Back& back_;
  StreamWriter writer_;
  const Bytes message_;  // what request_ views into
  const pb::RangeRequest request_;
  const MonoTime since_;
  const std::unique_ptr<mvcc::RangeWriter> range_;
  PartsShare unsent_{back_};
  int overtaken_ticks_ = 0;
  env::TimerId timer_ = 0;
  bool measured_ = false, ended_ = false;
};

size_t value_bytes(const pb::RangeResponse& response) {
  size_t bytes = 0;
  for (const pb::KeyValue& kv : response.kvs) bytes += kv.key.size() + kv.value.size();
  return bytes;
}

// False where the answer is too large for that.
bool answer_at_once(Back& back, const Responder& call, const pb::RangeRequest& request, MonoTime since) {
  Result<pb::RangeResponse> response = back.replica().machine().store().range(request);
  if (response && response->kvs.size() > 1 && value_bytes(*response) > limits::kRangeBytesAtOnce) return false;
  back.replica().meter().answered(request, response, took(back, since));
  if (!response) {
    call.fail(response.error());
    return true;
  }
  response->header = back.replica().header(response->header);
  call.reply(pb::encode(*response));
  return true;
}

// `request` views into `message`.
void answer_range(Back& back, const Responder& call, Bytes message, const pb::RangeRequest& request, MonoTime since) {
  const mvcc::Store& store = back.replica().machine().store();
  const bool few = store.looks_at_few(request, limits::kRangeKeysAtOnce);
  if (few && answer_at_once(back, call, request, since)) return;
  auto range = mvcc::RangeWriter::open(store, request, back.replica().header());
  if (!range) {
    back.replica().meter().answered(request, range.error(), 0, 0, took(back, since));
    return call.fail(range.error());
  }
  if ((*range)->measure(limits::kRangeKeysAtOnce) && (*range)->bytes() <= limits::kRangeBytesAtOnce) {
    std::string encoded;
    encoded.reserve((*range)->bytes());
    while (!(*range)->write(limits::kRangeKeysPerTurn, limits::kMaxSendBytes, encoded)) {}
    back.replica().meter().answered(request, Status(), static_cast<size_t>((*range)->pairs()), encoded.size(),
                                    took(back, since));
    return call.reply(std::move(encoded));
  }
  StreamWriter writer = call.in_parts();
  back.adopt(call, std::make_unique<RangeReply>(back, writer, std::move(message), request, since, std::move(*range)));
  writer.want_turn();
}

}  // namespace

void range(Back& back, Responder call, Bytes message) {
  pb::RangeRequest request;
  if (!pb::decode(message.view(), request)) return call.fail(malformed_request());
  if (const Status status = machine::check(request); !status.ok()) return call.fail(status);
  const MonoTime since = back.env().core.now();
  if (request.serializable) return answer_range(back, call, std::move(message), request, since);
  // `request` views into `message`, which the completion keeps alive.
  back.replica().read([&back, call, message = std::move(message), request, since](const Status& status) mutable {
    if (!status.ok()) return call.fail(status);
    answer_range(back, call, std::move(message), request, since);
  });
}

}  // namespace quorate::api::kv
