// http/session.h: one side of one HTTP/2 connection: bytes in, events out; frames out, bytes out.
//
// It knows streams, headers, flow control and HPACK, but neither sockets nor gRPC; nghttp2 does the work and
// is named in session.cc alone.
// Loop: the connection's.
// Source: RFC 9113, RFC 7541.
// Invariants:
//   (1) Events come from within receive(); those of what was sent, unsent and closed from pull() as well.
//   (2) A StreamState that was attached is used until on_stream_closed, which comes once for it.
//   (3) Neither receive() nor pull() may be called, nor the Session destroyed, from within an event.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "http/output.h"
#include "http/server.h"

namespace quorate::http {

using StreamId = int32_t;

// RFC 9113, 7.
enum class H2Error : uint32_t {
  kNone = 0,
  kProtocol = 1,
  kInternal = 2,
  kFlowControl = 3,
  kStreamClosed = 5,
  kFrameSize = 6,
  kRefusedStream = 7,
  kCancel = 8,
  kEnhanceYourCalm = 11,
};

// A header to send. What is static need not be copied.
struct HeaderField {
  std::string_view name;
  std::string_view value;
  bool is_static = false;  // both live as long as the program
};

// The sending half of a stream; a call is one.
struct StreamState {
  enum class End : uint8_t {
    kOpen,        // more may be queued
    kPlain,       // END_STREAM on the last of the data
    kOkTrailers,  // grpc-status: 0
    kTrailers,    // `trailers`
  };

  StreamId id = 0;
  OutQueue out;
  End end = End::kOpen;
  bool waiting = false;  // asked for data while there was none
  bool opened = false;   // a client's request has left
  Headers trailers;
};

class SessionEvents {
 public:
  virtual ~SessionEvents() = default;
  // The head of a message begins: on a server a request, or its trailers; on a client the answer, or its trailers.
  // `opens`: it opens the stream. On a server nothing of it is checked yet (request_head.h).
  virtual void on_headers_begin(StreamId stream, StreamState* state, bool opens) = 0;
  virtual void on_header(StreamId stream, std::string_view name, std::string_view value) = 0;
  virtual void on_headers_end(StreamId stream, StreamState* state, bool stream_ended) = 0;
  // Flow control is the owner's: what it has taken it gives back by consume().
  virtual void on_data(StreamId stream, StreamState* state, std::string_view bytes) = 0;
  virtual void on_stream_ended(StreamId stream, StreamState* state) = 0;
  virtual void on_stream_closed(StreamId stream, StreamState* state, uint32_t error) = 0;
  // A request that waited for its turn was taken back, or the other side takes no more. Its StreamState is not
  // used any further, and on_stream_closed will not come.
  virtual void on_request_unsent(StreamId stream) = 0;
  virtual void on_reset_received() = 0;
  // A frame that carries nothing: empty DATA, PRIORITY, SETTINGS.
  virtual void on_idle_frame() = 0;
  virtual void on_ping(bool ack, uint64_t payload) = 0;
  virtual void on_goaway(StreamId last_stream, uint32_t error) = 0;
  // HEADERS, or DATA of this many bytes, were moved to the output.
  virtual void on_frame_sent(size_t data_bytes) = 0;
  // We reset a stream for what the other side did wrong.
  virtual void on_reset_sent() = 0;
};

class Session {
 public:
  struct Options {
    bool server = true;
    uint32_t max_concurrent_streams = UINT32_MAX;  // of the other side; UINT32_MAX is not announced
  };

  static std::unique_ptr<Session> create(const Options& options, SessionEvents& events);
  virtual ~Session() = default;

  // False when nothing more can be understood; what pull() still gives is worth sending.
  virtual bool receive(std::string_view bytes) = 0;
  // Moves frames to `out` until it holds `bytes_max` or more, or there are none.
  virtual bool pull(Output& out, size_t bytes_max) = 0;
  // Frames that wait to be pulled, but for DATA that flow control holds back.
  virtual size_t queued_frames() const = 0;
  // Why receive() gave up.
  virtual std::string_view why() const = 0;
  // Both directions are done: the connection may close once all is written.
  virtual bool done() const = 0;

  // Ties a stream that came in to its state.
  virtual void attach(StreamId stream, StreamState& state) = 0;
  // Sends headers; then, unless `last`, what state.out holds and will hold.
  virtual void respond(StreamState& state, std::span<const HeaderField> headers, bool last) = 0;
  // Opens a stream, sets state.id. False when none can be opened any more.
  virtual bool request(StreamState& state, std::span<const HeaderField> headers) = 0;
  // state.out or state.end has changed.
  virtual void resume(StreamState& state) = 0;
  virtual void reset(StreamId stream, H2Error error) = 0;
  // Opens the other side's windows again.
  virtual void consume_stream(StreamId stream, size_t bytes) = 0;
  virtual void consume_connection(size_t bytes) = 0;

  virtual void ping(uint64_t payload) = 0;
  // GOAWAY that refuses nothing yet: the other side should open its streams elsewhere.
  virtual void announce_shutdown() = 0;
  // GOAWAY: streams after the last seen are refused.
  virtual void goaway(H2Error error, std::string_view text) = 0;
};

// What an HTTP/2 client says first.
inline constexpr std::string_view kClientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

}  // namespace quorate::http
