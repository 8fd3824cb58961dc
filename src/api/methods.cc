#include "api/methods.h"

#include <algorithm>
#include <array>
#include <string>

namespace quorate::api {
namespace {

constexpr MethodKind unary = MethodKind::kUnary;
constexpr MethodKind server_stream = MethodKind::kServerStream;
constexpr MethodKind bidi_stream = MethodKind::kBidiStream;

constexpr MethodRow kRows[] = {
#define QUORATE_METHOD(symbol, service, method, kind) {Method::symbol, service, method, kind},
#include "api/methods.def"
#undef QUORATE_METHOD
};

}  // namespace

std::span<const MethodRow> all_methods() { return kRows; }

const MethodRow& row_of(Method method) { return kRows[static_cast<size_t>(method)]; }

std::string_view kind_name(MethodKind kind) {
  switch (kind) {
    case MethodKind::kUnary: return "unary";
    case MethodKind::kServerStream: return "server_stream";
    case MethodKind::kBidiStream: return "bidi_stream";
  }
  return "unary";
}

Result<Method> find_method(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (path.empty() || path[0] != '/' || slash == 0) {
    return fail(Code::kUnimplemented, "malformed method name: \"" + std::string(path) + "\"");
  }
  const std::string_view service = path.substr(1, slash - 1);
  const std::string_view name = path.substr(slash + 1);
  bool known_service = false;
  for (const MethodRow& row : kRows) {
    if (row.service != service) continue;
    if (row.name == name) return row.method;
    known_service = true;
  }
  if (!known_service) return fail(Code::kUnimplemented, "unknown service " + std::string(service));
  return fail(Code::kUnimplemented, "unknown method " + std::string(name) + " for service " + std::string(service));
}

}  // namespace quorate::api
