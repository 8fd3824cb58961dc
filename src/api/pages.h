// api/pages.h: what the pages of plain HTTP share: their answers, and the query of a request.
//
// Threads: any; values. Source: server, section 2.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/server.h"

namespace quorate::api::plain {

using Answer = std::move_only_function<void(http::PlainResponse)>;

inline constexpr const char* kText = "text/plain; charset=utf-8";

http::PlainResponse respond(int status, std::string body, const char* type);
// As Go's servers mark errors, and etcd its checks too.
http::PlainResponse nosniff(int status, std::string body);
http::PlainResponse not_found();
http::PlainResponse method_not_allowed();

// The parameters of a query, decoded; those that cannot be are left out.
class Query {
 public:
  explicit Query(std::string_view text);
  bool has(std::string_view name) const;
  // The first value, or "".
  std::string_view first(std::string_view name) const;
  // All values but "".
  std::vector<std::string_view> all(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> parameters_;
};

// `path` without double slashes and dots, as Go's mux wants it; what differs from it is redirected.
std::string clean_path(std::string_view path);

}  // namespace quorate::api::plain
