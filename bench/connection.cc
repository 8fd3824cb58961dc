#include "bench/connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace quorate::bench {

namespace {

constexpr uint8_t kData = 0;
constexpr uint8_t kHeaders = 1;
constexpr uint8_t kResetStream = 3;
constexpr uint8_t kSettings = 4;
constexpr uint8_t kPing = 6;
constexpr uint8_t kGoAway = 7;
constexpr uint8_t kWindowUpdate = 8;
constexpr uint8_t kContinuation = 9;

constexpr uint8_t kEndStream = 0x1;
constexpr uint8_t kAck = 0x1;
constexpr uint8_t kEndHeaders = 0x4;
constexpr uint8_t kPadded = 0x8;
constexpr uint8_t kPriority = 0x20;

constexpr uint16_t kSettingHeaderTableSize = 1;
constexpr uint16_t kSettingInitialWindow = 4;

constexpr size_t kFrameHeader = 9;
// Wide enough that no window of ours ever holds the server back.
constexpr uint32_t kOurWindow = 16U << 20;
constexpr size_t kStreamPlaces = 1024;

uint32_t get32(const uint8_t* p) {
  return uint32_t{p[0]} << 24 | uint32_t{p[1]} << 16 | uint32_t{p[2]} << 8 | uint32_t{p[3]};
}

void put32(uint32_t v, std::string& out) {
  const char bytes[4] = {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8),
                         static_cast<char>(v)};
  out.append(bytes, sizeof bytes);
}

}  // namespace

int connect_to(const std::string& host, uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
    ::close(fd);
    errno = EINVAL;
    return -1;
  }
  const int one = 1;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0 || ::fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
    const int saved = errno;
    ::close(fd);
    errno = saved;
    return -1;
  }
  return fd;
}

Connection::Connection(int fd, uint32_t number, const std::string& authority, Sink& sink)
    : fd_(fd), number_(number), sink_(sink), encoder_(authority), streams_(kStreamPlaces) {
  out_ = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  frame_header(6, kSettings, 0, 0);
  out_.push_back(0);
  out_.push_back(static_cast<char>(kSettingInitialWindow));
  put32(kOurWindow, out_);
  window_update(0, kOurWindow - 65535);
}

Connection::~Connection() { ::close(fd_); }

void Connection::frame_header(size_t length, uint8_t type, uint8_t flags, uint32_t stream) {
  put32(static_cast<uint32_t>(length << 8) | type, out_);
  out_.push_back(static_cast<char>(flags));
  put32(stream, out_);
}

void Connection::window_update(uint32_t stream, uint32_t bytes) {
  frame_header(4, kWindowUpdate, 0, stream);
  put32(bytes, out_);
}

Connection::Stream* Connection::find(uint32_t id) {
  Stream& s = streams_[(id / 2) % kStreamPlaces];
  return s.id == id ? &s : nullptr;
}

uint32_t Connection::open(std::string_view path, std::string_view grpc_message, uint32_t slot, bool half_close) {
  const auto size = static_cast<int64_t>(grpc_message.size());
  if (broken_ || send_window_ < size || initial_stream_window_ < size) return 0;
  size_t tried = 0;
  while (streams_[(next_id_ / 2) % kStreamPlaces].id != 0) {
    if (++tried == kStreamPlaces) return 0;
    next_id_ += 2;
  }
  Stream& s = streams_[(next_id_ / 2) % kStreamPlaces];
  s = {next_id_, slot, initial_stream_window_ - size, 0};
  next_id_ += 2;
  send_window_ -= size;
  const std::string_view block = encoder_.block_for(path);
  frame_header(block.size(), kHeaders, kEndHeaders, s.id);
  out_.append(block);
  frame_header(grpc_message.size(), kData, half_close ? kEndStream : uint8_t{0}, s.id);
  out_.append(grpc_message);
  return s.id;
}

bool Connection::send(uint32_t stream, std::string_view grpc_message) {
  const auto size = static_cast<int64_t>(grpc_message.size());
  Stream* s = find(stream);
  if (broken_ || s == nullptr || send_window_ < size || s->send_window < size) return false;
  s->send_window -= size;
  send_window_ -= size;
  frame_header(grpc_message.size(), kData, 0, stream);
  out_.append(grpc_message);
  return true;
}

void Connection::flush() {
  while (!broken_ && sent_ < out_.size()) {
    const auto n = ::send(fd_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (n < 0) {
      if (errno != EAGAIN && errno != EINTR) fail(std::string("send: ") + std::strerror(errno));
      if (errno == EINTR) continue;
      return;
    }
    sent_ += static_cast<size_t>(n);
  }
  out_.clear();
  sent_ = 0;
}

void Connection::read_some(std::span<uint8_t> scratch) {
  const auto n = ::recv(fd_, scratch.data(), scratch.size(), 0);
  if (n == 0) return fail("closed by the server");
  if (n < 0) {
    if (errno != EAGAIN && errno != EINTR) fail(std::string("recv: ") + std::strerror(errno));
    return;
  }
  const auto fresh = scratch.first(static_cast<size_t>(n));
  if (partial_.empty()) {
    const size_t used = take_frames(fresh);
    partial_.assign(reinterpret_cast<const char*>(fresh.data()) + used, fresh.size() - used);
    return;
  }
  partial_.append(reinterpret_cast<const char*>(fresh.data()), fresh.size());
  const size_t used = take_frames({reinterpret_cast<const uint8_t*>(partial_.data()), partial_.size()});
  partial_.erase(0, used);
}

size_t Connection::take_frames(std::span<const uint8_t> bytes) {
  size_t at = 0;
  while (!broken_ && bytes.size() - at >= kFrameHeader) {
    const uint8_t* head = bytes.data() + at;
    const size_t length = get32(head) >> 8;
    if (bytes.size() - at < kFrameHeader + length) break;
    take({head[3], head[4], get32(head + 5) & 0x7fffffff, bytes.subspan(at + kFrameHeader, length)});
    at += kFrameHeader + length;
  }
  return at;
}

void Connection::take(const Frame& frame) {
  switch (frame.type) {
    case kData: return take_data(frame);
    case kHeaders: return take_headers(frame);
    case kSettings: return take_settings(frame);
    case kWindowUpdate: return take_window_update(frame);
    case kResetStream:
      if (Stream* s = find(frame.stream)) end(*s, -1, "stream reset");
      return;
    case kPing:
      if ((frame.flags & kAck) == 0) {
        frame_header(frame.payload.size(), kPing, kAck, 0);
        out_.append(reinterpret_cast<const char*>(frame.payload.data()), frame.payload.size());
      }
      return;
    case kGoAway: return fail("the server is going away");
    case kContinuation: return fail("a response header block in several frames");
    default: return;
  }
}

void Connection::take_data(const Frame& frame) {
  if ((frame.flags & kPadded) != 0) return fail("padded frames are not read");
  const auto size = static_cast<uint32_t>(frame.payload.size());
  unacknowledged_ += size;
  if (unacknowledged_ > kOurWindow / 2) {
    window_update(0, unacknowledged_);
    unacknowledged_ = 0;
  }
  Stream* s = find(frame.stream);
  if (s == nullptr) return;
  s->unacknowledged += size;
  if (s->unacknowledged > kOurWindow / 2) {
    window_update(s->id, s->unacknowledged);
    s->unacknowledged = 0;
  }
  sink_.on_data(*this, s->slot, frame.payload);
  if ((frame.flags & kEndStream) != 0) end(*s, -1, "no trailers");
}

void Connection::take_headers(const Frame& frame) {
  if ((frame.flags & kEndHeaders) == 0) return fail("a response header block in several frames");
  if ((frame.flags & (kPadded | kPriority)) != 0) return fail("padded frames are not read");
  const HeaderDecoder::Meaning* meaning = decoder_.decode(frame.payload);
  if (meaning == nullptr) return fail("a header block that is not HPACK");
  if ((frame.flags & kEndStream) == 0) return;
  if (Stream* s = find(frame.stream)) end(*s, meaning->grpc_status, meaning->grpc_message);
}

void Connection::take_settings(const Frame& frame) {
  if ((frame.flags & kAck) != 0) return;
  for (size_t at = 0; at + 6 <= frame.payload.size(); at += 6) {
    const uint8_t* p = frame.payload.data() + at;
    const auto id = static_cast<uint16_t>(p[0] << 8 | p[1]);
    const uint32_t value = get32(p + 2);
    if (id == kSettingHeaderTableSize && value < 4096) return fail("a header table below 4096 bytes");
    if (id == kSettingInitialWindow) {
      const int64_t change = int64_t{value} - initial_stream_window_;
      initial_stream_window_ = value;
      for (Stream& s : streams_) s.send_window += change;
    }
  }
  frame_header(0, kSettings, kAck, 0);
  sink_.on_writable(*this);
}

void Connection::take_window_update(const Frame& frame) {
  if (frame.payload.size() != 4) return fail("a malformed WINDOW_UPDATE");
  const uint32_t bytes = get32(frame.payload.data()) & 0x7fffffff;
  if (frame.stream == 0) {
    send_window_ += bytes;
  } else if (Stream* s = find(frame.stream)) {
    s->send_window += bytes;
  }
  sink_.on_writable(*this);
}

void Connection::end(Stream& stream, int grpc_status, std::string_view message) {
  const uint32_t slot = stream.slot;
  stream = {};
  sink_.on_end(*this, slot, grpc_status, message);
}

void Connection::fail(std::string why) {
  if (broken_) return;
  broken_ = true;
  why_broken_ = std::move(why);
}

}  // namespace quorate::bench
