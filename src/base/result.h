// base/result.h: a value or the Status that explains its absence.
//
// TRY(expr) evaluates to the value of a Result, or returns its status from the enclosing function;
// TRY_STATUS(expr) does so for a plain Status.
#pragma once

#include <expected>
#include <utility>

#include "base/status.h"

namespace quorate {

template <class T>
using Result = std::expected<T, Status>;

// Makes a Result of any type fail with `status`.
inline std::unexpected<Status> fail(Status status) { return std::unexpected<Status>(std::move(status)); }
inline std::unexpected<Status> fail(Code code, std::string text) {
  return std::unexpected<Status>(Status(code, std::move(text)));
}

namespace detail {
inline Status status_of(Status status) { return status; }
}  // namespace detail

}  // namespace quorate

// A declaration form, so that no compiler extension is needed: TRY(name, expr) declares `name`.
#define QUORATE_TRY_CONCAT_(a, b) a##b
#define QUORATE_TRY_CONCAT(a, b) QUORATE_TRY_CONCAT_(a, b)
#define TRY(declaration, expression)                                                      \
  auto QUORATE_TRY_CONCAT(try_result_, __LINE__) = (expression);                          \
  if (!QUORATE_TRY_CONCAT(try_result_, __LINE__)) [[unlikely]]                            \
    return ::quorate::fail(std::move(QUORATE_TRY_CONCAT(try_result_, __LINE__).error())); \
  declaration = std::move(*QUORATE_TRY_CONCAT(try_result_, __LINE__))
