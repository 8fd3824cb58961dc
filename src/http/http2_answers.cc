// What leaves by HTTP/2: answers, and their end.
#include <array>
#include <span>

#include "base/check.h"
#include "http/grpc_text.h"
#include "http/gzip.h"
#include "http/http2.h"

namespace quorate::http {

namespace {

constexpr HeaderField kGrpcHeaders[] = {{":status", "200", true}, {"content-type", "application/grpc", true}};
constexpr size_t kGzipBytesMax = 256 * 1024;  // of a message; a longer one would hold the loop too long

// As etcd's library: to a client that compresses, all but what is empty; here also all but what is long.
bool compresses(const Call& call, size_t message_bytes) {
  return call.gzip && message_bytes > 0 && message_bytes <= kGzipBytesMax;
}

}  // namespace

size_t Http2::queued(Call& call, size_t before) {
  const size_t size = call.out.size();
  queued_.set(queued_.bytes() + size - before);
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
  queued_.subtract(call.out.size());
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
  call.reader.reset({});
  hold(call, 0);
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
    queued_.add(response.body.size());
    call.out.push_raw(std::move(response.body));
    call.end = StreamState::End::kPlain;
  }
  session_->respond(call, headers, last);
  connection_.touch();
}

}  // namespace quorate::http
