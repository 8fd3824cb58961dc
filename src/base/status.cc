#include "base/status.h"

#include <array>

namespace quorate {

std::string_view code_name(Code code) {
  static constexpr std::array<std::string_view, 17> kNames = {
      "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
      "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
      "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
      "DataLoss", "Unauthenticated"};
  const auto number = static_cast<size_t>(code);
  return number < kNames.size() ? kNames[number] : "Unknown";
}

int http_status_of(Code code) {
  static constexpr std::array<int, 17> kStatuses = {200, 499, 500, 400, 504, 404, 409, 403, 429,
                                                    400, 409, 400, 501, 500, 503, 500, 401};
  const auto number = static_cast<size_t>(code);
  return number < kStatuses.size() ? kStatuses[number] : 500;
}

namespace errors {
#define QUORATE_ERROR(symbol, code, http, v2, text) \
  Status symbol() { return Status(Code::code, text); }
#include "base/errors.def"
#undef QUORATE_ERROR
}  // namespace errors

}  // namespace quorate
