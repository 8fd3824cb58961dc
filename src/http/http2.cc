// What comes by HTTP/2: requests, pings, silence, and who does not play by the rules.
#include "http/http2.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "http/grpc_head.h"
#include "http/grpc_text.h"

namespace quorate::http {

namespace {

constexpr uint64_t kDrainPing = 0x6472'6169'6e00'0001;  // any two numbers that differ
constexpr uint64_t kKeepalivePing = 0x616c'6976'6500'0001;

}  // namespace

void Http2::on_bytes(std::string_view bytes) {
  if (closing_) return;
  last_read_ = now();
  ping_unanswered_ = false;
  if (!session_->receive(bytes) && !closing_) {
    server_.env().log.warn("closing an HTTP/2 connection",
                           {{"remote-addr", connection_.peer()}, {"reason", session_->why()}});
    closing_ = true;
  }
  if (closing_) connection_.lose_soon();
  if (in_head_ == awaits_head_) return;
  awaits_head_ = in_head_;
  connection_.expect_within(in_head_ ? std::optional(limits::kHeadTimeout) : std::nullopt);
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
    if (call.ended) continue;
    give_back_window(call);
    server_.handler().on_drained(call.call_id, call.out.size());
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
  in_head_ = true;
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
  in_head_ = false;
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
  head_.connection = connection_.id();
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
  // Who does not read its answers is not asked for more that makes some.
  if (call.above_high) return;
  // A message may be larger than the window, so an unfinished one opens it too.
  if (call.held_bytes > 0 && call.unconsumed_bytes < limits::kStreamWindowBytes / 2) return;
  session_->consume_stream(call.id, call.unconsumed_bytes);
  call.unconsumed_bytes = 0;
}

void Http2::hold(Call& call, size_t bytes) {
  held_bytes_ = held_bytes_ - call.held_bytes + bytes;
  unfinished_.set(unfinished_.bytes() - call.held_bytes + bytes);
  call.held_bytes = bytes;
  if (bytes == 0 || call.ended) return;
  const bool over = server_.unfinished_bytes() > limits::kUnfinishedBytesMax;
  if (held_bytes_ <= limits::kConnectionHeldBytesMax && !over) return;
  if (call.grpc && over) {
    abort(call, errors::RequestTooManyRequests());
  } else if (call.grpc) {
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
  unfinished_.subtract(call.held_bytes);
  queued_.subtract(call.out.size());
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

void Http2::cut_stalled(Duration still_max) {
  const bool reads_not = connection_.unsent_bytes() >= limits::kStalledBytesMin;
  const bool pressed = server_.unfinished_bytes() > limits::kUnfinishedBytesMax / 2;
  Cut unread, unfinished;
  for (Call* next = first_; next != nullptr;) {
    Call& call = *std::exchange(next, next->next);
    const bool unsent = reads_not && call.out.size() > 0;
    if (!unsent && !(pressed && call.held_bytes > 0)) {
      call.stall.reset();
      continue;
    }
    if (call.stall.look(call.out.taken_bytes() + call.held_bytes) < still_max) continue;
    if (unsent) {
      unread.add(call.id, call.out.size());
      cut(call);
      server_.cancel(call);
    } else {
      unfinished.add(call.id, call.held_bytes);
      abort(call, errors::RequestTooManyRequests());
    }
  }
  tell_of(unread, "closing streams whose client does not read", "unsent-bytes", still_max);
  tell_of(unfinished, "closing streams whose requests do not go on", "held-bytes", still_max);
}

void Http2::tell_of(const Cut& cut, std::string_view what, std::string_view bytes, Duration still_max) {
  if (cut.streams == 0 || !server_.may_tell()) return;
  server_.env().log.warn(what, {{"remote-addr", connection_.peer()},
                                {"streams", cut.streams},
                                {"first-stream", cut.first},
                                {bytes, cut.bytes},
                                {"without-progress", still_max}});
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

std::unique_ptr<Protocol> make_http2(Connection& connection) { return std::make_unique<Http2>(connection); }

}  // namespace quorate::http
