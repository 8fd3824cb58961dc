// http/request_head.h: whether the head of an HTTP/2 request is well-formed.
//
// The library's own check refuses an :authority that is none, and some clients of etcd 3.5 send
// "#initially=[127.0.0.1:2379]" there. This one takes any value there and is as strict in the rest.
// Loop: the connection's. Source: RFC 9113, 8.2 and 8.3.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace quorate::http {

class RequestHead {
 public:
  void reset() { *this = RequestHead(); }
  // Takes the next field. False once the head is malformed.
  bool add(std::string_view name, std::string_view value);
  // To be asked after the last field.
  bool well_formed() const { return good_ && (seen_ & kRequired) == kRequired; }
  std::optional<uint64_t> content_length() const { return content_length_; }

 private:
  enum Pseudo : uint8_t { kMethod = 1, kScheme = 2, kPath = 4, kAuthority = 8 };
  static constexpr uint8_t kRequired = kMethod | kScheme | kPath;

  bool add_pseudo(std::string_view name, std::string_view value);
  bool add_regular(std::string_view name, std::string_view value);

  bool good_ = true;
  bool regular_begun_ = false;
  uint8_t seen_ = 0;  // a set of Pseudo
  std::optional<uint64_t> content_length_;
};

}  // namespace quorate::http
