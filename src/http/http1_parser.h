// http/http1_parser.h: HTTP/1.x requests out of a stream of bytes.
//
// Strict where leniency lets two readers of one stream see different requests: no bare LF, no folded lines, no
// space before a colon, one Content-Length, never together with Transfer-Encoding, "chunked" alone.
// Loop: the connection's. Source: RFC 9112; the answers to bad requests are those of Go's server.
// Invariants:
//   (1) Memory held is at most Options.head_bytes_max + Options.body_bytes_max, whatever comes.
//   (2) After kError nothing more is read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/server.h"

namespace quorate::http {

class Http1Parser {
 public:
  enum class Step : uint8_t {
    kNeedMore,  // go on with the bytes that are left, else wait for more
    kContinue,  // the client waits for "100 Continue" before it sends the body
    kRequest,   // request() is whole
    kError,     // error_status() tells how to answer before closing
  };
  struct Options {
    size_t head_bytes_max = 0;
    size_t body_bytes_max = 0;
  };

  explicit Http1Parser(const Options& options) : options_(options) {}

  // Takes bytes from the front of `bytes` up to the next event.
  Step step(std::string_view& bytes);
  // Requires that the last step was kRequest; body and headers may be moved out.
  PlainRequest& request() { return request_; }
  // Whether the connection may serve another request after this one.
  bool keep_alive() const { return keep_alive_; }
  // Whether the client speaks 1.0 and so must be told of keep-alive.
  bool is_http10() const { return http10_; }
  int error_status() const { return error_status_; }
  const std::string& error_text() const { return error_text_; }
  // Whether a request has begun and is not whole.
  bool in_request() const { return state_ != State::kHead || !head_.empty(); }
  bool in_head() const { return state_ == State::kHead; }
  size_t held_bytes() const { return head_.size() + body_.size(); }
  // Lets go of a request that nobody will read. Nothing more may be asked of it.
  void drop() { head_ = body_ = std::string(); }

 private:
  enum class State : uint8_t { kHead, kBody, kChunkSize, kChunkData, kChunkEnd, kTrailers, kFailed };

  Step fail(int status, std::string text = "");
  Step take_head(std::string_view& bytes);
  Step parse_head();
  bool parse_request_line(std::string_view line);
  bool parse_target(std::string_view target);
  bool parse_header(std::string_view line);
  bool apply_header(std::string_view name, std::string_view value);
  Step begin_body();
  Step take_body(std::string_view& bytes);
  Step take_chunked(std::string_view& bytes);
  bool take_line(std::string_view& bytes);
  Step parse_chunk_size();
  Step finish();

  const Options options_;
  State state_ = State::kHead;
  std::string head_;  // then: the line of a chunk
  std::string body_;
  PlainRequest request_;
  size_t body_left_ = 0;  // of the body or of the chunk
  size_t trailer_bytes_ = 0;
  bool has_length_ = false;
  bool has_host_ = false;
  bool chunked_ = false;
  bool expects_continue_ = false;
  bool keep_alive_ = true;
  bool http10_ = false;
  bool close_asked_ = false;
  bool keep_alive_asked_ = false;
  int error_status_ = 0;
  std::string error_text_;
};

// "Not Found"; empty for a code without a name.
std::string_view reason_phrase(int status);

}  // namespace quorate::http
