// api/methods.h: the table of gRPC methods, and how a path finds its row.
//
// Threads: any; the table is constant.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"

namespace quorate::api {

enum class Method : uint8_t {
#define QUORATE_METHOD(symbol, service, method, kind) symbol,
#include "api/methods.def"
#undef QUORATE_METHOD
};

enum class MethodKind : uint8_t { kUnary, kServerStream, kBidiStream };

struct MethodRow {
  Method method;
  std::string_view service;  // "etcdserverpb.KV"
  std::string_view name;     // "Range"
  MethodKind kind;
};

std::span<const MethodRow> all_methods();
const MethodRow& row_of(Method method);
// "unary", "server_stream", "bidi_stream": the metric's label.
std::string_view kind_name(MethodKind kind);

// Finds "/package.Service/Method". Errors: Unimplemented in gRPC's words.
Result<Method> find_method(std::string_view path);

}  // namespace quorate::api
