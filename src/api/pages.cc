#include "api/pages.h"

#include <algorithm>
#include <optional>

namespace quorate::api::plain {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

}  // namespace

http::PlainResponse respond(int status, std::string body, const char* type) {
  return {.status = status, .headers = {{"content-type", type}}, .body = Bytes::adopt(std::move(body))};
}

http::PlainResponse nosniff(int status, std::string body) {
  http::PlainResponse response = respond(status, std::move(body), kText);
  response.headers.emplace_back("x-content-type-options", "nosniff");
  return response;
}

http::PlainResponse not_found() { return nosniff(404, "404 page not found\n"); }

http::PlainResponse method_not_allowed() {
  http::PlainResponse response = nosniff(405, "Method Not Allowed\n");
  response.headers.emplace_back("allow", "GET");
  return response;
}

Query::Query(std::string_view text) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    const std::string_view each = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (each.empty() || each.find(';') != std::string_view::npos) continue;
    const size_t equals = std::min(each.find('='), each.size());
    auto name = unescaped(each.substr(0, equals));
    auto value = unescaped(each.substr(std::min(equals + 1, each.size())));
    if (name && value) parameters_.emplace_back(std::move(*name), std::move(*value));
  }
}

bool Query::has(std::string_view name) const {
  return std::any_of(parameters_.begin(), parameters_.end(), [&](const auto& each) { return each.first == name; });
}

std::string_view Query::first(std::string_view name) const {
  for (const auto& [key, value] : parameters_) {
    if (key == name) return value;
  }
  return {};
}

std::vector<std::string_view> Query::all(std::string_view name) const {
  std::vector<std::string_view> out;
  for (const auto& [key, value] : parameters_) {
    if (key == name && !value.empty()) out.push_back(value);
  }
  return out;
}

std::string clean_path(std::string_view path) {
  std::vector<std::string_view> parts;
  const bool slash_at_end = path.size() > 1 && (path.ends_with('/') || path.ends_with("/.") || path.ends_with("/.."));
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  std::string out;
  for (const std::string_view part : parts) {
    out += '/';
    out += part;
  }
  return out.empty() || slash_at_end ? out + "/" : out;
}

}  // namespace quorate::api::plain
