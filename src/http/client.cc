#include "http/client.h"

#include <algorithm>
#include <map>

#include "base/check.h"
#include "base/limits.h"
#include "http/grpc_text.h"
#include "http/message_reader.h"
#include "http/session.h"

namespace quorate::http {

namespace {

// One call as its maker sees it.
struct ClientCall : StreamState {
  CallId call_id = 0;
  CallEvents* events = nullptr;  // null once on_end was called or the call was cancelled
  env::TimerId deadline = 0;
  MessageReader reader;
  size_t unconsumed_bytes = 0;
  Headers head;  // of the answer, then its trailers
  size_t head_bytes = 0;
  int http_status = 0;
  bool is_grpc = false;
  bool half_closed = false;
};

// What an answer without grpc-status means, by its HTTP status (gRPC's table).
Code code_of_http(int status) {
  switch (status) {
    case 400: return Code::kInternal;
    case 401: return Code::kUnauthenticated;
    case 403: return Code::kPermissionDenied;
    case 404: return Code::kUnimplemented;
    case 429:
    case 502:
    case 503:
    case 504: return Code::kUnavailable;
    default: return Code::kUnknown;
  }
}

// A number of up to three digits, or -1.
int small_number(std::string_view text) {
  if (text.empty() || text.size() > 3) return -1;
  int number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return -1;
    number = number * 10 + (c - '0');
  }
  return number;
}

class Client final : public ClientConnection, private env::SocketEvents, private SessionEvents {
 public:
  Client(const env::LoopEnv& env, std::unique_ptr<env::Socket> socket, const ClientOptions& options,
         std::move_only_function<void(const Status&)> on_lost)
      : env_(env),
        options_(options),
        socket_(std::move(socket)),
        on_lost_(std::move(on_lost)),
        session_(Session::create({.server = false, .max_concurrent_streams = 0}, *this)),
        self_(std::make_shared<Client*>(this)) {
    last_read_ = env_.loop.now();
    watch_silence(options_.keepalive_interval);
    socket_->start(*this);
    flush_later();
  }
  ~Client() override;

  CallId open(std::string_view path, const CallOptions& options, CallEvents& events) override;
  void send(CallId id, Bytes message) override;
  void half_close(CallId id) override;
  void cancel(CallId id) override;

 private:
  void on_read(std::string_view bytes) override;
  void on_read_end() override { lose(Status(Code::kUnavailable, "error reading from server: EOF")); }
  void on_writable() override {
    blocked_ = false;
    flush_later();
  }
  void on_closed(const Status& why) override {
    lose(why.ok() ? Status(Code::kUnavailable, "error reading from server: EOF") : why);
  }

  void on_headers_begin(StreamId, StreamState* state, bool opens) override;
  void on_header(StreamId stream, std::string_view name, std::string_view value) override;
  void on_headers_end(StreamId stream, StreamState* state, bool stream_ended) override;
  void on_data(StreamId stream, StreamState* state, std::string_view bytes) override;
  void on_stream_ended(StreamId stream, StreamState* state) override;
  void on_stream_closed(StreamId stream, StreamState* state, uint32_t error) override;
  void on_request_unsent(StreamId stream) override;
  void on_reset_received() override {}
  void on_reset_sent() override {}
  void on_idle_frame() override {}
  void on_ping(bool, uint64_t) override {}
  void on_goaway(StreamId last_stream, uint32_t error) override;
  void on_frame_sent(size_t) override {}

  ClientCall* find(CallId id);
  // Tells the maker, once.
  void end(ClientCall& call, const Status& status, const Headers& trailers);
  // Its stream is gone: ends the call unless it has ended, and forgets it.
  void close(ClientCall& call, const Status& status);
  // Ends the call for both sides.
  void abort(ClientCall& call, const Status& status);
  void flush_later();
  void flush();
  void lose(const Status& why);
  void watch_silence(Duration delay);
  void on_silence();
  void end_later(CallId id, Status status);

  env::LoopEnv env_;
  const ClientOptions options_;
  std::unique_ptr<env::Socket> socket_;
  std::move_only_function<void(const Status&)> on_lost_;
  std::unique_ptr<Session> session_;
  std::shared_ptr<Client*> self_;  // emptied by the destructor, for tasks that may run after us
  std::map<CallId, std::unique_ptr<ClientCall>> calls_;
  std::vector<std::unique_ptr<ClientCall>> closed_;  // freed when no event can be running
  ClientCall* reading_ = nullptr;                    // whose head is being read
  CallId last_id_ = 0;
  Output output_;
  MonoTime last_read_{};
  env::TimerId silence_timer_ = 0;
  bool ping_unanswered_ = false;
  bool flush_posted_ = false;
  bool blocked_ = false;
  bool refused_ = false;  // GOAWAY: no further calls here
  bool lost_ = false;
};

Client::~Client() {
  *self_ = nullptr;
  if (silence_timer_ != 0) env_.loop.cancel(silence_timer_);
  for (const auto& [id, call] : calls_) {
    if (call->deadline != 0) env_.loop.cancel(call->deadline);
  }
}

ClientCall* Client::find(CallId id) {
  const auto found = calls_.find(id);
  if (found == calls_.end() || found->second->events == nullptr) return nullptr;
  return found->second.get();
}

CallId Client::open(std::string_view path, const CallOptions& options, CallEvents& events) {
  const CallId id = ++last_id_;
  auto owned = std::make_unique<ClientCall>();
  ClientCall& call = *owned;
  call.call_id = id;
  call.events = &events;
  call.reader.reset({.max_message_bytes = options_.max_message_bytes, .compressed = Code::kInternal});
  calls_.emplace(id, std::move(owned));
  std::string timeout;
  std::vector<HeaderField> headers = {{":method", "POST", true},
                                      {":scheme", "http", true},
                                      {":path", path},
                                      {":authority", options_.authority},
                                      {"content-type", "application/grpc", true},
                                      {"user-agent", "quorate-client", true},
                                      {"te", "trailers", true}};
  if (options.timeout) {
    timeout = format_grpc_timeout(*options.timeout);
    headers.push_back({"grpc-timeout", timeout});
    call.deadline = env_.loop.after(std::max(*options.timeout, Duration(0)), [this, id] {
      ClientCall* late = find(id);
      if (late == nullptr) return;
      late->deadline = 0;
      abort(*late, errors::ContextDeadlineExceeded());
    });
  }
  for (const auto& [name, value] : options.metadata) headers.push_back({name, value});
  const bool opened = !lost_ && !refused_ && session_->request(call, headers);
  if (!opened)
    end_later(id, Status(Code::kUnavailable, lost_ ? "the connection is lost" : "the connection is draining"));
  flush_later();
  return id;
}

void Client::end_later(CallId id, Status status) {
  env_.loop.post([self = self_, id, status = std::move(status)] {
    if (*self == nullptr) return;
    Client& client = **self;
    ClientCall* call = client.find(id);
    if (call == nullptr) return;
    client.end(*call, status, {});
    client.calls_.erase(id);
  });
}

void Client::send(CallId id, Bytes message) {
  ClientCall* call = find(id);
  if (call == nullptr || call->half_closed) return;
  call->out.push_message(std::move(message));
  if (call->id == 0) return;
  session_->resume(*call);
  flush_later();
}

void Client::half_close(CallId id) {
  ClientCall* call = find(id);
  if (call == nullptr) return;
  call->half_closed = true;
  call->end = StreamState::End::kPlain;
  if (call->id == 0) return;
  session_->resume(*call);
  flush_later();
}

void Client::cancel(CallId id) {
  ClientCall* call = find(id);
  if (call == nullptr) return;
  call->events = nullptr;
  abort(*call, Status());
}

void Client::end(ClientCall& call, const Status& status, const Headers& trailers) {
  if (call.deadline != 0) env_.loop.cancel(call.deadline);
  call.deadline = 0;
  call.out.clear();
  if (CallEvents* events = std::exchange(call.events, nullptr)) events->on_end(status, trailers);
}

void Client::abort(ClientCall& call, const Status& status) {
  // The stream is reset first: the maker may destroy us in on_end.
  if (call.id != 0 && !lost_) {
    session_->reset(call.id, H2Error::kCancel);
    flush_later();
  }
  end(call, status, {});
}

void Client::on_headers_begin(StreamId, StreamState* state, bool) {
  reading_ = static_cast<ClientCall*>(state);
  if (reading_ == nullptr) return;
  reading_->head.clear();
  reading_->head_bytes = 0;
}

void Client::on_header(StreamId, std::string_view name, std::string_view value) {
  if (reading_ == nullptr) return;
  reading_->head_bytes += name.size() + value.size() + 32;
  if (reading_->head_bytes > limits::kMaxHeaderListBytes) return;
  if (name == ":status") {
    reading_->http_status = small_number(value);
    return;
  }
  if (name == "content-type") reading_->is_grpc = is_grpc_content_type(value);
  if (name == "grpc-encoding") reading_->reader.set_encoding(value);
  reading_->head.emplace_back(name, value);
}

void Client::on_headers_end(StreamId, StreamState* state, bool stream_ended) {
  reading_ = nullptr;
  if (state == nullptr) return;
  ClientCall& call = static_cast<ClientCall&>(*state);
  if (call.head_bytes > limits::kMaxHeaderListBytes) {
    abort(call, Status(Code::kResourceExhausted, "the answer's headers are too large"));
  } else if (!stream_ended && !call.is_grpc && call.events != nullptr && call.http_status != 100) {
    abort(call, Status(code_of_http(call.http_status),
                       "unexpected HTTP status code received from server: " + std::to_string(call.http_status)));
  }
}

void Client::on_data(StreamId, StreamState* state, std::string_view bytes) {
  session_->consume_connection(bytes.size());
  if (state == nullptr) return;
  ClientCall& call = static_cast<ClientCall&>(*state);
  call.unconsumed_bytes += bytes.size();
  while (call.events != nullptr) {
    Bytes message;
    Status error;
    const MessageReader::Next next = call.reader.next(bytes, message, error);
    if (next == MessageReader::Next::kNeedMore) break;
    if (next == MessageReader::Next::kError) {
      abort(call, error);
      return;
    }
    call.events->on_message(std::move(message));
  }
  if (call.reader.held_bytes() > 0 && call.unconsumed_bytes < limits::kStreamWindowBytes / 2) return;
  session_->consume_stream(call.id, call.unconsumed_bytes);
  call.unconsumed_bytes = 0;
}

void Client::on_stream_ended(StreamId, StreamState* state) {
  if (state == nullptr) return;
  ClientCall& call = static_cast<ClientCall&>(*state);
  if (call.events == nullptr) return;
  const int code = small_number(header_of(call.head, "grpc-status"));
  Status status;
  if (code > 0) {
    const auto known = code <= static_cast<int>(Code::kUnauthenticated) ? static_cast<Code>(code) : Code::kUnknown;
    status = Status(known, decode_grpc_message(header_of(call.head, "grpc-message")));
  } else if (code < 0) {
    status = call.is_grpc
                 ? Status(Code::kInternal, "server closed the stream without sending trailers")
                 : Status(code_of_http(call.http_status),
                          "unexpected HTTP status code received from server: " + std::to_string(call.http_status));
  } else if (call.reader.held_bytes() > 0) {
    status = Status(Code::kInternal, "unexpected EOF");
  }
  Headers trailers = std::move(call.head);
  if (!call.half_closed) session_->reset(call.id, H2Error::kCancel);
  end(call, status, trailers);
}

void Client::on_goaway(StreamId, uint32_t) {
  refused_ = true;
  std::vector<CallId> unsent;
  for (const auto& [id, call] : calls_) {
    if (!call->opened && call->id != 0) unsent.push_back(id);
  }
  for (const CallId id : unsent) {
    if (ClientCall* call = find(id)) abort(*call, Status(Code::kUnavailable, "the connection takes no more calls"));
  }
}

void Client::on_request_unsent(StreamId stream) {
  for (const auto& [id, call] : calls_) {
    if (call->id != stream) continue;
    close(*call, Status(Code::kUnavailable, "the connection takes no more calls"));
    return;
  }
}

void Client::on_stream_closed(StreamId, StreamState* state, uint32_t error) {
  ClientCall& call = static_cast<ClientCall&>(*state);
  if (reading_ == &call) reading_ = nullptr;
  const auto reason = static_cast<H2Error>(error);
  const Code code = reason == H2Error::kRefusedStream     ? Code::kUnavailable
                    : reason == H2Error::kCancel          ? Code::kCanceled
                    : reason == H2Error::kEnhanceYourCalm ? Code::kResourceExhausted
                                                          : Code::kInternal;
  close(call, Status(code, "stream terminated by RST_STREAM with error code: " + std::to_string(error)));
}

void Client::close(ClientCall& call, const Status& status) {
  const CallId id = call.call_id;
  end(call, status, {});
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  closed_.push_back(std::move(found->second));
  calls_.erase(found);
}

void Client::on_read(std::string_view bytes) {
  last_read_ = env_.loop.now();
  ping_unanswered_ = false;
  const bool understood = session_->receive(bytes);
  closed_.clear();
  if (!understood) {
    lose(Status(Code::kUnavailable, "the server broke the protocol"));
  } else {
    flush_later();
  }
}

void Client::flush_later() {
  if (flush_posted_ || blocked_ || lost_) return;
  flush_posted_ = true;
  env_.loop.post([self = self_] {
    if (*self == nullptr) return;
    (*self)->flush_posted_ = false;
    (*self)->flush();
  });
}

void Client::flush() {
  while (!lost_ && !blocked_) {
    if (!session_->pull(output_, limits::kSocketBytesHigh)) {
      lose(Status(Code::kUnavailable, "the connection failed"));
      return;
    }
    if (output_.empty()) break;
    blocked_ = !output_.write_to(*socket_);
  }
  closed_.clear();
  if (!lost_ && !blocked_ && session_->done()) lose(Status(Code::kUnavailable, "the connection was closed"));
}

void Client::lose(const Status& why) {
  if (lost_) return;
  lost_ = true;
  socket_->close();
  const Status status(Code::kUnavailable, why.text());
  std::vector<CallId> open;
  for (const auto& [id, call] : calls_) open.push_back(id);
  std::sort(open.begin(), open.end());
  const std::shared_ptr<Client*> self = self_;
  for (const CallId id : open) {
    if (ClientCall* call = find(id)) end(*call, status, {});
    if (*self == nullptr) return;
  }
  if (on_lost_) std::exchange(on_lost_, nullptr)(status);
}

void Client::watch_silence(Duration delay) {
  if (options_.keepalive_interval <= 0ns) return;
  silence_timer_ = env_.loop.after(delay, [this] {
    silence_timer_ = 0;
    on_silence();
  });
}

void Client::on_silence() {
  if (lost_) return;
  const Duration silent = env_.loop.now() - last_read_;
  if (ping_unanswered_) {
    lose(Status(Code::kUnavailable, "keepalive ping failed to receive ACK within timeout"));
  } else if (silent >= options_.keepalive_interval && !calls_.empty()) {
    constexpr uint64_t kPayload = 0x616c'6976'6500'0002;
    ping_unanswered_ = true;
    session_->ping(kPayload);
    flush_later();
    watch_silence(options_.keepalive_timeout);
  } else {
    watch_silence(silent >= options_.keepalive_interval ? options_.keepalive_interval
                                                        : options_.keepalive_interval - silent);
  }
}

}  // namespace

std::unique_ptr<ClientConnection> ClientConnection::create(const env::LoopEnv& env, std::unique_ptr<env::Socket> socket,
                                                           const ClientOptions& options,
                                                           std::move_only_function<void(const Status&)> on_lost) {
  return std::make_unique<Client>(env, std::move(socket), options, std::move(on_lost));
}

}  // namespace quorate::http
