#include "api/back.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/mutant.h"
#include "pb/wire.h"

namespace quorate::api {
namespace {

// After so many ticks without a leader, streams that required one are ended.
constexpr int kLeaderlessTicks = 3;
constexpr size_t kHeldItemsMax = 4096;
constexpr size_t kHeldBytesMax = 64 * 1024 * 1024;
constexpr std::string_view kMalformed = "proto:\u00a0cannot parse invalid wire-format data";

using UnaryHandler = void (*)(Back&, Responder, Bytes);
using StreamFactory = std::unique_ptr<Stream> (*)(Back&, StreamWriter);

UnaryHandler unary_handler(Method method) {
  switch (method) {
    case Method::kRange: return kv::range;
    case Method::kPut: return kv::put;
    case Method::kDeleteRange: return kv::delete_range;
    case Method::kTxn: return kv::txn;
    case Method::kCompact: return kv::compact;
    case Method::kLeaseGrant: return lease_service::grant;
    case Method::kLeaseRevoke: return lease_service::revoke;
    case Method::kLeaseTimeToLive: return lease_service::time_to_live;
    case Method::kLeaseLeases: return lease_service::leases;
    case Method::kMemberList: return cluster::member_list;
    case Method::kStatus: return maintenance::status;
    case Method::kAlarm: return maintenance::alarm;
    case Method::kHashKv: return maintenance::hash_kv;
    case Method::kDefragment: return maintenance::defragment;
    case Method::kHash: return maintenance::hash;
    case Method::kAuthStatus: return auth_service::status;
    case Method::kAuthenticate: return auth_service::authenticate;
    case Method::kHealthCheck: return health::check;
    case Method::kHealthList: return health::list;
    case Method::kRangeStream:
    case Method::kWatch:
    case Method::kLeaseKeepAlive:
    case Method::kHealthWatch: break;
  }
  return nullptr;
}

StreamFactory stream_factory(Method method) {
  switch (method) {
    case Method::kRangeStream: return kv::range_stream;
    case Method::kWatch: return watch_service::watch;
    case Method::kLeaseKeepAlive: return lease_service::keep_alive;
    case Method::kHealthWatch: return health::watch;
    default: return nullptr;
  }
}

// Health is asked of a server without a leader too.
bool exempt_from_leader_check(Method method) {
  return method == Method::kHealthCheck || method == Method::kHealthList || method == Method::kHealthWatch;
}

}  // namespace

bool refuse_without_room(Back& back, const Responder& call, uint64_t cost) {
  server::Quota& quota = back.replica().quota();
  if (quota.admits(cost)) return false;
  quota.raise([call] { call.fail(errors::NoSpace()); });
  return true;
}

Status malformed_request() {
  return Status(Code::kInternal, "grpc: error unmarshalling request: " + std::string(kMalformed));
}

Status malformed_request(const Bytes& message, std::initializer_list<uint32_t> string_fields) {
  pb::wire::Reader in(message.view());
  uint32_t tag = 0;
  while (in.next(tag)) {
    const bool text =
        pb::wire::type_of(tag) == pb::wire::Type::kBytes &&
        std::find(string_fields.begin(), string_fields.end(), pb::wire::field_of(tag)) != string_fields.end();
    if (!text) {
      in.skip(tag);
      continue;
    }
    std::string_view value;
    in.bytes(value);
    if (in.ok() && !pb::wire::is_utf8(value)) {
      return {Code::kInternal, "grpc: error unmarshalling request: string field contains invalid UTF-8"};
    }
  }
  return malformed_request();
}

Status malformed_message() {
  return Status(Code::kInternal, "grpc: failed to unmarshal the received message: " + std::string(kMalformed));
}

Status larger_than_can_be_sent(size_t bytes) {
  return Status(Code::kResourceExhausted, "grpc: trying to send message larger than max (" + std::to_string(bytes) +
                                              " vs. " + std::to_string(limits::kMaxSendBytes) + ")");
}

void Responder::reply(std::string encoded) const {
  if (encoded.size() > limits::kMaxSendBytes) {
    return fail(larger_than_can_be_sent(encoded.size()));
  }
  back_->env().trace.mark(env::Stage::kReply, call_, 0);
  back_->metrics().message_sent(method_, encoded.size());
  back_->metrics().handled(method_, Code::kOk, back_->env().core.now() - since_);
  ToIo item;
  item.kind = ToIo::Kind::kReply;
  item.call = call_;
  item.message = Bytes::adopt(std::move(encoded));
  item.times = back_->stamps().take(call_);
  if (mutated(Mutant::kWrongStream)) back_->confuse(item);
  back_->answer(io_, std::move(item));
}

void Responder::fail(const Status& status) const {
  back_->metrics().handled(method_, status.code(), back_->env().core.now() - since_);
  ToIo item;
  item.kind = ToIo::Kind::kFinish;
  item.call = call_;
  item.status = status;
  item.times = back_->stamps().take(call_);
  back_->answer(io_, std::move(item));
}

StreamWriter Responder::in_parts() const { return {*back_, io_, call_, method_, since_}; }

size_t StreamWriter::send(std::string encoded) {
  if (finished_) return unsent_bytes_;
  unsent_bytes_ += encoded.size();
  back_->metrics().message_sent(method_, encoded.size());
  ToIo item;
  item.kind = ToIo::Kind::kSend;
  item.call = call_;
  item.message = Bytes::adopt(std::move(encoded));
  back_->answer(io_, std::move(item));
  return unsent_bytes_;
}

size_t StreamWriter::send_pieces(std::vector<Bytes> pieces) {
  if (finished_) return unsent_bytes_;
  size_t bytes = 0;
  for (const Bytes& piece : pieces) bytes += piece.size();
  unsent_bytes_ += bytes;
  back_->metrics().message_sent(method_, bytes);
  ToIo item;
  item.kind = ToIo::Kind::kSend;
  item.call = call_;
  item.pieces = std::move(pieces);
  back_->answer(io_, std::move(item));
  return unsent_bytes_;
}

size_t StreamWriter::send_part(std::string part) {
  if (finished_) return unsent_bytes_;
  unsent_bytes_ += part.size();
  ToIo item;
  item.kind = ToIo::Kind::kPart;
  item.call = call_;
  item.message_bytes = std::exchange(message_bytes_, 0);
  if (item.message_bytes != 0) {
    back_->env().trace.mark(env::Stage::kReply, call_, 0);
    back_->metrics().message_sent(method_, item.message_bytes);
  }
  item.message = Bytes::adopt(std::move(part));
  back_->answer(io_, std::move(item));
  return unsent_bytes_;
}

void StreamWriter::want_turn() { back_->want_turn(io_, call_); }

void StreamWriter::finish(const Status& status, std::string summary) {
  if (std::exchange(finished_, true)) return;
  back_->metrics().handled(method_, status.code(), back_->env().core.now() - since_);
  ToIo item;
  item.kind = ToIo::Kind::kFinish;
  item.call = call_;
  item.status = status;
  item.message = Bytes::adopt(std::move(summary));
  item.times = back_->stamps().take(call_);
  back_->answer(io_, std::move(item));
  back_->end_stream(io_, call_);
}

Back::Back(const env::Env& env, server::Replica& replica, StageStamps& stamps, const BackOptions& options)
    : env_(env),
      replica_(replica),
      stamps_(stamps),
      options_(options),
      metrics_(env.metrics, replica, options.extensive_metrics),
      inbox_(env.core, env::Priority::kClient, limits::kRequestMailboxItems,
             [this](ToCore&& item) { on_item(std::move(item)); }) {
  await_leader_check();
}

Back::~Back() { env_.core.cancel(leader_timer_); }

void Back::attach(IoIndex io, IoMailbox& mailbox) {
  if (io_.size() <= io) io_.resize(io + size_t{1});
  io_[io] = &mailbox;
}

void Back::serve() {
  serving_ = true;
  held_bytes_ = 0;
  for (ToCore& item : std::exchange(held_, {})) on_item(std::move(item));
}

void Back::stop(std::move_only_function<void()> drained) {
  stopping_ = true;
  drained_ = std::move(drained);
  serve();
  const auto streams = std::exchange(streams_, {});
  for (const auto& [key, open] : streams) finish_stream(key, open, errors::Stopped());
  for (size_t io = 0; io < io_.size(); ++io) {
    ToIo item;
    item.kind = ToIo::Kind::kDrain;
    answer(static_cast<IoIndex>(io), std::move(item));
  }
}

// What comes before this member serves waits, as long as there is room for it. The small items that follow an
// admitted one always fit: without them a stream would outlive its client.
void Back::hold(ToCore&& item) {
  const bool follows = item.kind == ToCore::Kind::kHalfClose || item.kind == ToCore::Kind::kCancel ||
                       item.kind == ToCore::Kind::kCredit || item.kind == ToCore::Kind::kDrained;
  const size_t bytes = item.message.size() + (item.plain ? item.plain->request.body.size() : 0);
  if (follows || (held_.size() < kHeldItemsMax && held_bytes_ + bytes <= kHeldBytesMax)) {
    held_bytes_ += bytes;
    return held_.push_back(std::move(item));
  }
  ToIo refusal;
  refusal.call = item.call;
  refusal.kind = ToIo::Kind::kFinish;
  refusal.status = errors::RequestTooManyRequests();
  if (item.kind == ToCore::Kind::kPlain) {
    refusal.kind = ToIo::Kind::kRespond;
    refusal.response =
        std::make_unique<http::PlainResponse>(http::PlainResponse{.status = 503, .headers = {}, .body = {}});
  }
  answer(item.io, std::move(refusal));
  if (item.kind != ToCore::Kind::kMessage) return;
  item.kind = ToCore::Kind::kCancel;  // the io loop has forgotten the stream: so must we, once it is open
  item.message = {};
  held_.push_back(std::move(item));
}

void Back::on_item(ToCore&& item) {
  // Probes and members are answered from the first turn on; only clients wait.
  const bool waits = item.kind != ToCore::Kind::kPlain || item.plain->port == Port::kClient;
  if (!serving_ && waits) return hold(std::move(item));
  switch (item.kind) {
    case ToCore::Kind::kUnary: return on_unary(std::move(item));
    case ToCore::Kind::kOpen: return on_open(item);
    case ToCore::Kind::kDrained: return drained_();
    case ToCore::Kind::kPlain: return plain::serve(*this, item.io, item.call, std::move(*item.plain));
    case ToCore::Kind::kMessage:
    case ToCore::Kind::kHalfClose:
    case ToCore::Kind::kCancel:
    case ToCore::Kind::kCredit: return on_stream_item(std::move(item));
  }
}

void Back::on_stream_item(ToCore&& item) {
  const auto found = streams_.find({item.io, item.call});
  if (found == streams_.end()) return;
  Stream& stream = *found->second.stream;
  switch (item.kind) {
    case ToCore::Kind::kMessage:
      metrics_.message_received(found->second.method, item.message.size());
      return stream.on_message(std::move(item.message));
    case ToCore::Kind::kHalfClose: return stream.on_half_close();
    case ToCore::Kind::kCredit: return stream.on_credit(item.credit_bytes);
    default:  // kCancel
      metrics_.handled(found->second.method, Code::kCanceled, env_.core.now() - found->second.since);
      streams_.erase(found);
      (void)stamps_.take(item.call);
  }
}

void Back::count_client(const ToCore& item) {
  metrics_.client_request(row_of(item.method).kind, item.client_api_version);
}

void Back::on_unary(ToCore&& item) {
  const Responder call(*this, item.io, item.call, item.method, env_.core.now());
  metrics_.started(item.method);
  count_client(item);
  metrics_.message_received(item.method, item.message.size());
  if (item.times) stamps_.follow(item.call, *item.times);
  if (stopping_) return call.fail(errors::Stopped());
  if (item.require_leader && replica_.leader() == 0 && !exempt_from_leader_check(item.method)) {
    return call.fail(errors::NoLeader());
  }
  env_.trace.mark(env::Stage::kGuard, item.call, 0);
  unary_handler(item.method)(*this, call, std::move(item.message));
}

void Back::on_open(const ToCore& item) {
  metrics_.started(item.method);
  count_client(item);
  const MonoTime since = env_.core.now();
  StreamWriter writer(*this, item.io, item.call, item.method, since);
  if (stopping_) return writer.finish(errors::Stopped());
  if (item.require_leader && replica_.leader() == 0 && !exempt_from_leader_check(item.method)) {
    return writer.finish(errors::NoLeader());
  }
  streams_.emplace(StreamKey{item.io, item.call}, OpenStream{.stream = stream_factory(item.method)(*this, writer),
                                                             .method = item.method,
                                                             .require_leader = item.require_leader,
                                                             .since = since,
                                                             .wants_turn = false});
}

void Back::adopt(const Responder& call, std::unique_ptr<Stream> stream) {
  streams_.emplace(StreamKey{call.io_, call.call_}, OpenStream{.stream = std::move(stream),
                                                               .method = call.method_,
                                                               .require_leader = false,
                                                               .since = call.since_,
                                                               .wants_turn = false});
  ToIo item;
  item.kind = ToIo::Kind::kExpect;
  item.call = call.call_;
  answer(call.io_, std::move(item));
}

void Back::want_turn(IoIndex io, http::CallId call) {
  const auto found = streams_.find({io, call});
  if (found == streams_.end() || std::exchange(found->second.wants_turn, true)) return;
  if (turns_.empty()) env_.core.post([this] { take_turn(); });
  turns_.emplace_back(io, call);
}

void Back::take_turn() {
  const StreamKey key = turns_.front();
  turns_.pop_front();
  if (!turns_.empty()) env_.core.post([this] { take_turn(); });
  const auto found = streams_.find(key);
  if (found == streams_.end()) return;
  found->second.wants_turn = false;
  env_.core.note_activity("ranges");
  if (found->second.stream->on_turn()) want_turn(key.first, key.second);
}

void Back::confuse(ToIo& reply) {
  if (++replies_ % 16 == 0) std::swap(reply.message, previous_reply_);
  if (replies_ % 16 == 15) previous_reply_ = reply.message;
}

void Back::end_stream(IoIndex io, http::CallId call) {
  const auto found = streams_.find({io, call});
  if (found == streams_.end()) return;
  // The stream may be what is calling: it goes when this turn's callers have returned.
  if (ended_.empty()) env_.core.post([this] { ended_.clear(); });
  ended_.push_back(std::move(found->second.stream));
  streams_.erase(found);
}

void Back::finish_stream(const StreamKey& key, const OpenStream& open, const Status& status) {
  metrics_.handled(open.method, status.code(), env_.core.now() - open.since);
  ToIo item;
  item.kind = ToIo::Kind::kFinish;
  item.call = key.second;
  item.status = status;
  answer(key.first, std::move(item));
}

// Streams that asked for a leader end when there has been none for a while (v3 API, section 0).
void Back::await_leader_check() {
  leader_timer_ = env_.core.after(replica_.options().election_timeout, [this] { check_leader(); });
}

void Back::check_leader() {
  await_leader_check();
  leaderless_ticks_ = replica_.leader() == 0 ? leaderless_ticks_ + 1 : 0;
  if (leaderless_ticks_ < kLeaderlessTicks) return;
  std::erase_if(streams_, [this](const auto& each) {
    const auto& [key, open] = each;
    if (open.require_leader) finish_stream(key, open, errors::NoLeader());
    return open.require_leader;
  });
}

}  // namespace quorate::api
