#include "http/message_reader.h"

#include <algorithm>

#include "http/gzip.h"

namespace quorate::http {

namespace {
// Reserved at once for a message that comes in parts; more only as it arrives.
constexpr size_t kFirstReserveBytes = 64 * 1024;
}  // namespace

void MessageReader::reset(const Options& options) {
  options_ = options;
  prefix_size_ = 0;
  partial_.clear();
  partial_.shrink_to_fit();
  encoding_.clear();
  takes_gzip_ = false;
}

size_t MessageReader::message_bytes() const {
  return (static_cast<size_t>(prefix_[1]) << 24) | (static_cast<size_t>(prefix_[2]) << 16) |
         (static_cast<size_t>(prefix_[3]) << 8) | prefix_[4];
}

Status MessageReader::check_prefix() const {
  if (message_bytes() > options_.max_message_bytes) {
    return Status(Code::kResourceExhausted, "grpc: received message larger than max (" +
                                                std::to_string(message_bytes()) + " vs. " +
                                                std::to_string(options_.max_message_bytes) + ")");
  }
  if (prefix_[0] == 0) return Status();
  if (prefix_[0] != 1) {
    return Status(Code::kInternal, "grpc: received unexpected payload format " + std::to_string(prefix_[0]));
  }
  if (encoding_.empty() || encoding_ == "identity") {
    return Status(Code::kInternal, "grpc: compressed flag set with identity or empty encoding");
  }
  if (takes_gzip_ && encoding_ == "gzip") return Status();
  return Status(options_.compressed, "grpc: Decompressor is not installed for grpc-encoding \"" + encoding_ + "\"");
}

MessageReader::Next MessageReader::give(Bytes whole, Bytes& message, Status& error) {
  prefix_size_ = 0;
  if (prefix_[0] == 0) {
    message = std::move(whole);
    return Next::kMessage;
  }
  Result<std::string> text = gunzip(whole.view(), options_.max_message_bytes);
  if (!text) {
    error = text.error();
    return Next::kError;
  }
  message = Bytes::adopt(std::move(*text));
  return Next::kMessage;
}

MessageReader::Next MessageReader::next(std::string_view& bytes, Bytes& message, Status& error) {
  if (prefix_size_ < kPrefixBytes) {
    const size_t part = std::min(kPrefixBytes - prefix_size_, bytes.size());
    std::copy_n(bytes.begin(), part, prefix_.begin() + static_cast<ptrdiff_t>(prefix_size_));
    prefix_size_ += part;
    bytes.remove_prefix(part);
    if (prefix_size_ < kPrefixBytes) return Next::kNeedMore;
    error = check_prefix();
    if (!error.ok()) return Next::kError;
  }
  const size_t size = message_bytes();
  if (partial_.empty() && bytes.size() >= size) {
    const std::string_view whole = bytes.substr(0, size);
    bytes.remove_prefix(size);
    return give(Bytes::copy(whole), message, error);
  }
  if (partial_.empty()) partial_.reserve(std::min(size, kFirstReserveBytes));
  const size_t part = std::min(size - partial_.size(), bytes.size());
  partial_.append(bytes.substr(0, part));
  bytes.remove_prefix(part);
  if (partial_.size() < size) return Next::kNeedMore;
  Bytes whole = Bytes::adopt(std::move(partial_));
  partial_ = std::string();
  return give(std::move(whole), message, error);
}

}  // namespace quorate::http
