// http/http2.h: HTTP/2 on one connection: gRPC calls, plain requests, and what keeps both within bounds.
//
// Loop: the connection's. Named by http2.cc (what comes) and http2_answers.cc (what goes) alone.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "http/connection.h"
#include "http/http2_guard.h"
#include "http/request_head.h"

namespace quorate::http {

class Http2 final : public Protocol, private SessionEvents {
 public:
  explicit Http2(Connection& connection)
      : connection_(connection),
        server_(connection.server()),
        session_(Session::create({.server = true, .max_concurrent_streams = server_.options().max_concurrent_streams},
                                 *this)),
        guard_(server_.options().keepalive_min_time),
        unfinished_(server_.unfinished_budget()),
        queued_(server_.unsent_budget()) {
    connection_.expect_within(std::nullopt);  // the preface was the first word; calls may come when they like
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
  size_t queued_bytes() const override { return queued_.bytes(); }
  size_t queued_frames() const override { return session_->queued_frames(); }
  size_t unsent_bytes() const override { return connection_.unsent_bytes(); }
  void cut_stalled(Duration still_max) override;
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
    queued_.subtract(data_bytes);
    guard_.on_sent();
  }

  // What one look at stalled calls has ended.
  struct Cut {
    size_t streams = 0, bytes = 0;
    StreamId first = 0;
    void add(StreamId stream, size_t bytes_of_it) {
      if (streams++ == 0) first = stream;
      bytes += bytes_of_it;
    }
  };
  void tell_of(const Cut& cut, std::string_view what, std::string_view bytes, Duration still_max);

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
  bool in_head_ = false;
  bool awaits_head_ = false;  // the connection's timer runs for it

  Call* first_ = nullptr;  // open calls
  size_t call_count_ = 0;
  size_t held_bytes_ = 0;
  Share unfinished_;  // held_bytes_ without what open calls count for
  Share queued_;
  std::vector<Call*> above_high_;
  MonoTime last_read_{};
  bool ping_unanswered_ = false;
  env::TimerId silence_timer_ = 0;
  env::TimerId drain_timer_ = 0;
  bool draining_ = false;
  bool refusing_ = false;  // the last GOAWAY was said
  bool closing_ = false;
};

}  // namespace quorate::http
