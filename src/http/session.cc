#include "http/session.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/limits.h"

namespace quorate::http {

namespace {

std::string_view view_of(nghttp2_rcbuf* buffer) {
  const nghttp2_vec bytes = nghttp2_rcbuf_get_buf(buffer);
  return {reinterpret_cast<const char*>(bytes.base), bytes.len};
}

nghttp2_nv nv_of(const HeaderField& field) {
  const auto bytes = [](std::string_view text) { return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data())); };
  const uint8_t flags =
      field.is_static ? NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE : NGHTTP2_NV_FLAG_NONE;
  return {bytes(field.name), bytes(field.value), field.name.size(), field.value.size(), flags};
}

constexpr HeaderField kOkTrailers[] = {{"grpc-status", "0", true}, {"grpc-message", "", true}};

class NghttpSession final : public Session {
 public:
  NghttpSession(const Options& options, SessionEvents& events) : events_(events), server_(options.server) {
    open();
    send_settings(options);
  }
  ~NghttpSession() override { nghttp2_session_del(session_); }

  bool receive(std::string_view bytes) override {
    if (broken_) return false;
    const ssize_t taken =
        nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    if (taken < 0) give_up(static_cast<int>(taken));
    return !broken_;
  }

  bool pull(Output& out, size_t bytes_max) override {
    if (broken_) {
      out.append(last_words_);
      last_words_.clear();
      return false;
    }
    out_ = &out;
    out_bytes_max_ = bytes_max;
    while (out.size() < bytes_max) {
      const uint8_t* frame = nullptr;
      const ssize_t size = nghttp2_session_mem_send(session_, &frame);
      if (size < 0) broken_ = true;
      if (size <= 0) break;
      out.append({reinterpret_cast<const char*>(frame), static_cast<size_t>(size)});
    }
    out_ = nullptr;
    return !broken_;
  }

  size_t queued_frames() const override { return nghttp2_session_get_outbound_queue_size(session_); }
  std::string_view why() const override { return why_; }

  bool done() const override {
    return broken_ || (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0);
  }

  void attach(StreamId stream, StreamState& state) override {
    state.id = stream;
    nghttp2_session_set_stream_user_data(session_, stream, &state);
    forget_known();
  }

  void respond(StreamState& state, std::span<const HeaderField> headers, bool last) override {
    fill(headers);
    nghttp2_data_provider provider = provider_of(state);
    const int rv =
        nghttp2_submit_response(session_, state.id, fields_.data(), fields_.size(), last ? nullptr : &provider);
    if (rv != 0) reset(state.id, H2Error::kInternal);
  }

  bool request(StreamState& state, std::span<const HeaderField> headers) override {
    fill(headers);
    nghttp2_data_provider provider = provider_of(state);
    const int32_t id = nghttp2_submit_request(session_, nullptr, fields_.data(), fields_.size(), &provider, &state);
    if (id < 0) return false;
    state.id = id;
    forget_known();
    return true;
  }

  void resume(StreamState& state) override {
    if (!state.waiting) return;
    state.waiting = false;
    nghttp2_session_resume_data(session_, state.id);
  }

  void reset(StreamId stream, H2Error error) override {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, static_cast<uint32_t>(error));
  }

  void consume_stream(StreamId stream, size_t bytes) override {
    nghttp2_session_consume_stream(session_, stream, bytes);
  }
  void consume_connection(size_t bytes) override { nghttp2_session_consume_connection(session_, bytes); }

  void ping(uint64_t payload) override {
    std::array<uint8_t, 8> bytes;
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(payload >> (56 - 8 * i));
    nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, bytes.data());
  }

  void announce_shutdown() override { nghttp2_submit_shutdown_notice(session_); }

  void goaway(H2Error error, std::string_view text) override {
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                          static_cast<uint32_t>(error), reinterpret_cast<const uint8_t*>(text.data()), text.size());
  }

 private:
  static NghttpSession& self(void* user) { return *static_cast<NghttpSession*>(user); }
  StreamState* state_of(StreamId stream) {
    if (stream != known_stream_) {
      known_state_ = static_cast<StreamState*>(nghttp2_session_get_stream_user_data(session_, stream));
      known_stream_ = stream;
    }
    return known_state_;
  }
  void forget_known() {
    known_stream_ = 0;
    known_state_ = nullptr;
  }

  void open();
  void send_settings(const Options& options);
  static nghttp2_session_callbacks* make_callbacks();

  // The library can say nothing more after a fatal error, so the GOAWAY is made by hand.
  void give_up(int error);

  void fill(std::span<const HeaderField> headers) {
    fields_.clear();
    for (const HeaderField& header : headers) fields_.push_back(nv_of(header));
  }

  static nghttp2_data_provider provider_of(StreamState& state) {
    nghttp2_data_provider provider;
    provider.source.ptr = &state;
    provider.read_callback = &read_data;
    return provider;
  }

  static ssize_t read_data(nghttp2_session*, int32_t, uint8_t*, size_t length, uint32_t* flags,
                           nghttp2_data_source* source, void* user) {
    StreamState& state = *static_cast<StreamState*>(source->ptr);
    const size_t size = std::min(length, state.out.size());
    if (size == 0 && state.end == StreamState::End::kOpen) {
      state.waiting = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (size == state.out.size() && state.end != StreamState::End::kOpen) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (state.end != StreamState::End::kPlain) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        self(user).submit_trailers(state);
      }
    }
    return static_cast<ssize_t>(size);
  }

  void submit_trailers(StreamState& state) {
    if (state.end == StreamState::End::kOkTrailers) {
      fill(kOkTrailers);
    } else {
      fields_.clear();
      for (const auto& [name, value] : state.trailers) fields_.push_back(nv_of({name, value}));
    }
    if (nghttp2_submit_trailer(session_, state.id, fields_.data(), fields_.size()) != 0)
      reset(state.id, H2Error::kInternal);
  }

  static int send_data(nghttp2_session*, nghttp2_frame*, const uint8_t* head, size_t length,
                       nghttp2_data_source* source, void* user) {
    constexpr size_t kFrameHeadBytes = 9;
    Output& out = *self(user).out_;
    out.append({reinterpret_cast<const char*>(head), kFrameHeadBytes});
    static_cast<StreamState*>(source->ptr)->out.take(length, out);
    return out.size() < self(user).out_bytes_max_ ? 0 : NGHTTP2_ERR_PAUSE;
  }

  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    NghttpSession& s = self(user);
    const bool opens = frame->headers.cat == NGHTTP2_HCAT_REQUEST;
    s.events_.on_headers_begin(frame->hd.stream_id, s.state_of(frame->hd.stream_id), opens);
    return 0;
  }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, nghttp2_rcbuf* name, nghttp2_rcbuf* value, uint8_t,
                       void* user) {
    self(user).events_.on_header(frame->hd.stream_id, view_of(name), view_of(value));
    return 0;
  }

  static int on_data_chunk(nghttp2_session*, uint8_t, int32_t stream, const uint8_t* data, size_t length, void* user) {
    NghttpSession& s = self(user);
    s.events_.on_data(stream, s.state_of(stream), {reinterpret_cast<const char*>(data), length});
    return 0;
  }

  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    self(user).handle(*frame);
    return 0;
  }
  void handle(const nghttp2_frame& frame);

  static int on_stream_close(nghttp2_session*, int32_t stream, uint32_t error, void* user) {
    NghttpSession& s = self(user);
    StreamState* state = s.state_of(stream);
    s.forget_known();
    if (state != nullptr) s.events_.on_stream_closed(stream, state, error);
    return 0;
  }

  static int on_frame_send(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    self(user).sent(*frame);
    return 0;
  }
  void sent(const nghttp2_frame& frame);

  static int on_frame_not_send(nghttp2_session* session, const nghttp2_frame* frame, int error, void* user) {
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      self(user).events_.on_request_unsent(frame->hd.stream_id);
      return 0;
    }
    const bool carries = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    const bool gone = error == NGHTTP2_ERR_STREAM_CLOSED || error == NGHTTP2_ERR_STREAM_CLOSING;
    if (carries && !gone && frame->hd.stream_id > 0) {
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_INTERNAL_ERROR);
    }
    return 0;
  }

  SessionEvents& events_;
  const bool server_;
  nghttp2_session* session_ = nullptr;
  Output* out_ = nullptr;  // during pull()
  size_t out_bytes_max_ = 0;
  StreamId known_stream_ = 0;  // whose state was looked up last
  StreamState* known_state_ = nullptr;
  bool broken_ = false;
  std::string last_words_;
  std::string_view why_;
  std::vector<nghttp2_nv> fields_;
};

nghttp2_session_callbacks* NghttpSession::make_callbacks() {
  nghttp2_session_callbacks* callbacks = nullptr;
  CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, &on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback2(callbacks, &on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &on_data_chunk);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &on_frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &on_stream_close);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, &on_frame_send);
  nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, &on_frame_not_send);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, &send_data);
  return callbacks;
}

void NghttpSession::open() {
  nghttp2_option* option = nullptr;
  CHECK(nghttp2_option_new(&option) == 0);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  if (server_) nghttp2_option_set_no_http_messaging(option, 1);
  nghttp2_option_set_max_outbound_ack(option, limits::kMaxQueuedAcks);
  nghttp2_option_set_max_continuations(option, limits::kMaxContinuations);
  // The library's own limit of resets reads a clock; ours is the connection's and does not.
  nghttp2_option_set_stream_reset_rate_limit(option, UINT64_MAX, UINT64_MAX);
  nghttp2_session_callbacks* callbacks = make_callbacks();
  const int rv = server_ ? nghttp2_session_server_new2(&session_, callbacks, this, option)
                         : nghttp2_session_client_new2(&session_, callbacks, this, option);
  CHECK(rv == 0);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_option_del(option);
}

void NghttpSession::send_settings(const Options& options) {
  std::vector<nghttp2_settings_entry> settings = {
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits::kStreamWindowBytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(limits::kMaxHeaderListBytes)}};
  if (options.server && options.max_concurrent_streams != UINT32_MAX) {
    settings.push_back({NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options.max_concurrent_streams});
  }
  if (!options.server) settings.push_back({NGHTTP2_SETTINGS_ENABLE_PUSH, 0});
  CHECK(nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) == 0);
  CHECK(nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                              static_cast<int32_t>(limits::kConnectionWindowBytes)) == 0);
}

void NghttpSession::give_up(int error) {
  broken_ = true;
  why_ = nghttp2_strerror(error);
  const auto last = static_cast<uint32_t>(nghttp2_session_get_last_proc_stream_id(session_));
  last_words_ = {0, 0, 8, NGHTTP2_GOAWAY, 0, 0, 0, 0, 0};
  for (const uint32_t word : {last, static_cast<uint32_t>(H2Error::kEnhanceYourCalm)}) {
    for (int shift = 24; shift >= 0; shift -= 8) last_words_ += static_cast<char>(word >> shift);
  }
}

void NghttpSession::handle(const nghttp2_frame& frame) {
  const StreamId stream = frame.hd.stream_id;
  const bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
      events_.on_headers_end(stream, state_of(stream), ends);
      if (ends) events_.on_stream_ended(stream, state_of(stream));
      break;
    case NGHTTP2_DATA:
      // The library takes the padding and its length back by itself.
      if (frame.hd.length == 0 && !ends) events_.on_idle_frame();
      if (ends) events_.on_stream_ended(stream, state_of(stream));
      break;
    case NGHTTP2_RST_STREAM: events_.on_reset_received(); break;
    case NGHTTP2_PRIORITY:
    case NGHTTP2_SETTINGS: events_.on_idle_frame(); break;
    case NGHTTP2_PING: {
      uint64_t payload = 0;
      for (const uint8_t byte : frame.ping.opaque_data) payload = (payload << 8) | byte;
      events_.on_ping((frame.hd.flags & NGHTTP2_FLAG_ACK) != 0, payload);
      break;
    }
    case NGHTTP2_GOAWAY: events_.on_goaway(frame.goaway.last_stream_id, frame.goaway.error_code); break;
    default: break;
  }
}

void NghttpSession::sent(const nghttp2_frame& frame) {
  const StreamId stream = frame.hd.stream_id;
  if (frame.hd.type == NGHTTP2_RST_STREAM) {
    if (frame.rst_stream.error_code != NGHTTP2_NO_ERROR && frame.rst_stream.error_code != NGHTTP2_CANCEL)
      events_.on_reset_sent();
    return;
  }
  if (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA) return;
  if (!server_ && frame.hd.type == NGHTTP2_HEADERS) {
    if (StreamState* state = state_of(stream)) state->opened = true;
  }
  events_.on_frame_sent(frame.hd.type == NGHTTP2_DATA ? frame.hd.length : 0);
  const bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (server_ && ends && nghttp2_session_get_stream_remote_close(session_, stream) == 0) {
    // The answer is whole, so the rest of the request is not wanted.
    reset(stream, H2Error::kNone);
  }
}

}  // namespace

std::unique_ptr<Session> Session::create(const Options& options, SessionEvents& events) {
  return std::make_unique<NghttpSession>(options, events);
}

}  // namespace quorate::http
