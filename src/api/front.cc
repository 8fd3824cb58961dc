#include "api/front.h"

#include "api/request_stats.h"
#include "base/limits.h"
#include "base/mutant.h"
#include "pb/wire.h"

namespace quorate::api {
namespace {

constexpr Duration kDrainPoll = 10ms;
constexpr Duration kWaitingPoll = 10ms;            // for who waits until a client has read
constexpr size_t kWaitingConnectionsAtOnce = 256;  // looked at, at a time
constexpr size_t kWaitingConnectionsPerReply = 4;
constexpr size_t kRefusalsToldPerSecond = 20;
constexpr size_t kClientVersionBytesMax = 64;  // a label of a metric; real ones have three

}  // namespace

Front::Front(const env::LoopEnv& env, const http::ServerOptions& options, IoIndex io, Port port, CoreMailbox& core,
             Duration slow)
    : env_(env),
      io_(io),
      port_(port),
      slow_(slow),
      core_(core),
      server_(http::Server::create(env, options, *this)),
      mailbox_(env.loop, env::Priority::kCompletion, 0, [this](ToIo&& item) { on_item(std::move(item)); }) {}

Front::~Front() {
  env_.loop.cancel(drain_timer_);
  env_.loop.cancel(waiting_timer_);
}

ToCore Front::item_of(ToCore::Kind kind, http::CallId call) const {
  ToCore item;
  item.kind = kind;
  item.io = io_;
  item.call = call;
  return item;
}

void Front::on_call(http::CallId call, http::CallHead&& head) {
  const Result<Method> method = find_method(head.path);
  if (port_ != Port::kClient || !method) {
    return server_->finish(call, method ? Status(Code::kUnimplemented, "unknown service") : method.error());
  }
  // Etcd refuses this header when it is not text; what it says is only counted.
  const std::string_view client_api_version = http::header_of(head.headers, "client-api-version");
  if (!pb::wire::is_utf8(client_api_version)) {
    return server_->finish(call, errors::InvalidClientAPIVersion());
  }
  Open& open = open_[call];
  open.method = *method;
  open.require_leader = http::header_of(head.headers, "hasleader") == "true";
  if (client_api_version.size() <= kClientVersionBytesMax) open.client_api_version = client_api_version;
  open.kind = row_of(*method).kind;
  open.peer = std::move(head.peer);
  open.connection = head.connection;
  if (open.kind == MethodKind::kUnary) {
    if (http::header_of(head.headers, kTraceHeader) != "1") return;
    open.times = std::make_unique<StageTimes>();
    open.times->begin = env_.clock.now();
    return;
  }
  ToCore item = item_of(ToCore::Kind::kOpen, call);
  item.method = open.method;
  item.require_leader = open.require_leader;
  item.client_api_version = std::move(open.client_api_version);
  if (!core_.try_push(std::move(item))) finish(call, errors::RequestTooManyRequests());
}

void Front::on_message(http::CallId call, Bytes message) {
  const auto found = open_.find(call);
  if (found == open_.end()) return;
  Open& open = found->second;
  if (open.kind == MethodKind::kBidiStream) return forward_message(call, std::move(message));
  // As gRPC's servers have it: a second message breaks a stream, and a unary call never looks at it.
  if (open.has_message && open.kind == MethodKind::kUnary) return;
  if (open.has_message) {
    on_cancel(call);
    return server_->finish(call, Status(Code::kInternal,
                                        "cardinality violation: received multiple request messages "
                                        "for non-client-streaming RPC"));
  }
  open.has_message = true;
  open.message = std::move(message);
}

void Front::forward_message(http::CallId call, Bytes message) {
  ToCore item = item_of(ToCore::Kind::kMessage, call);
  item.message = std::move(message);
  if (core_.try_push(std::move(item))) return;
  on_cancel(call);
  server_->finish(call, errors::RequestTooManyRequests());
}

void Front::on_half_close(http::CallId call) {
  const auto found = open_.find(call);
  if (found == open_.end()) return;
  Open& open = found->second;
  if (open.kind != MethodKind::kBidiStream && !open.has_message) {
    const bool unary = open.kind == MethodKind::kUnary;
    on_cancel(call);
    return server_->finish(call, unary ? Status(Code::kUnknown, "EOF")
                                       : Status(Code::kInternal,
                                                "cardinality violation: received no request message from "
                                                "non-client-streaming RPC"));
  }
  if (open.kind != MethodKind::kBidiStream) return admit(call, open);
  core_.push(item_of(ToCore::Kind::kHalfClose, call));
}

Status Front::cut_off(http::CallId call) {
  const auto found = open_.find(call);
  const bool unary = found != open_.end() && found->second.kind == MethodKind::kUnary;
  return {unary ? Code::kUnknown : Code::kInternal, "unexpected EOF"};
}

void Front::admit(http::CallId call, Open& open) {
  const size_t bytes = open.message.size();
  if (forwarded_bytes_ + bytes > limits::kForwardedBytesMax) {
    on_cancel(call);
    return server_->finish(call, errors::RequestTooManyRequests());
  }
  open.forwarded_bytes = bytes;
  forwarded_bytes_ += bytes;
  const AnswerSize size = answer_size(open.method, open.message);
  const Admission::Unsent unsent{.connection = server_->unsent_bytes(call), .all = server_->unsent_bytes()};
  if (admission_.admits(open.connection, size, unsent)) return forward(call, open, size);
  admission_.wait(open.connection, {.call = call, .size = size, .since = env_.loop.now()});
  look_at_waiting_later();
}

void Front::look_at_waiting_later() {
  if (waiting_timer_ != 0 || !admission_.has_waiting()) return;
  waiting_timer_ = env_.loop.after(kWaitingPoll, [this] {
    waiting_timer_ = 0;
    forward_waiting(kWaitingConnectionsAtOnce);
  });
}

void Front::forward_waiting(size_t connections_max) {
  admission_.step(connections_max, [this](uint64_t connection, const Admission::Waiting& waiting) {
    return take_waiting(connection, waiting);
  });
  look_at_waiting_later();
}

// False: it goes on waiting.
bool Front::take_waiting(uint64_t connection, const Admission::Waiting& waiting) {
  const auto found = open_.find(waiting.call);
  if (found == open_.end()) return true;
  const Admission::Unsent unsent{.connection = server_->unsent_bytes(waiting.call), .all = server_->unsent_bytes()};
  if (admission_.admits(connection, waiting.size, unsent)) {
    forward(waiting.call, found->second, waiting.size);
    return true;
  }
  if (env_.loop.now() - waiting.since < limits::kBudgetWait) return false;
  if (may_tell_of_refusal())
    env_.log.warn("refusing a request of a client that does not read", {{"remote-addr", found->second.peer},
                                                                        {"method", row_of(found->second.method).name},
                                                                        {"unsent-bytes", unsent.connection},
                                                                        {"unsent-bytes-of-all", unsent.all}});
  on_cancel(waiting.call);
  server_->finish(waiting.call, errors::RequestTooManyRequests());
  return true;
}

bool Front::may_tell_of_refusal() {
  const MonoTime now = env_.loop.now();
  if (now - refusals_since_ >= 1s) {
    refusals_since_ = now;
    refusals_ = 0;
  }
  return ++refusals_ <= kRefusalsToldPerSecond;
}

void Front::forward(http::CallId call, Open& open, AnswerSize size) {
  if (open.kind == MethodKind::kUnary) {
    open.reserved_bytes = static_cast<uint32_t>(admission_.guess(size));
    admission_.reserve(open.connection, open.reserved_bytes);
    return forward_unary(call, open);
  }
  forwarded_bytes_ -= std::exchange(open.forwarded_bytes, 0);
  forward_message(call, std::move(open.message));
  if (open_.contains(call)) core_.push(item_of(ToCore::Kind::kHalfClose, call));
}

void Front::forward_unary(http::CallId call, Open& open) {
  env_.trace.mark(env::Stage::kParse, call, 0);
  ToCore item = item_of(ToCore::Kind::kUnary, call);
  item.method = open.method;
  item.require_leader = open.require_leader;
  item.client_api_version = std::move(open.client_api_version);
  if (open.times) (*open.times)[env::Stage::kParse] = env_.clock.now();
  item.times = std::move(open.times);
  open.request = open.message;
  open.since = env_.loop.now();
  item.message = std::move(open.message);
  if (!core_.try_push(std::move(item))) finish(call, errors::RequestTooManyRequests());
}

// The trailer of a call that asked where its time went.
http::Headers Front::trailers_of(const std::unique_ptr<StageTimes>& times) const {
  if (!times) return {};
  return {{std::string(kTraceHeader), times->text(env_.clock.now())}};
}

void Front::finish(http::CallId call, const Status& status, std::string_view summary, const http::Headers& trailers) {
  if (const auto found = open_.find(call); found != open_.end()) {
    note_answer(found->second, summary, status.ok());
    forget(found);
  }
  server_->finish(call, status, trailers);
}

void Front::note_answer(const Open& open, std::string_view response, bool ok) {
  if (open.kind != MethodKind::kUnary || open.since == MonoTime{}) return;
  const Duration took = env_.loop.now() - open.since;
  const bool debug = env_.log.enabled(env::Level::kDebug);
  if (!debug && (took <= slow_ || !env_.log.enabled(env::Level::kWarn))) return;
  log_unary(env_.log, debug ? env::Level::kDebug : env::Level::kWarn, env_.clock.wall(),
            {.method = open.method,
             .peer = open.peer,
             .request = open.request.view(),
             .response = response,
             .response_bytes = open.in_parts ? open.response_bytes : response.size(),
             .ok = ok,
             .took = took});
}

void Front::forget(OpenCalls::iterator found) {
  Open& open = found->second;
  forwarded_bytes_ -= open.forwarded_bytes;
  if (open.reserved_bytes > 0) admission_.give_back(open.connection, open.reserved_bytes);
  open_.erase(found);
}

void Front::on_cancel(http::CallId call) {
  const auto found = open_.find(call);
  if (found == open_.end()) return;
  const bool streaming = found->second.kind != MethodKind::kUnary || found->second.in_parts;
  if (mutated(Mutant::kBudgetNotReturned)) found->second.forwarded_bytes = 0;
  forget(found);
  if (streaming) core_.push(item_of(ToCore::Kind::kCancel, call));
}

void Front::on_drained(http::CallId call, size_t /*queued_bytes*/) {
  const auto found = open_.find(call);
  if (found != open_.end()) return_credit(call, found->second);
}

void Front::on_request(http::CallId call, http::PlainRequest&& request) {
  ToCore item = item_of(ToCore::Kind::kPlain, call);
  item.plain = std::make_unique<PlainCall>(PlainCall{port_, std::move(request)});
  if (core_.try_push(std::move(item))) return;
  server_->respond(call, {.status = 503, .headers = {}, .body = Bytes::copy("too many requests\n")});
}

void Front::on_item(ToIo&& item) {
  switch (item.kind) {
    case ToIo::Kind::kReply:
      if (const auto found = open_.find(item.call); found != open_.end()) {
        note_answer(found->second, item.message.view(), true);
        if (found->second.method == Method::kRange) admission_.answered(item.message.size());
        forget(found);
      }
      server_->send(item.call, std::move(item.message));
      env_.trace.mark(env::Stage::kSend, item.call, 0);
      server_->finish(item.call, Status(), trailers_of(item.times));
      if (admission_.has_waiting()) forward_waiting(kWaitingConnectionsPerReply);
      return;
    case ToIo::Kind::kSend: return send(std::move(item));
    case ToIo::Kind::kExpect: return expect_parts(item.call);
    case ToIo::Kind::kPart: return send_part(std::move(item));
    case ToIo::Kind::kFinish: return finish(item.call, item.status, item.message.view(), trailers_of(item.times));
    case ToIo::Kind::kRespond: return server_->respond(item.call, std::move(*item.response));
    case ToIo::Kind::kDrain: return drain();
  }
}

void Front::send(ToIo&& item) {
  const auto found = open_.find(item.call);
  if (found == open_.end()) return;
  size_t bytes = item.message.size();
  for (const Bytes& piece : item.pieces) bytes += piece.size();
  const size_t queued = item.pieces.empty() ? server_->send(item.call, std::move(item.message))
                                            : server_->send_pieces(item.call, std::move(item.pieces));
  note_sent(item.call, found->second, bytes, queued);
}

void Front::note_sent(http::CallId call, Open& open, size_t bytes, size_t queued) {
  open.owed_bytes += bytes;
  if (queued < limits::kOutputBytesHigh) return_credit(call, open);
}

// A client that is gone already is told of as one that goes now.
void Front::expect_parts(http::CallId call) {
  const auto found = open_.find(call);
  if (found == open_.end()) return core_.push(item_of(ToCore::Kind::kCancel, call));
  found->second.in_parts = true;
  // From here on what is unsent of it counts.
  admission_.give_back(found->second.connection, std::exchange(found->second.reserved_bytes, 0U));
}

void Front::send_part(ToIo&& item) {
  const auto found = open_.find(item.call);
  if (found == open_.end()) return;
  if (item.message_bytes != 0) {
    found->second.response_bytes = item.message_bytes;
    server_->begin_message(item.call, item.message_bytes);
  }
  const size_t bytes = item.message.size();
  note_sent(item.call, found->second, bytes, server_->send_part(item.call, std::move(item.message)));
}

void Front::drain() {
  listeners_.clear();
  server_->drain();
  report_drained();
}

void Front::report_drained() {
  if (server_->open_connections() == 0) return core_.push(item_of(ToCore::Kind::kDrained, 0));
  drain_timer_ = env_.loop.after(kDrainPoll, [this] { report_drained(); });
}

void Front::return_credit(http::CallId call, Open& open) {
  if (open.owed_bytes == 0) return;
  ToCore item = item_of(ToCore::Kind::kCredit, call);
  item.credit_bytes = std::exchange(open.owed_bytes, 0);
  core_.push(std::move(item));
}

}  // namespace quorate::api
