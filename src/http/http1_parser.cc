#include "http/http1_parser.h"

#include <algorithm>

#include "http/chars.h"

namespace quorate::http {

namespace {

constexpr size_t kReserveAtBytes = 64 * 1024;  // of a body: until so much is there its length is only a claim

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Calls `use` for each element of a comma-separated list, lowered.
template <class Use>
void each_element(std::string_view list, Use use) {
  while (true) {
    const size_t comma = list.find(',');
    const std::string_view element = trimmed(list.substr(0, comma));
    if (!element.empty()) use(lowered(element));
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace

Http1Parser::Step Http1Parser::fail(int status, std::string text) {
  state_ = State::kFailed;
  error_status_ = status;
  error_text_ = std::move(text);
  return Step::kError;
}

Http1Parser::Step Http1Parser::step(std::string_view& bytes) {
  switch (state_) {
    case State::kHead: return take_head(bytes);
    case State::kBody: return take_body(bytes);
    case State::kChunkSize:
    case State::kChunkData:
    case State::kChunkEnd:
    case State::kTrailers: return take_chunked(bytes);
    case State::kFailed: break;
  }
  return Step::kError;
}

Http1Parser::Step Http1Parser::take_head(std::string_view& bytes) {
  if (head_.empty()) {
    // Empty lines before a request are forgiven (RFC 9112, 2.2).
    while (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
    if (bytes.empty()) return Step::kNeedMore;
  }
  if (head_ == "\r" && bytes.starts_with('\n')) {  // an empty line that came in two parts
    head_.clear();
    bytes.remove_prefix(1);
    return take_head(bytes);
  }
  const size_t searched = head_.size() < 3 ? 0 : head_.size() - 3;
  const size_t before = head_.size();
  const size_t room = options_.head_bytes_max + 1 - before;
  head_.append(bytes.substr(0, room));
  const size_t end = head_.find("\r\n\r\n", searched);
  if (end == std::string::npos) {
    if (head_.size() > options_.head_bytes_max) return fail(431);
    bytes = {};
    return Step::kNeedMore;
  }
  if (end + 4 > options_.head_bytes_max) return fail(431);
  bytes.remove_prefix(end + 4 - before);
  head_.resize(end + 2);
  return parse_head();
}

Http1Parser::Step Http1Parser::parse_head() {
  request_ = PlainRequest();
  has_length_ = has_host_ = chunked_ = expects_continue_ = close_asked_ = keep_alive_asked_ = false;
  body_left_ = trailer_bytes_ = 0;
  std::string_view rest = head_;
  bool first = true;
  while (!rest.empty()) {
    const size_t end = rest.find("\r\n");
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    if (!(first ? parse_request_line(line) : parse_header(line))) return Step::kError;
    first = false;
  }
  if (!http10_ && !has_host_) return fail(400, "missing required Host header");
  if (chunked_ && (has_length_ || http10_)) return fail(400);
  keep_alive_ = http10_ ? keep_alive_asked_ && !close_asked_ : !close_asked_;
  head_.clear();
  return begin_body();
}

bool Http1Parser::parse_request_line(std::string_view line) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  const bool three = first != std::string_view::npos && first != last;
  if (!three || !is_token(line.substr(0, first))) {
    fail(400);
    return false;
  }
  const std::string_view version = line.substr(last + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    const bool is_version = version.size() == 8 && version.starts_with("HTTP/") && version[6] == '.';
    fail(is_version ? 505 : 400, is_version ? "unsupported protocol version" : "");
    return false;
  }
  http10_ = version.back() == '0';
  request_.method = std::string(line.substr(0, first));
  return parse_target(line.substr(first + 1, last - first - 1));
}

bool Http1Parser::parse_target(std::string_view target) {
  const bool visible = std::all_of(target.begin(), target.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!visible || target.empty()) {
    fail(400);
    return false;
  }
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const size_t path = target.find('/', scheme.size());
    target = path == std::string_view::npos ? "/" : target.substr(path);
  }
  if (target[0] != '/' && !(target == "*" && request_.method == "OPTIONS")) {
    fail(400);
    return false;
  }
  target = target.substr(0, target.find('#'));
  const size_t mark = target.find('?');
  request_.path = std::string(target.substr(0, mark));
  if (mark != std::string_view::npos) request_.query = std::string(target.substr(mark + 1));
  return true;
}

bool Http1Parser::parse_header(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
    fail(400);
    return false;
  }
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (!is_value(value)) {
    fail(400);
    return false;
  }
  std::string name = lowered(line.substr(0, colon));
  if (!apply_header(name, value)) return false;
  request_.headers.emplace_back(std::move(name), std::string(value));
  return true;
}

bool Http1Parser::apply_header(std::string_view name, std::string_view value) {
  if (name == "host") {
    if (has_host_) {
      fail(400, "too many Host headers");
      return false;
    }
    has_host_ = true;
  } else if (name == "content-length") {
    const bool digits = !value.empty() && value.size() <= 18 &&
                        std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (has_length_ || !digits) {
      fail(400);
      return false;
    }
    has_length_ = true;
    for (const char c : value) body_left_ = body_left_ * 10 + static_cast<size_t>(c - '0');
  } else if (name == "transfer-encoding") {
    if (chunked_ || lowered(value) != "chunked") {
      fail(chunked_ ? 400 : 501, chunked_ ? "" : "Unsupported transfer encoding");
      return false;
    }
    chunked_ = true;
  } else if (name == "expect") {
    if (lowered(value) != "100-continue") {
      fail(417);
      return false;
    }
    expects_continue_ = true;
  } else if (name == "connection") {
    each_element(value, [this](const std::string& option) {
      if (option == "close") close_asked_ = true;
      if (option == "keep-alive") keep_alive_asked_ = true;
    });
  }
  return true;
}

Http1Parser::Step Http1Parser::begin_body() {
  if (body_left_ > options_.body_bytes_max) return fail(413);
  if (!chunked_ && body_left_ == 0) return finish();
  state_ = chunked_ ? State::kChunkSize : State::kBody;
  return expects_continue_ && !http10_ ? Step::kContinue : Step::kNeedMore;
}

Http1Parser::Step Http1Parser::take_body(std::string_view& bytes) {
  const size_t part = std::min(body_left_, bytes.size());
  // Grown step by step, its earlier places would take as much again.
  if (body_.size() >= kReserveAtBytes) body_.reserve(body_.size() + body_left_);
  body_.append(bytes.substr(0, part));
  bytes.remove_prefix(part);
  body_left_ -= part;
  return body_left_ == 0 ? finish() : Step::kNeedMore;
}

// Appends to head_ up to and with the next CRLF; true when it is there (and cut off).
bool Http1Parser::take_line(std::string_view& bytes) {
  while (!bytes.empty()) {
    head_ += bytes.front();
    bytes.remove_prefix(1);
    if (head_.size() > options_.head_bytes_max) {
      fail(431);
      return false;
    }
    if (head_.back() != '\n') continue;
    if (!head_.ends_with("\r\n")) {
      fail(400);
      return false;
    }
    head_.resize(head_.size() - 2);
    return true;
  }
  return false;
}

Http1Parser::Step Http1Parser::parse_chunk_size() {
  const std::string_view line = head_;
  // Extensions are dropped; what follows the digits must be one.
  const std::string_view digits = trimmed(line.substr(0, line.find(';')));
  if (digits.empty() || digits.size() > 15 || line.front() == ' ' || line.front() == '\t') return fail(400);
  if (!is_value(line)) return fail(400);
  size_t size = 0;
  for (const char c : digits) {
    const char l = lower(c);
    const bool digit = l >= '0' && l <= '9';
    if (!digit && !(l >= 'a' && l <= 'f')) return fail(400);
    size = size * 16 + static_cast<size_t>(digit ? l - '0' : l - 'a' + 10);
  }
  trailer_bytes_ += line.size();  // many tiny chunks with long extensions are no body
  if (trailer_bytes_ > options_.head_bytes_max + body_.size()) return fail(431);
  head_.clear();
  if (size > options_.body_bytes_max - body_.size()) return fail(413);
  body_left_ = size;
  state_ = size == 0 ? State::kTrailers : State::kChunkData;
  if (size == 0) trailer_bytes_ = 0;
  return Step::kNeedMore;
}

Http1Parser::Step Http1Parser::take_chunked(std::string_view& bytes) {
  while (!bytes.empty()) {
    if (state_ == State::kChunkData) {
      const size_t part = std::min(body_left_, bytes.size());
      body_.append(bytes.substr(0, part));
      bytes.remove_prefix(part);
      body_left_ -= part;
      if (body_left_ == 0) state_ = State::kChunkEnd;
      continue;
    }
    if (!take_line(bytes)) return state_ == State::kFailed ? Step::kError : Step::kNeedMore;
    if (state_ == State::kChunkEnd) {
      if (!head_.empty()) return fail(400);
      state_ = State::kChunkSize;
    } else if (state_ == State::kChunkSize) {
      if (parse_chunk_size() == Step::kError) return Step::kError;
    } else {
      const bool last = head_.empty();
      trailer_bytes_ += head_.size();
      const size_t colon = head_.find(':');
      const bool good = last || (colon != std::string::npos && is_token(std::string_view(head_).substr(0, colon)));
      head_.clear();
      if (!good) return fail(400);
      if (trailer_bytes_ > options_.head_bytes_max) return fail(431);
      if (last) return finish();
    }
  }
  return Step::kNeedMore;
}

Http1Parser::Step Http1Parser::finish() {
  state_ = State::kHead;
  head_.clear();
  request_.body = Bytes::adopt(std::move(body_));
  body_ = std::string();
  return Step::kRequest;
}

std::string_view reason_phrase(int status) {
  struct Row {
    int status;
    std::string_view text;
  };
  static constexpr Row kRows[] = {{100, "Continue"},
                                  {101, "Switching Protocols"},
                                  {200, "OK"},
                                  {201, "Created"},
                                  {202, "Accepted"},
                                  {204, "No Content"},
                                  {206, "Partial Content"},
                                  {301, "Moved Permanently"},
                                  {302, "Found"},
                                  {303, "See Other"},
                                  {304, "Not Modified"},
                                  {307, "Temporary Redirect"},
                                  {308, "Permanent Redirect"},
                                  {400, "Bad Request"},
                                  {401, "Unauthorized"},
                                  {403, "Forbidden"},
                                  {404, "Not Found"},
                                  {405, "Method Not Allowed"},
                                  {408, "Request Timeout"},
                                  {409, "Conflict"},
                                  {410, "Gone"},
                                  {412, "Precondition Failed"},
                                  {413, "Request Entity Too Large"},
                                  {415, "Unsupported Media Type"},
                                  {417, "Expectation Failed"},
                                  {421, "Misdirected Request"},
                                  {429, "Too Many Requests"},
                                  {431, "Request Header Fields Too Large"},
                                  {500, "Internal Server Error"},
                                  {501, "Not Implemented"},
                                  {502, "Bad Gateway"},
                                  {503, "Service Unavailable"},
                                  {504, "Gateway Timeout"},
                                  {505, "HTTP Version Not Supported"}};
  for (const Row& row : kRows) {
    if (row.status == status) return row.text;
  }
  return "";
}

}  // namespace quorate::http
