#include "http/request_head.h"

#include <algorithm>

#include "http/chars.h"

namespace quorate::http {

bool RequestHead::add(std::string_view name, std::string_view value) {
  if (!good_) return false;
  good_ = is_value(value) && (name.starts_with(':') ? add_pseudo(name, value) : add_regular(name, value));
  return good_;
}

bool RequestHead::add_pseudo(std::string_view name, std::string_view value) {
  const uint8_t which = name == ":method"      ? kMethod
                        : name == ":scheme"    ? kScheme
                        : name == ":path"      ? kPath
                        : name == ":authority" ? kAuthority
                                               : 0;
  if (which == 0 || regular_begun_ || (seen_ & which) != 0) return false;
  seen_ |= which;
  if (which == kMethod) return is_token(value) && value != "CONNECT";
  if (which == kPath) return value.starts_with('/') || value == "*";
  return which == kAuthority || !value.empty();
}

bool RequestHead::add_regular(std::string_view name, std::string_view value) {
  regular_begun_ = true;
  const bool lower = std::none_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!lower || !is_token(name)) return false;
  switch (name.size()) {
    case 2: return name != "te" || value == "trailers";
    case 7: return name != "upgrade";
    case 10: return name != "connection" && name != "keep-alive";
    case 14: {
      if (name != "content-length") return true;
      const bool digits = !value.empty() && value.size() <= 18 &&
                          std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
      if (!digits || content_length_) return false;
      content_length_ = 0;
      for (const char c : value) *content_length_ = *content_length_ * 10 + static_cast<uint64_t>(c - '0');
      return true;
    }
    case 16: return name != "proxy-connection";
    case 17: return name != "transfer-encoding";
    default: return true;
  }
}

}  // namespace quorate::http
