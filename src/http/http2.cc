// HTTP/2 on one connection: gRPC calls, plain requests, and what keeps both within bounds.
#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/limits.h"
#include "http/connection.h"
#include "http/grpc_head.h"
#include "http/grpc_text.h"
#include "http/gzip.h"
#include "http/http2_guard.h"
#include "http/request_head.h"

namespace quorate::http {

namespace {

constexpr HeaderField kGrpcHeaders[] = {{":status", "200", true}, {"content-type", "application/grpc", true}};
constexpr size_t kGzipBytesMax = 256 * 1024;            // of a message; a longer one would hold the loop too long
constexpr uint64_t kDrainPing = 0x6472'6169'6e00'0001;  // any two numbers that differ
constexpr uint64_t kKeepalivePing = 0x616c'6976'6500'0001;

class Http2 final : public Protocol, private SessionEvents {
 public:
  explicit Http2(Connection& connection)
      : connection_(connection),
        server_(connection.server()),
        session_(Session::create({.server = true, .max_concurrent_streams = server_.options().max_concurrent_streams},
                                 *this)),
        guard_(server_.options().keepalive_min_time) {
    connection_.expect_request(false);  // the preface was the first word; calls may come when they like
    last_read_ = now();
    watch_silence(server_.options().keepalive_interval);
  }
  ~Http2() override { stop_timers(); }

  void on_bytes(std::string_view bytes) override;
  void on_read_end() override {
    closing_ = true;
    connection_.lose_soon();
  }
  void produce(Output& out) override;
  bool done() const override { return closing_ || session_->done() || (refusing_ && first_ == nullptr); }
  size_t queued_bytes() const override { return queued_bytes_; }
  void drain() override;
  void on_lost() override;

  size_t send(Call& call, Bytes message) override;
  size_t send_pieces(Call& call, std::vector<Bytes>&& pieces) override;
  void begin_message(Call& call, size_t message_bytes) override;
  size_t send_part(Call& call, Bytes part) override;
  void finish(Call& call, const Status& status, const Headers& trailers) override;
  void respond(Call& call, PlainResponse&& response) override;
  void on_deadline(Call& call) override;

 private:
  void on_headers_begin(StreamId stream, StreamState* state, bool opens) override;
  void on_header(StreamId stream, std::string_view name, std::string_view value) override;
  void on_headers_end(StreamId stream, StreamState* state, bool stream_ended) override;
  void on_data(StreamId stream, StreamState* state, std::string_view bytes) override;
  void on_stream_ended(StreamId stream, StreamState* state) override;
  void on_stream_closed(StreamId stream, StreamState* state, uint32_t error) override;
  void on_request_unsent(StreamId) override {}
  void on_reset_received() override { check(guard_.on_reset(now())); }
  void on_reset_sent() override { check(guard_.on_reset(now())); }
  void on_idle_frame() override { check(guard_.on_idle_frame(now())); }
  void on_ping(bool ack, uint64_t payload) override;
  void on_goaway(StreamId, uint32_t) override {}
  void on_frame_sent(size_t data_bytes) override {
    queued_bytes_ -= data_bytes;
    guard_.on_sent();
  }

  MonoTime now() { return server_.env().loop.now(); }
  Call* accept(StreamId stream);
  void accept_grpc(StreamId stream);
  void accept_plain(StreamId stream);
  // Answers a request that the handler is not told of.
  void refuse(StreamId stream, int http_status, const Status& status);
  void read_messages(Call& call, std::string_view bytes);
  void read_body(Call& call, std::string_view bytes);
  void give_back_window(Call& call);
  void hold(Call& call, size_t bytes);
  // Ends a call by our own decision: the client gets `status`, the handler on_cancel.
  void abort(Call& call, const Status& status);
  void answer(Call& call, const Status& status, const Headers& trailers);
  void cut(Call& call);
  size_t queued(Call& call, size_t before);
  void unlink(Call& call);
  void release(Call& call);
  // Says why and closes, when a guard tells of abuse.
  void check(std::string_view abuse);
  void watch_silence(Duration delay);
  void on_silence();
  void refuse_new_streams();
  void stop_timers();

  Connection& connection_;
  ServerState& server_;
  std::unique_ptr<Session> session_;
  Http2Guard guard_;

  // The head that is being read.
  CallHead head_;
  RequestHead check_;
  std::string method_;
  size_t header_count_ = 0;
  size_t header_bytes_ = 0;
  bool skip_headers_ = false;  // trailers, which mean nothing to us

  Call* first_ = nullptr;  // open calls
  size_t call_count_ = 0;
  size_t held_bytes_ = 0;
  size_t queued_bytes_ = 0;
  std::vector<Call*> above_high_;
  MonoTime last_read_{};
  bool ping_unanswered_ = false;
  env::TimerId silence_timer_ = 0;
  env::TimerId drain_timer_ = 0;
  bool draining_ = false;
  bool refusing_ = false;  // the last GOAWAY was said
  bool closing_ = false;
};

void Http2::on_bytes(std::string_view bytes) {
  if (closing_) return;
  last_read_ = now();
  ping_unanswered_ = false;
  if (!session_->receive(bytes)) closing_ = true;
  if (closing_) connection_.lose_soon();
}

void Http2::produce(Output& out) {
  if (!session_->pull(out, limits::kSocketBytesHigh)) closing_ = true;
  for (size_t i = 0; i < above_high_.size();) {
    Call& call = *above_high_[i];
    if (call.out.size() >= limits::kOutputBytesHigh && !call.ended) {
      ++i;
      continue;
    }
    above_high_[i] = above_high_.back();
    above_high_.pop_back();
    call.above_high = false;
    if (!call.ended) server_.handler().on_drained(call.call_id, call.out.size());
  }
}

void Http2::check(std::string_view abuse) {
  if (abuse.empty() || closing_) return;
  server_.env().log.warn("closing an HTTP/2 connection", {{"remote-addr", connection_.peer()}, {"reason", abuse}});
  session_->goaway(H2Error::kEnhanceYourCalm, abuse);
  closing_ = true;
  connection_.lose_soon();
}

// Requests.

void Http2::on_headers_begin(StreamId, StreamState*, bool opens) {
  skip_headers_ = !opens;
  header_count_ = header_bytes_ = 0;
  check_.reset();
  method_.clear();
  head_.path.clear();
  head_.timeout.reset();
}

void Http2::on_header(StreamId, std::string_view name, std::string_view value) {
  constexpr size_t kFieldOverheadBytes = 32;  // RFC 9113, 6.5.2
  header_bytes_ += name.size() + value.size() + kFieldOverheadBytes;
  if (skip_headers_ || header_bytes_ > limits::kMaxHeaderListBytes || !check_.add(name, value)) return;
  if (name.starts_with(':')) {
    if (name == ":method") method_ = value;
    if (name == ":path") head_.path = value;
    if (name != ":authority") return;
    name = "host";
  }
  // Strings of the head before are used again, unless the handler took them.
  if (header_count_ == head_.headers.size()) head_.headers.emplace_back();
  auto& [key, text] = head_.headers[header_count_++];
  key = name;
  text = value;
}

void Http2::on_headers_end(StreamId stream, StreamState*, bool stream_ended) {
  if (closing_) return;
  const bool too_large = header_bytes_ > limits::kMaxHeaderListBytes;
  const bool malformed = skip_headers_ ? !stream_ended : !too_large && !check_.well_formed();
  if (malformed) session_->reset(stream, H2Error::kProtocol);
  if (malformed || skip_headers_) return;
  head_.headers.resize(header_count_);
  const bool grpc = is_grpc_content_type(header_of(head_.headers, "content-type"));
  if (too_large) {
    refuse(stream, 431, Status(Code::kResourceExhausted, "grpc: header list is too large"));
  } else if (grpc) {
    accept_grpc(stream);
  } else {
    accept_plain(stream);
  }
}

Call* Http2::accept(StreamId stream) {
  const bool fits = held_bytes_ + limits::kOpenCallCostBytes <= limits::kConnectionHeldBytesMax;
  Call* call = fits ? server_.open_call(*this) : nullptr;
  if (call == nullptr) {
    session_->reset(stream, H2Error::kRefusedStream);
    return nullptr;
  }
  session_->attach(stream, *call);
  call->next = first_;
  if (first_ != nullptr) first_->previous = call;
  first_ = call;
  ++call_count_;
  held_bytes_ += limits::kOpenCallCostBytes;
  return call;
}

void Http2::accept_grpc(StreamId stream) {
  const auto head = read_grpc_head(method_, head_.headers);
  if (!head) return refuse(stream, head.error().http_status, head.error().status);
  head_.timeout = head->timeout;
  Call* call = accept(stream);
  if (call == nullptr) return;
  call->grpc = call->told = true;
  call->content_type = echoed_content_type(header_of(head_.headers, "content-type"));
  call->reader.reset({.max_message_bytes = server_.options().max_message_bytes, .compressed = Code::kUnimplemented});
  call->reader.set_encoding(head->encoding);
  call->reader.take_gzip();
  call->gzip = head->encoding == "gzip";
  if (head_.timeout) server_.set_deadline(*call, *head_.timeout);
  head_.peer = connection_.peer();
  server_.handler().on_call(call->call_id, std::move(head_));
}

void Http2::accept_plain(StreamId stream) {
  Call* call = accept(stream);
  if (call == nullptr) return;
  call->request = std::make_unique<PlainRequest>();
  PlainRequest& request = *call->request;
  const std::string_view target = head_.path;
  const size_t mark = target.find('?');
  request.method = method_;
  request.path = std::string(target.substr(0, mark));
  if (mark != std::string_view::npos) request.query = std::string(target.substr(mark + 1));
  request.peer = connection_.peer();
  request.headers = std::move(head_.headers);
  request.http2 = true;
  head_.headers.clear();
  call->head_only = method_ == "HEAD";
  call->announced_bytes = check_.content_length();
}

void Http2::refuse(StreamId stream, int http_status, const Status& status) {
  const std::string http = std::to_string(http_status);
  const std::string grpc = std::to_string(static_cast<int>(status.code()));
  const std::string message = encode_grpc_message(status.text());
  const std::array<HeaderField, 4> headers = {{{":status", http},
                                               {"content-type", "application/grpc", true},
                                               {"grpc-status", grpc},
                                               {"grpc-message", message}}};
  StreamState state;
  state.id = stream;
  session_->respond(state, headers, true);
}

void Http2::on_data(StreamId, StreamState* state, std::string_view bytes) {
  // The connection's window is for all calls alike; a slow one is held back by its own.
  session_->consume_connection(bytes.size());
  if (state == nullptr || closing_) return;
  Call& call = static_cast<Call&>(*state);
  if (call.ended) return;
  call.unconsumed_bytes += bytes.size();
  if (call.grpc) {
    read_messages(call, bytes);
  } else {
    read_body(call, bytes);
  }
  if (!call.ended) give_back_window(call);
}

void Http2::give_back_window(Call& call) {
  // A message may be larger than the window, so an unfinished one opens it too.
  if (call.held_bytes > 0 && call.unconsumed_bytes < limits::kStreamWindowBytes / 2) return;
  session_->consume_stream(call.id, call.unconsumed_bytes);
  call.unconsumed_bytes = 0;
}

void Http2::hold(Call& call, size_t bytes) {
  held_bytes_ = held_bytes_ - call.held_bytes + bytes;
  call.held_bytes = bytes;
  if (held_bytes_ <= limits::kConnectionHeldBytesMax || bytes == 0 || call.ended) return;
  if (call.grpc) {
    abort(call, Status(Code::kResourceExhausted, "grpc: too many unfinished messages on one connection"));
  } else {
    session_->reset(call.id, H2Error::kEnhanceYourCalm);
    server_.cancel(call);
  }
}

void Http2::read_messages(Call& call, std::string_view bytes) {
  while (!call.ended && !closing_) {
    Bytes message;
    Status error;
    const MessageReader::Next next = call.reader.next(bytes, message, error);
    if (next == MessageReader::Next::kNeedMore) break;
    if (next == MessageReader::Next::kError) {
      abort(call, error);
      break;
    }
    server_.mutable_counters().grpc_received_bytes += message.size();
    server_.handler().on_message(call.call_id, std::move(message));
  }
  hold(call, call.reader.held_bytes());
}

void Http2::read_body(Call& call, std::string_view bytes) {
  if (call.body.size() + bytes.size() > server_.options().max_body_bytes) {
    PlainResponse response;
    response.status = 413;
    response.headers = {{"content-type", "text/plain; charset=utf-8"}};
    response.body = Bytes::copy("413 Request Entity Too Large");
    respond(call, std::move(response));
    return;
  }
  call.body.append(bytes);
  hold(call, call.body.size());
}

void Http2::on_stream_ended(StreamId, StreamState* state) {
  if (state == nullptr || closing_) return;
  Call& call = static_cast<Call&>(*state);
  if (call.ended || call.half_closed) return;
  call.half_closed = true;
  if (call.grpc) {
    if (call.reader.in_message()) {
      abort(call, server_.handler().cut_off(call.call_id));
    } else {
      server_.handler().on_half_close(call.call_id);
    }
    return;
  }
  if (call.announced_bytes && *call.announced_bytes != call.body.size()) {
    session_->reset(call.id, H2Error::kProtocol);
    server_.cancel(call);
    return;
  }
  PlainRequest request = std::move(*call.request);
  call.request.reset();
  request.body = Bytes::adopt(std::move(call.body));
  call.body = std::string();
  hold(call, 0);
  call.told = true;
  server_.handler().on_request(call.call_id, std::move(request));
}

void Http2::on_stream_closed(StreamId, StreamState* state, uint32_t error) {
  Call& call = static_cast<Call&>(*state);
  if (error == static_cast<uint32_t>(H2Error::kNone)) guard_.on_finished();
  server_.cancel(call);
  release(call);
}

void Http2::unlink(Call& call) {
  (call.previous != nullptr ? call.previous->next : first_) = call.next;
  if (call.next != nullptr) call.next->previous = call.previous;
  --call_count_;
}

void Http2::release(Call& call) {
  unlink(call);
  held_bytes_ -= call.held_bytes + limits::kOpenCallCostBytes;
  queued_bytes_ -= call.out.size();
  if (call.above_high) std::erase(above_high_, &call);
  server_.close_call(call);
}

void Http2::on_lost() {
  closing_ = true;
  stop_timers();
  while (first_ != nullptr) {
    Call& call = *first_;
    server_.cancel(call);
    release(call);
  }
}

// Answers.

size_t Http2::queued(Call& call, size_t before) {
  const size_t size = call.out.size();
  queued_bytes_ += size - before;
  if (size >= limits::kOutputBytesHigh && !call.above_high) {
    call.above_high = true;
    above_high_.push_back(&call);
  }
  if (!call.responded) {
    call.responded = true;
    const HeaderField named[] = {
        kGrpcHeaders[0],
        call.content_type.empty() ? kGrpcHeaders[1] : HeaderField{"content-type", call.content_type},
        {"grpc-encoding", "gzip", true}};
    session_->respond(call, std::span(named).first(call.gzip ? 3 : 2), false);
  } else {
    session_->resume(call);
  }
  connection_.touch();
  return size;
}

// As etcd's library: to a client that compresses, all but what is empty; here also all but what is long.
bool compresses(const Call& call, size_t message_bytes) {
  return call.gzip && message_bytes > 0 && message_bytes <= kGzipBytesMax;
}

size_t Http2::send(Call& call, Bytes message) {
  const size_t before = call.out.size();
  if (compresses(call, message.size())) {
    call.out.push_message(Bytes::adopt(gzip(message.view())), true);
  } else {
    call.out.push_message(std::move(message));
  }
  return queued(call, before);
}

size_t Http2::send_pieces(Call& call, std::vector<Bytes>&& pieces) {
  size_t bytes = 0;
  for (const Bytes& piece : pieces) bytes += piece.size();
  if (compresses(call, bytes)) {
    std::string message;
    message.reserve(bytes);
    for (const Bytes& piece : pieces) message += piece.view();
    return send(call, Bytes::adopt(std::move(message)));
  }
  const size_t before = call.out.size();
  call.out.push_message(std::move(pieces));
  return queued(call, before);
}

void Http2::begin_message(Call& call, size_t message_bytes) {
  const size_t before = call.out.size();
  call.out.begin_message(message_bytes);
  queued(call, before);
}

size_t Http2::send_part(Call& call, Bytes part) {
  const size_t before = call.out.size();
  call.out.push_part(std::move(part));
  return queued(call, before);
}

// Half a message cannot be taken back, and trailers behind it would be taken for the rest.
void Http2::cut(Call& call) {
  queued_bytes_ -= call.out.size();
  call.out.clear();
  session_->reset(call.id, H2Error::kCancel);
  connection_.touch();
}

void Http2::answer(Call& call, const Status& status, const Headers& trailers) {
  if (call.out.in_message()) return cut(call);
  connection_.touch();
  const bool plain_ok = status.ok() && trailers.empty();
  if (call.responded && plain_ok) {
    call.end = StreamState::End::kOkTrailers;
    session_->resume(call);
    return;
  }
  Headers fields;
  fields.reserve(trailers.size() + 4);
  if (!call.responded) {
    fields.emplace_back(":status", "200");
    fields.emplace_back("content-type", call.content_type.empty() ? "application/grpc" : call.content_type);
  }
  fields.emplace_back("grpc-status", std::to_string(static_cast<int>(status.code())));
  fields.emplace_back("grpc-message", encode_grpc_message(status.text()));
  fields.insert(fields.end(), trailers.begin(), trailers.end());
  if (call.responded) {
    call.end = StreamState::End::kTrailers;
    call.trailers = std::move(fields);
    session_->resume(call);
    return;
  }
  call.responded = true;
  std::vector<HeaderField> headers;
  headers.reserve(fields.size());
  for (const auto& [name, value] : fields) headers.push_back({name, value});
  session_->respond(call, headers, true);
}

void Http2::finish(Call& call, const Status& status, const Headers& trailers) {
  call.ended = true;
  if (call.deadline != 0) server_.env().loop.cancel(call.deadline);
  call.deadline = 0;
  hold(call, 0);
  answer(call, status, trailers);
}

void Http2::abort(Call& call, const Status& status) {
  answer(call, status, {});
  server_.cancel(call);
}

void Http2::on_deadline(Call& call) {
  if (call.out.size() > 0 || call.out.in_message()) {  // the rest may never fit the client's window
    cut(call);
    server_.cancel(call);
  } else {
    abort(call, errors::ContextDeadlineExceeded());
  }
}

void Http2::respond(Call& call, PlainResponse&& response) {
  const std::string status = std::to_string(response.status);
  const std::string length = std::to_string(response.body.size());
  const bool bodiless = response.status == 204 || response.status == 304;
  std::vector<HeaderField> headers = {{":status", status}};
  for (const auto& [name, value] : response.headers) headers.push_back({name, value});
  headers.push_back({"date", server_.http_date()});
  if (!bodiless) headers.push_back({"content-length", length});
  call.ended = call.responded = true;
  hold(call, 0);
  const bool last = bodiless || call.head_only || response.body.empty();
  if (!last) {
    queued_bytes_ += response.body.size();
    call.out.push_raw(std::move(response.body));
    call.end = StreamState::End::kPlain;
  }
  session_->respond(call, headers, last);
  connection_.touch();
}

// Pings, silence, and the end.

void Http2::on_ping(bool ack, uint64_t payload) {
  if (!ack) {
    check(guard_.on_ping(now(), call_count_));
  } else if (payload == kDrainPing && draining_) {
    refuse_new_streams();
  }
}

void Http2::watch_silence(Duration delay) {
  if (server_.options().keepalive_interval <= 0ns) return;
  silence_timer_ = server_.env().loop.after(delay, [this] {
    silence_timer_ = 0;
    on_silence();
  });
}

void Http2::on_silence() {
  const ServerOptions& options = server_.options();
  const Duration silent = now() - last_read_;
  if (ping_unanswered_) {
    connection_.lose();
  } else if (silent >= options.keepalive_interval) {
    ping_unanswered_ = true;
    session_->ping(kKeepalivePing);
    connection_.touch();
    watch_silence(options.keepalive_timeout);
  } else {
    watch_silence(options.keepalive_interval - silent);
  }
}

void Http2::drain() {
  if (draining_ || closing_) return;
  draining_ = true;
  session_->announce_shutdown();
  // Streams that were opened before the client heard of it are still served.
  session_->ping(kDrainPing);
  drain_timer_ = server_.env().loop.after(limits::kDrainNotice, [this] {
    drain_timer_ = 0;
    refuse_new_streams();
  });
}

void Http2::refuse_new_streams() {
  if (refusing_ || closing_) return;
  refusing_ = true;
  session_->goaway(H2Error::kNone, "");
  connection_.touch();
}

void Http2::stop_timers() {
  env::Loop& loop = server_.env().loop;
  if (silence_timer_ != 0) loop.cancel(silence_timer_);
  if (drain_timer_ != 0) loop.cancel(drain_timer_);
  silence_timer_ = drain_timer_ = 0;
}

}  // namespace

std::unique_ptr<Protocol> make_http2(Connection& connection) { return std::make_unique<Http2>(connection); }

}  // namespace quorate::http
