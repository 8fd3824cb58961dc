// base/status.h: how an operation ended, in the words of gRPC and of etcd.
//
// Invariant: code() == Code::kOk exactly when the status is a success; its text is then empty.
// Threads: any; a Status is a value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace quorate {

// gRPC status codes, by number.
enum class Code : uint8_t {
  kOk = 0,
  kCanceled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// The code's name in gRPC's CamelCase ("InvalidArgument"), as metrics and texts print it.
std::string_view code_name(Code code);

// The HTTP status that the JSON gateway answers for a code.
int http_status_of(Code code);

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string text) : code_(code), text_(std::move(text)) {}

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& text() const { return text_; }

  friend bool operator==(const Status&, const Status&) = default;

 private:
  Code code_ = Code::kOk;
  std::string text_;
};

// One function per row of errors.def: errors::EmptyKey() and so on.
namespace errors {
#define QUORATE_ERROR(symbol, code, http, v2, text) Status symbol();
#include "base/errors.def"
#undef QUORATE_ERROR
}  // namespace errors

}  // namespace quorate
