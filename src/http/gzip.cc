#include "http/gzip.h"

#include <zlib.h>

#include <algorithm>

#include "base/check.h"

namespace quorate::http {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib's word for the largest window in gzip's wrapping
constexpr size_t kHeadBytes = 10;     // of a member, without what is optional
constexpr size_t kStepBytes = 16 * 1024;

Bytef* bytes_of(std::string_view text) { return reinterpret_cast<Bytef*>(const_cast<char*>(text.data())); }

class Inflater {
 public:
  Inflater() { CHECK(inflateInit2(&stream_, kGzipWindow) == Z_OK); }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  void feed(std::string_view in) {
    stream_.next_in = bytes_of(in);
    stream_.avail_in = static_cast<uInt>(in.size());
  }
  // Appends up to kStepBytes to `out`.
  int step(std::string& out) {
    const size_t before = out.size();
    out.resize(before + kStepBytes);
    stream_.next_out = bytes_of(out) + before;
    stream_.avail_out = kStepBytes;
    const int rv = inflate(&stream_, Z_NO_FLUSH);
    out.resize(before + kStepBytes - stream_.avail_out);
    return rv;
  }
  void next_member() { CHECK(inflateReset(&stream_) == Z_OK); }
  size_t left() const { return stream_.avail_in; }
  std::string_view message() const { return stream_.msg == nullptr ? "" : stream_.msg; }

 private:
  z_stream stream_{};
};

std::string_view why(std::string_view zlib) {
  if (zlib.starts_with("incorrect header") || zlib.starts_with("unknown compression") ||
      zlib.starts_with("unknown header") || zlib.starts_with("header crc")) {
    return "gzip: invalid header";
  }
  if (zlib.starts_with("incorrect data check") || zlib.starts_with("incorrect length")) return "gzip: invalid checksum";
  return "flate: corrupt input";
}

Status unreadable(std::string_view text) {
  return {Code::kInternal, "grpc: failed to read decompressed data: " + std::string(text)};
}

// What is wrong with the first member's head, which is read before all else.
std::string_view fault_of_head(std::string_view in) {
  if (in.empty()) return "EOF";
  if (in.size() < kHeadBytes) return "unexpected EOF";
  return in.starts_with("\x1f\x8b\x08") ? "" : "gzip: invalid header";
}

}  // namespace

Result<std::string> gunzip(std::string_view compressed, size_t bytes_max) {
  if (const std::string_view fault = fault_of_head(compressed); !fault.empty()) {
    return fail(Code::kInternal, "grpc: failed to decompress the message: " + std::string(fault));
  }
  Inflater inflater;
  inflater.feed(compressed);
  std::string out;
  for (;;) {
    const int rv = inflater.step(out);
    if (out.size() > bytes_max) {
      return fail(Code::kResourceExhausted,
                  "grpc: received message after decompression larger than max " + std::to_string(bytes_max));
    }
    if (rv == Z_STREAM_END) {
      if (inflater.left() == 0) return out;
      if (inflater.left() < kHeadBytes) return fail(unreadable("unexpected EOF"));
      inflater.next_member();
    } else if (rv == Z_BUF_ERROR) {  // there is room, so there is no more input
      return fail(unreadable("unexpected EOF"));
    } else if (rv != Z_OK) {
      return fail(unreadable(why(inflater.message())));
    }
  }
}

std::string gzip(std::string_view text) {
  z_stream stream{};
  constexpr int kMemoryLevel = 8;
  CHECK(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, kMemoryLevel, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  stream.next_in = bytes_of(text);
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = bytes_of(out);
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace quorate::http
