// HTTP/1.x on one connection: requests one after the other, answers in their order.
#include <algorithm>

#include "base/check.h"
#include "base/limits.h"
#include "http/connection.h"
#include "http/http1_parser.h"

namespace quorate::http {

namespace {

class Http1 final : public Protocol {
 public:
  explicit Http1(Connection& connection)
      : connection_(connection),
        server_(connection.server()),
        parser_({limits::kMaxHttp1HeadBytes, server_.options().max_body_bytes}),
        unfinished_(server_.unfinished_budget()) {}

  void on_bytes(std::string_view bytes) override {
    if (closing_) return;
    input_.append(bytes);
    read();
    if (input_.size() > limits::kHttp1PipelineBytes) connection_.pause_reading(Connection::Pause::kPipeline);
  }

  void on_read_end() override {
    read_ended_ = true;
    read();
  }

  void produce(Output& out) override {
    // The next answer is begun only when the one before has left.
    if (out.empty()) read();
    if (input_.size() <= limits::kHttp1PipelineBytes) connection_.resume_reading(Connection::Pause::kPipeline);
  }

  bool done() const override { return closing_ && call_ == nullptr; }
  size_t queued_bytes() const override { return 0; }
  size_t unsent_bytes() const override { return connection_.unsent_bytes(); }

  void drain() override {
    draining_ = true;
    if (call_ == nullptr && !parser_.in_request() && input_.empty()) closing_ = true;
  }

  void on_lost() override {
    if (call_ == nullptr) return;
    server_.cancel(*call_);
    server_.close_call(*call_);
    call_ = nullptr;
  }

  void respond(Call& call, PlainResponse&& response) override;

  // Calls of gRPC need HTTP/2.
  size_t send(Call&, Bytes) override { return 0; }
  size_t send_pieces(Call&, std::vector<Bytes>&&) override { return 0; }
  void begin_message(Call&, size_t) override {}
  size_t send_part(Call&, Bytes) override { return 0; }
  void finish(Call&, const Status&, const Headers&) override {}
  void on_deadline(Call&) override {}

 private:
  void read();
  void await_rest();
  void begin_call();
  void refuse(int status, const std::string& text);

  Connection& connection_;
  ServerState& server_;
  Http1Parser parser_;
  std::string input_;
  Call* call_ = nullptr;  // the one being answered
  bool reading_ = false;
  bool closing_ = false;
  bool draining_ = false;
  bool read_ended_ = false;
  enum class Awaits : uint8_t { kNothing, kHead, kBody };
  Awaits awaits_ = Awaits::kHead;  // what the connection's timer runs for
  Share unfinished_;
};

void Http1::read() {
  if (reading_) return;  // the handler answered from within on_request
  reading_ = true;
  std::string_view rest = input_;
  while (call_ == nullptr && !closing_ && !rest.empty() && connection_.output().size() < limits::kSocketBytesHigh) {
    const Http1Parser::Step step = parser_.step(rest);
    if (step == Http1Parser::Step::kNeedMore) continue;
    if (step == Http1Parser::Step::kContinue) {
      connection_.output().append("HTTP/1.1 100 Continue\r\n\r\n");
    } else if (step == Http1Parser::Step::kRequest) {
      begin_call();
    } else {
      refuse(parser_.error_status(), parser_.error_text());
    }
  }
  input_.erase(0, input_.size() - rest.size());
  if (closing_) input_.clear();
  await_rest();
  if (read_ended_ && call_ == nullptr && input_.empty()) closing_ = true;
  reading_ = false;
}

void Http1::await_rest() {
  Awaits awaits = Awaits::kNothing;
  if (call_ == nullptr && !closing_ && parser_.in_request()) awaits = parser_.in_head() ? Awaits::kHead : Awaits::kBody;
  unfinished_.set(awaits == Awaits::kBody ? parser_.held_bytes() : 0);
  if (unfinished_.bytes() > 0 && server_.unfinished_bytes() > limits::kUnfinishedBytesMax) {
    return refuse(503, "too many requests");
  }
  if (awaits == awaits_) return;
  awaits_ = awaits;
  if (awaits == Awaits::kNothing) return connection_.expect_within(std::nullopt);
  connection_.expect_within(awaits == Awaits::kHead ? limits::kHeadTimeout : limits::kRequestTimeout);
}

void Http1::begin_call() {
  Call* call = server_.open_call(*this);
  if (call == nullptr) {
    refuse(503, "");
    return;
  }
  call_ = call;
  call->told = true;
  PlainRequest request = std::move(parser_.request());
  request.peer = connection_.peer();
  call->head_only = request.method == "HEAD";
  server_.handler().on_request(call->call_id, std::move(request));
}

void Http1::refuse(int status, const std::string& text) {
  const std::string line = std::to_string(status) + " " + std::string(reason_phrase(status));
  const std::string body = text.empty() ? line : line + ": " + text;
  connection_.output().append("HTTP/1.1 " + line +
                              "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" + body);
  closing_ = true;
  parser_.drop();
  unfinished_.set(0);
  connection_.lose_soon();
}

// Go's servers print "Content-Type", and so scripts look for it.
void append_header_name(std::string& out, std::string_view name) {
  bool begins_word = true;
  for (const char c : name) {
    out += begins_word && c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    begins_word = c == '-';
  }
}

// A value may come from a client's own words; a line break in it would end the header.
void append_header_value(std::string& out, std::string_view value) {
  for (const char c : value) out += c == '\r' || c == '\n' ? ' ' : c;
}

void Http1::respond(Call& call, PlainResponse&& response) {
  CHECK(&call == call_);
  const bool keep = parser_.keep_alive() && !draining_;
  const bool bodiless = response.status == 204 || response.status == 304 || response.status < 200;
  std::string head =
      "HTTP/1.1 " + std::to_string(response.status) + " " + std::string(reason_phrase(response.status)) + "\r\n";
  for (const auto& [name, value] : response.headers) {
    append_header_name(head, name);
    head += ": ";
    append_header_value(head, value);
    head += "\r\n";
  }
  head += "Date: " + std::string(server_.http_date()) + "\r\n";
  if (!bodiless) head += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  if (!keep) head += "Connection: close\r\n";
  if (keep && parser_.is_http10()) head += "Connection: keep-alive\r\n";
  head += "\r\n";
  Output& out = connection_.output();
  out.append(head);
  if (!bodiless && !call.head_only) out.append(response.body, response.body.view());
  call.ended = true;
  server_.close_call(call);
  call_ = nullptr;
  if (!keep) closing_ = true;
  connection_.touch();
}

}  // namespace

std::unique_ptr<Protocol> make_http1(Connection& connection) { return std::make_unique<Http1>(connection); }

}  // namespace quorate::http
